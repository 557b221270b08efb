"""Lumbre, its survey as it stands and as a draft, and Sofía at the admin."""

import pytest
from django.test import Client

from accounts.models import Brand, User
from surveys.models import Survey, Wave
from surveys.services.editing import begin_draft
from surveys.standard import publish_standard_survey
from tests import factories


@pytest.fixture
def brand() -> Brand:
    return factories.make_brand()


@pytest.fixture
def survey(brand: Brand) -> Survey:
    return publish_standard_survey(brand)


@pytest.fixture
def draft(survey: Survey) -> Survey:
    return begin_draft(survey.brand, Wave.FIRST)


@pytest.fixture
def sofia(brand: Brand) -> User:
    return factories.make_staff(brand)


@pytest.fixture
def desk(client: Client, sofia: User) -> Client:
    client.force_login(sofia)
    return client
