"""What is on disk, as PostgreSQL has it noted; and that no index of ours says what another one does."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.storage import CoveredIndex, covered_indexes, tables, unused_indexes

pytestmark = pytest.mark.django_db


def tell(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def of_links() -> list[CoveredIndex]:
    return [each for each in covered_indexes() if each.table == "affiliates_trackinglink"]


# Rows by the hundred: what Django makes beside each foreign key costs nothing there.
SMALL = {
    *("account_emailaddress", "auth_group_permissions", "auth_permission"),
    *("accounts_membership", "accounts_user_groups", "accounts_user_user_permissions"),
    *("affiliates_affiliate", "affiliates_affiliatemember", "affiliates_cataloguepromise"),
    *("complaints_cannedanswer", "complaints_savedview", "insights_target", "intake_hook"),
    *("surveys_aspect", "surveys_fact", "surveys_question", "surveys_samplemail", "surveys_survey"),
}


def test_no_index_of_what_grows_begins_like_another() -> None:
    assert [each for each in covered_indexes() if each.table not in SMALL] == []


def test_one_that_is_the_beginning_of_another_is_found() -> None:
    tell("CREATE INDEX too_much ON affiliates_trackinglink (code, paused_at)")
    tell("CREATE INDEX covered ON affiliates_trackinglink (created_at)")
    tell("CREATE INDEX covers ON affiliates_trackinglink (created_at, campaign)")
    tell("CREATE INDEX of_others ON affiliates_trackinglink (created_at) WHERE paused_at IS NULL")
    tell("CREATE INDEX the_other_way ON affiliates_trackinglink (created_at DESC)")

    assert of_links() == [CoveredIndex("covered", "affiliates_trackinglink", "covers")]


def test_of_two_alike_one_is_too_much() -> None:
    tell("CREATE INDEX first_of_two ON affiliates_trackinglink (campaign)")
    tell("CREATE INDEX second_of_two ON affiliates_trackinglink (campaign)")

    assert of_links() == [CoveredIndex("second_of_two", "affiliates_trackinglink", "first_of_two")]


def test_pieces_count_as_one_table() -> None:
    names = [table.name for table in tables()]

    assert names.count("affiliates_click") == 1
    assert not any(name.startswith("affiliates_click_") for name in names)
    # The piece of what was there before has one that the others do not need.
    ours = {each.name for each in unused_indexes() if each.name.startswith("affiliates_click_")}
    assert ours <= {"affiliates_click_before_by_age"}


def test_the_command_tells_people_and_programs() -> None:
    tell("CREATE INDEX nobody_asks ON affiliates_trackinglink (campaign)")
    read, parsed = StringIO(), StringIO()

    call_command("storage", "--all", stdout=read)
    call_command("storage", "--json", stdout=parsed)

    assert "nobody_asks of affiliates_trackinglink" in read.getvalue()
    told = json.loads(parsed.getvalue())
    assert "nobody_asks" in [each["name"] for each in told["unused_indexes"]]
    assert {"name", "rows", "heap", "indexes", "total"} <= told["tables"][0].keys()
