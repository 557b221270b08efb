"""The page on which an administrator sets what a brand does."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_brand, make_staff

pytestmark = pytest.mark.django_db


def test_hours_are_asked_for_as_hours_of_the_brand(client: Client) -> None:
    """Without the note that says how far the reader's clock is from the server's."""
    brand = make_brand()
    client.force_login(make_staff(brand))

    page = client.get(reverse("admin:accounts_brand_change", args=[brand.pk])).content.decode()

    hours = re.findall(r'<input type="time" name="(\w+)"', page)
    assert hours == ["window_start", "window_end", "service_opens", "service_closes"]
    assert "vTimeField" not in page
