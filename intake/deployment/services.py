"""PostgreSQL, Redis and our own processes, as they are now."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Tags, run_checks
from django.core.checks import Error as CheckError
from django.db import connection
from django.db.models.functions import Now
from django.db.utils import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import replica
from accounts.clock import database_now
from affiliates.services.clicks import clicks_without_month, room_for_clicks_until
from intake.deployment.findings import Findings, error, fine, warning
from mailing.alarms import ADVICE
from mailing.models import Heartbeat, TaskRun
from mailing.services.watching import watch
from postventa.readiness import is_database_reachable, is_migrated

OLDEST_POSTGRES = 150000  # as `server_version_num` writes 15.0
MOST_SECONDS_APART = 5
FULL = 0.8  # of the connections there are
ROOM_AHEAD = timedelta(days=3)
HOUR = timedelta(hours=1)
POSTGRES, REPLICA, REDIS, PROCESSES, BACKUP = "PostgreSQL", "Replica", "Redis", "Celery", "backup"

FACTS = """
SELECT current_setting('server_version_num')::int, current_setting('server_version'),
       current_setting('server_encoding'), current_setting('fsync'), current_setting('synchronous_commit'),
       clock_timestamp(), current_setting('max_connections')::int,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
"""


def settings_found() -> Findings:
    """What `manage.py check --deploy` says."""
    found: list[CheckMessage] = run_checks(tags=[Tags.security], include_deployment_checks=True)
    for message in found:
        told = error if message.level >= CheckError("").level else warning
        yield told(message.id or "", message.msg, message.hint or "")
    if not found:
        yield fine(_("Settings"), _("Nothing is missing."))


def database_found() -> Findings:
    if not is_database_reachable():
        yield error(POSTGRES, _("It cannot be reached."), _("Look at DATABASE_URL and at the server’s log."))
        return
    with connection.cursor() as cursor:
        cursor.execute(FACTS)
        number, version, encoding, fsync, commit, clock, most, used, is_superuser = cursor.fetchone()
    yield from (
        *old_version(number, version),
        *loses_what_it_promised(fsync, commit),
        *clock_apart(clock, datetime.now(UTC)),
        *full(used, most),
    )
    if encoding != "UTF8":
        yield error(POSTGRES, _("The database is not in UTF-8."), _("Make it anew with ENCODING 'UTF8'."))
    if is_superuser:
        yield warning(
            POSTGRES,
            _("The product signs in as a superuser, who may do anything on that server."),
            _("Give it a role of its own that owns this database alone."),
        )
    if not is_migrated():
        yield error(POSTGRES, _("The database is older than this version."), _("Run manage.py migrate."))
    else:
        yield from no_month(clicks_without_month(), room_for_clicks_until(), clock)


def old_version(number: int, version: str) -> Findings:
    if number < OLDEST_POSTGRES:
        text = _("Version %(version)s is too old.") % {"version": version}
        yield error(POSTGRES, text, _("Version 15 or newer is needed."))
    else:
        yield fine(POSTGRES, _("Version %(version)s, reachable.") % {"version": version})


def loses_what_it_promised(fsync: str, commit: str) -> Findings:
    if fsync == "off" or commit == "off":
        yield error(
            POSTGRES,
            _("What was saved can be lost in a power cut."),
            _("Turn fsync and synchronous_commit on: answers that a customer was thanked for must stay."),
        )


def clock_apart(theirs: datetime, ours: datetime) -> Findings:
    seconds = round(abs((ours - theirs).total_seconds()))
    if seconds > MOST_SECONDS_APART:
        text = _("The clocks of the database and of this machine are %(seconds)d s apart.") % {"seconds": seconds}
        yield warning(POSTGRES, text, _("Let both keep time by NTP: signed requests are refused by age."))


def no_month(strays: int, room_until: datetime, clock: datetime) -> Findings:
    advice = _("Let beat run, which makes room every hour. Clicks from the future are of a host whose clock is wrong.")
    if strays:
        text = ngettext("%(n)d click has found no month.", "%(n)d clicks have found no month.", strays)
        yield warning(POSTGRES, text % {"n": strays}, advice)
    if room_until < clock + ROOM_AHEAD:
        yield warning(POSTGRES, _("There is no room for next month’s clicks yet."), advice)


def full(used: int, most: int) -> Findings:
    if used > FULL * most:
        text = _("%(used)d of %(most)d connections are taken.") % {"used": used, "most": most}
        yield warning(POSTGRES, text, _("Raise max_connections, or run fewer processes and threads."))


def replica_found() -> Findings:
    if not replica.exists():
        return
    behind = replica.WATCH.behind()
    if behind is None:
        text = _("It cannot be read from: it does not answer, or does not follow this database.")
        yield error(REPLICA, text, _("Look at DATABASE_REPLICA_URL, and at that server’s log. Pages go on without it."))
    elif behind > settings.REPLICA_MAX_LAG_SECONDS:
        text = _("It is %(seconds)d s behind, and not read from meanwhile.") % {"seconds": behind}
        yield warning(REPLICA, text, _("See pg_stat_replication on the primary, and what keeps the replica busy."))
    else:
        yield fine(REPLICA, _("It follows."))


def redis_found() -> Findings:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        with closing(client):
            client.ping()
    except redis.RedisError:
        yield error(REDIS, _("It cannot be reached."), _("Look at REDIS_URL. Mail goes on, but minutes late."))
    else:
        yield fine(REDIS, _("Reachable."))


def processes_found() -> Findings:
    """Beat and the workers, and whether the mail goes."""
    try:
        troubles = watch()
        alive = Heartbeat.objects.filter(
            stopped_at=None, seen_at__gt=Now() - timedelta(seconds=settings.ALARM_SILENT_SECONDS)
        )
        beats, workers = (alive.filter(kind=kind).count() for kind in (Heartbeat.Kind.BEAT, Heartbeat.Kind.WORKER))
    except DatabaseError:
        return  # said already
    for kind in troubles:
        yield error(PROCESSES, str(kind.label), str(ADVICE[kind]))
    if beats > 1:
        text = _("%(n)d beats are at work.") % {"n": beats}
        yield warning(PROCESSES, text, _("Run one: what each starts is done once all the same, but asked for twice."))
    if workers and beats:
        text = ngettext("Beat and %(n)d worker are at work.", "Beat and %(n)d workers are at work.", workers)
        yield fine(PROCESSES, text % {"n": workers})


def backups_found() -> Findings:
    """Whether `manage.py backup` has ended well lately, unless backups are made otherwise."""
    hours = settings.BACKUP_MAX_AGE_HOURS
    if not hours:
        return
    advice = _("Run manage.py backup every night; where backups are made otherwise, set BACKUP_MAX_AGE_HOURS to 0.")
    try:
        last = TaskRun.objects.filter(name=BACKUP, ended_well_at__isnull=False).values_list("ended_well_at", flat=True)
        made_at, clock = last.first(), database_now()
    except DatabaseError:
        return  # said already
    if made_at is None:
        yield warning(_("Backup"), _("There is none yet."), advice)
    elif clock - made_at > timedelta(hours=hours):
        text = ngettext("The last is %(n)d hour old.", "The last is %(n)d hours old.", age := (clock - made_at) // HOUR)
        yield error(_("Backup"), text % {"n": age}, advice)
    else:
        yield fine(_("Backup"), _("One was made within %(n)d hours.") % {"n": hours})
