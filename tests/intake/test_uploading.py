"""A file that an administrator uploads at the desk: tried or taken in, in their words, and sent again without harm."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Brand
from affiliates.models import Affiliate, Purchase
from intake.imports import uploading
from intake.models import ImportRun
from tests.factories import make_brand, make_staff

pytestmark = pytest.mark.django_db
URL = "admin:intake_upload"
FAULTY = "external_id,purchased_at,affiliate\nP1,2026-01-05T10:00:00,nueva\nP2,mañana,\nP3,2026-01-06,\n".encode()


@pytest.fixture
def brand() -> Brand:
    return make_brand("lumbre")


@pytest.fixture
def desk(brand: Brand) -> Client:
    return client_of(brand)


def client_of(brand: Brand, role: str = "admin") -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(make_staff(brand, role, role=role))
    return client


def send(desk: Client, brand: Brand, content: bytes = FAULTY, *, kind: str = "purchases", **given: str) -> Any:
    file = SimpleUploadedFile("../pedidos.csv", content)
    return desk.post(reverse(URL), {"brand": brand.pk, "kind": kind, "file": file, **given})


def counts(page: Any) -> dict[str, int]:
    return dict(+page.context["taken"].tally.counts)


def test_good_rows_come_in_and_bad_ones_are_told_by_number(desk, brand):
    page = send(desk, brand, creates_affiliates="on")

    [(number, reasons)] = page.context["taken"].refused
    assert counts(page) == {"imported": 2, "rejected": 1}
    assert (number, "purchased_at" in reasons, reasons in page.text) == (2, True, True)
    assert sorted(Purchase.objects.values_list("external_id", flat=True)) == ["P1", "P3"]
    assert Affiliate.objects.get().code == "nueva"
    run = ImportRun.objects.get()
    assert (run.file_name, run.imported, run.rejected) == ("pedidos.csv", 2, 1)
    entry = AuditEntry.objects.get(object_type="importrun")
    assert (entry.action, entry.data) == ("added", {"imported": 2, "rejected": 1})


def test_the_whole_file_mended_and_sent_again_adds_what_was_missing(desk, brand):
    send(desk, brand)

    page = send(desk, brand, FAULTY.replace("mañana".encode(), b"2026-01-05"))

    assert counts(page) == {"imported": 1, "duplicate": 2}
    assert Purchase.objects.count() == 3


def test_refused_rows_of_others_stay_where_they_are(desk, brand, tmp_path, monkeypatch):
    """An operator's file of the same name, in the folder in which the process runs."""
    monkeypatch.chdir(tmp_path)
    theirs = tmp_path / "pedidos.csv.rejected.csv"
    theirs.write_text("external_id,row,reasons\n")

    send(desk, brand)

    assert [each.read_text() for each in tmp_path.iterdir()] == ["external_id,row,reasons\n"]


def test_a_trial_says_the_same_and_stores_nothing(desk, brand):
    page = send(desk, brand, **{"try": "1"})

    assert counts(page) == {"imported": 2, "rejected": 1}
    assert [number for number, _reasons in page.context["taken"].refused] == [2]
    assert not Purchase.objects.exists()
    assert not ImportRun.objects.exists()


def test_affiliates_come_in_too(desk, brand):
    assert counts(send(desk, brand, b"code;name\nana;Ana\n", kind="affiliates")) == {"imported": 1}


@pytest.mark.parametrize(
    "content",
    [b"\x1f\x8b" + FAULTY, "external_id,purchased_at\nPañal,2026-01-05".encode("latin-1"), b"id\n1\n", b"\n", b""],
    ids=["compressed", "latin-1", "other columns", "no columns", "empty"],
)
def test_what_cannot_be_read_is_said_at_the_file(desk, brand, content):
    page = send(desk, brand, content)

    assert (page.context["taken"], list(page.context["form"].errors)) == (None, ["file"])
    assert not ImportRun.objects.exists()


def test_what_takes_too_long_to_wait_for_is_refused(desk, brand, monkeypatch):
    monkeypatch.setattr(uploading, "MOST_ROWS", 2)
    too_long = send(desk, brand)
    just_so = send(desk, brand, b"external_id,purchased_at\nP1,2026-01-05\nP2,2026-01-05\n")
    too_large = send(desk, brand, b"x" * (uploading.MOST_BYTES + 1))

    assert [page.context["taken"] is None for page in (too_long, just_so, too_large)] == [True, False, True]


@pytest.mark.parametrize("role", ["agent", "analyst", "read_only"])
def test_only_administrators_upload_and_only_for_their_brand(brand, role):
    other = make_brand("otra")

    assert send(client_of(brand, role), brand).status_code == 403
    assert list(send(client_of(brand), other).context["form"].errors) == ["brand"]
    assert not Purchase.objects.exists()
