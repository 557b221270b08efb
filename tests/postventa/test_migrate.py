"""Migrating makes nobody wait, clears up after a run that was interrupted, and tells a new installation's operator."""

from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from typing import Any

import psycopg2
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, models, transaction

from accounts import partitions
from accounts.models import User
from postventa.management.commands.migrate import patiently


@pytest.fixture
def holder(db: None) -> Iterator[Any]:
    """Somebody else, in a long transaction with a table of theirs."""
    with closing(psycopg2.connect(**connection.get_connection_params())) as other, other.cursor() as cursor:
        cursor.execute("CREATE TABLE long_read ()")
        other.commit()
        cursor.execute("LOCK TABLE long_read IN ACCESS SHARE MODE")
        yield other
        other.rollback()
        cursor.execute("DROP TABLE long_read")
        other.commit()


def change_it() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '20ms'")
        cursor.execute("ALTER TABLE long_read ADD COLUMN new int")
        transaction.set_rollback(True)  # its owner removes it


def test_a_table_in_use_is_tried_again(holder: Any) -> None:
    said: list[str] = []

    def note(text: str) -> None:
        said.append(text)
        holder.rollback()

    patiently(change_it, tries=3, say=note, pause=0)

    assert said == ["a table is in use: again in 0 s (2 tries left)"]


def test_one_that_stays_in_use_is_told_in_the_end(holder: Any) -> None:
    said: list[str] = []

    with pytest.raises(OperationalError, match="lock timeout"):
        patiently(change_it, tries=3, say=said.append, pause=0)

    assert len(said) == 2


def test_other_faults_are_told_at_once(db: None) -> None:
    def wrong() -> None:
        raise OperationalError("the server went away")

    with pytest.raises(OperationalError, match="went away"):
        patiently(wrong, tries=3, say=pytest.fail, pause=0)


@pytest.mark.django_db(transaction=True)
def test_a_table_of_clicks_in_use_keeps_no_upgrade_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "PATIENCE", "SET LOCAL lock_timeout = '20ms'")
    said = StringIO()
    with closing(psycopg2.connect(**connection.get_connection_params())) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE affiliates_click IN SHARE MODE")

        call_command("migrate", tries=1, stdout=said)

    assert "beat will make them" in said.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_is_no_transaction_goes_on_where_it_was_broken_off() -> None:
    index, note = models.Index(fields=["name"], name="again"), models.TextField(null=True)
    note.set_attributes_from_name("again")
    try:
        for _try in range(2):
            with connection.schema_editor(atomic=False) as editor:
                editor.add_field(User, note)
                editor.add_index(User, index, concurrently=True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS again; ALTER TABLE accounts_user DROP COLUMN IF EXISTS again")


@pytest.mark.django_db(transaction=True)
def test_a_half_made_index_goes_and_the_first_link_is_told() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX half_made ON accounts_user (name)")
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'half_made'::regclass")
    out = StringIO()

    call_command("migrate", interactive=False, stdout=out)

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('half_made'), current_setting('lock_timeout')")
        assert cursor.fetchone() == (None, "0")
    assert "dropped half_made" in out.getvalue()
    assert "/setup/" in out.getvalue()

    User.objects.create_user("sofia@lumbre.example")
    call_command("migrate", interactive=False, stdout=(again := StringIO()))
    assert "/setup/" not in again.getvalue()
