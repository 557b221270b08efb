import os

# Before numpy is there: our matrices are small, and its threads would mostly wait for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
