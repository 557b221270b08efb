"""What can be measured, by name."""

from collections.abc import Mapping

from intake.bench.desk import desk
from intake.bench.mails import mails, memory_of_worker
from intake.bench.measuring import Area
from intake.bench.pages import redirects, singles, surveys
from intake.bench.planning import planning
from intake.bench.rows import batches, imports
from intake.bench.scale import due, growth, memory
from intake.bench.storage import storage
from intake.bench.understanding import understanding

AREAS: Mapping[str, Area] = {
    "import": imports,
    "batch": batches,
    "single": singles,
    "redirect": redirects,
    "survey": surveys,
    "mail": mails,
    "mail-memory": memory_of_worker,
    "growth": growth,
    "memory": memory,
    "planning": planning,
    "due": due,
    "storage": storage,
    "desk": desk,
    "understanding": understanding,
}
