"""One spelling for an address; the short way for plain ones says what the long one does."""

import unicodedata

import pytest
from django.core.validators import validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from mailing.addresses import is_plain, normalize_address

LABEL = st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True)
ADDRESSES = st.builds(
    lambda local, labels: f"{local}@{'.'.join(labels)}",
    st.text("abcz09._+-ñÁ '", max_size=20),
    st.lists(LABEL, min_size=1, max_size=4),
)


@given(ADDRESSES)
@example("ana@correo.example")
@example("ana@xn--bcher-kva.example")
@example("ana@a.-b.example")
@example(f"ana@{'a' * 64}.example")
def test_what_is_plain_is_an_address_and_its_own_spelling(address):
    if is_plain(address):
        local, _at, domain = unicodedata.normalize("NFKC", address).strip().lower().rpartition("@")
        validate_email(address)
        assert f"{local}@{domain.encode('idna').decode()}" == address


@pytest.mark.parametrize("address", ["carla.ruiz+shop@correo.example", "c-7@mail2.tienda.example"])
def test_most_addresses_are_plain(address):
    assert is_plain(address)


@pytest.mark.parametrize(
    ("given", "normalized"),
    [
        (" Carla@Correo.EXAMPLE ", "carla@correo.example"),
        ("carla@Bücher.example", "carla@xn--bcher-kva.example"),
        ("ＣＡＲＬＡ@correo.example", "carla@correo.example"),
        ("carla@correo..example", "carla@correo..example"),
    ],
)
def test_others_are_brought_to_one_spelling(given, normalized):
    assert (is_plain(given), normalize_address(given)) == (False, normalized)
