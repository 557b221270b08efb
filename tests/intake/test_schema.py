"""The whole API against its own OpenAPI document, with made-up requests.

Whatever is sent, it answers without falling over, and what it answers is what the document says.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from accounts.services import create_api_key
from intake.services import create_brand
from postventa.wsgi import application
from tests.factories import make_affiliate, make_link

# django-anymail warns of SendGrid, which it supports on all the same; a warning is a fault in tests.
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:django-anymail has dropped official support")]

OURS = r"^/api/v1/(?!hooks/inbound/)"  # raw mail nobody makes up from a document: tests/complaints/test_receiving.py
EXAMPLES = 12  # of each operation
UNHURRIED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
CHECKS = (not_a_server_error, content_type_conformance, response_schema_conformance)


def operations() -> list[Any]:
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
    schema.app = application
    return [found.ok() for found in schema.include(path_regex=OURS).get_all_operations()]


@pytest.fixture(autouse=True)
def own_connection(settings: Any) -> Iterator[None]:
    """As with Django's own test client: the connection is the test's, and so is its transaction."""
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.ANYMAIL = {"WEBHOOK_SECRET": "user:password"}  # without it hooks of mail refuse everything
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def key() -> str:
    brand = create_brand("lumbre", name="Lumbre", allowed_hosts=["lumbre.example"])
    make_link(make_affiliate(brand), "guia")
    return create_api_key(brand, name="tienda")[1]


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
def test_every_answer_is_one_that_the_document_names(operation: Any, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Host": "localhost"}

    @given(case=operation.as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=UNHURRIED)
    def ask(case: Any) -> None:
        case.call_and_validate(base_url="http://localhost", headers=headers, checks=CHECKS)

    ask()
