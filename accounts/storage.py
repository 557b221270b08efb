"""What tables and their indexes take on disk, and which indexes do nothing for it, as PostgreSQL itself has it noted.

A table in pieces (accounts/partitions.py) is one here, and so are the indexes of its pieces.
"""

from dataclasses import dataclass
from datetime import datetime

from accounts.statements import run

TABLES = """
SELECT coalesce(pg_partition_root(relid), relid)::regclass::text, sum(greatest(reltuples, 0))::bigint,
       sum(pg_relation_size(relid))::bigint, sum(pg_indexes_size(relid))::bigint,
       sum(pg_total_relation_size(relid))::bigint, sum(n_dead_tup)::bigint,
       sum(n_tup_upd)::bigint, sum(n_tup_hot_upd)::bigint
FROM pg_stat_user_tables JOIN pg_class ON pg_class.oid = relid
WHERE relkind = 'r' AND schemaname = current_schema()
GROUP BY 1 ORDER BY 5 DESC, 1
"""
# Of those that only make questions quick: who keeps a promise is needed whether or not it is asked.
UNUSED = """
SELECT coalesce(pg_partition_root(stat.indexrelid), stat.indexrelid)::regclass::text,
       coalesce(pg_partition_root(stat.relid), stat.relid)::regclass::text,
       sum(pg_relation_size(stat.indexrelid))::bigint
FROM pg_stat_user_indexes stat JOIN pg_index ON pg_index.indexrelid = stat.indexrelid
WHERE schemaname = current_schema() AND NOT indisunique
GROUP BY 1, 2 HAVING sum(idx_scan) = 0
ORDER BY 3 DESC, 1
"""
# One that begins like another, in the same order and for the same rows, which says nothing that the other does not.
COVERED = """
SELECT less.indexrelid::regclass::text, less.indrelid::regclass::text, more.indexrelid::regclass::text
FROM pg_index less JOIN pg_index more USING (indrelid)
JOIN pg_class less_class ON less_class.oid = less.indexrelid
JOIN pg_class more_class ON more_class.oid = more.indexrelid AND more_class.relam = less_class.relam
WHERE less.indexrelid <> more.indexrelid AND NOT less.indisunique AND NOT less_class.relispartition
  AND less_class.relnamespace = current_schema()::regnamespace
  AND less.indexprs IS NULL AND more.indexprs IS NULL
  AND pg_get_expr(less.indpred, indrelid) IS NOT DISTINCT FROM pg_get_expr(more.indpred, indrelid)
  AND starts_with(more.indkey::text || ' ', less.indkey::text || ' ')
  AND starts_with(more.indclass::text || ' ', less.indclass::text || ' ')
  AND starts_with(more.indoption::text || ' ', less.indoption::text || ' ')
  AND (less.indkey::text <> more.indkey::text OR more.indisunique OR less.indexrelid > more.indexrelid)
ORDER BY 1, 3
"""
COUNTED_SINCE = "SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True)
class Table:
    """Bytes, and counts since the statistics began. `rows`: as it was analyzed last."""

    name: str
    rows: int
    heap: int
    indexes: int
    total: int
    dead: int
    updated: int
    hot: int

    @property
    def bytes_a_row(self) -> float:
        return self.total / self.rows if self.rows else 0.0

    @property
    def hot_share(self) -> float | None:
        """Of the updates those that no index heard of; None: there was none."""
        return self.hot / self.updated if self.updated else None


@dataclass(frozen=True)
class UnusedIndex:
    name: str
    table: str
    size: int


@dataclass(frozen=True)
class CoveredIndex:
    name: str
    table: str
    by: str


def tables() -> list[Table]:
    """The largest first."""
    return [Table(*row) for row in run(TABLES, {})]


def unused_indexes() -> list[UnusedIndex]:
    """Asked by nobody since the statistics began; a replica has statistics of its own."""
    return [UnusedIndex(*row) for row in run(UNUSED, {})]


def covered_indexes() -> list[CoveredIndex]:
    return [CoveredIndex(*row) for row in run(COVERED, {})]


def counted_since() -> datetime | None:
    """None: since the database was made."""
    since: datetime | None
    ((since,),) = run(COUNTED_SINCE, {})
    return since
