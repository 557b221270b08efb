"""gunicorn reads this file from the folder it starts in; the command line can still say otherwise."""

import gc
import itertools
import os
import shutil
import tempfile
from typing import Any

from prometheus_client import values

from postventa.logs import logging_config

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
# A worker is replaced now and then, not all at the same time.
max_requests = 10_000
max_requests_jitter = 1_000
# One file for all of a user's gunicorns, and a way in that nobody here uses.
control_socket_disable = True
# Requests are logged by the application, with their id; gunicorn's own line would say it again.
accesslog = None


# Where the workers of this host count requests, so that any of them can tell the sum (postventa/metrics.py): in memory
# where there is such a folder. On a disk it shares, each write of the database would wait for these numbers too.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # else this is a reload
    is_free = "TMPDIR" not in os.environ and os.access("/dev/shm", os.W_OK)  # noqa: S108
    memory = "/dev/shm" if is_free else None  # noqa: S108
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="postventa-metrics-", dir=memory)


def pre_fork(server: Any, worker: Any) -> None:
    """The least number that nobody at work has: whoever follows a worker counts on from where it ended.

    By process numbers, as is usual, each worker that is replaced would leave files behind, read at every question.
    """
    held = {other.number for other in server.WORKERS.values()}
    worker.number = next(number for number in itertools.count() if number not in held)


def post_fork(server: Any, worker: Any) -> None:
    values.ValueClass = values.MultiProcessValue(lambda: worker.number)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def post_worker_init(worker: Any) -> None:
    """What is loaded stays: the collector need not look through half a million objects again and again."""
    gc.collect()
    gc.freeze()


is_json = os.environ.get("LOG_JSON", "true").lower() in ("1", "true", "yes", "on")
logconfig_dict = logging_config(level=os.environ.get("LOG_LEVEL", "INFO"), as_json=is_json)
