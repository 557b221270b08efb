import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation

from accounts.templatetags.components import percent, percent_range

OURS = [*Path("templates").rglob("*.html"), *Path("templates").rglob("*.svg")]
MAIL = {"emails", "email", "mailing"}  # mail programs know nothing of our policy, and need style inside
PAGES = [path for path in OURS if not MAIL & set(path.parts)]


@pytest.mark.parametrize(
    ("share", "text"), [(0.964, "96%"), (0.965, "97%"), (Decimal("0.005"), "1%"), (0, "0%"), (None, "—")]
)
def test_a_share_is_a_whole_percentage(share: float | None, text: str) -> None:
    with translation.override("en"):
        assert percent(share) == text


def test_a_range_says_the_sign_once() -> None:
    with translation.override("en"):
        assert percent_range(0.84, 0.9) == "84–90%"


@pytest.mark.parametrize("language", ["es", "en"])
def test_drawings_are_positioned_with_a_point_in_every_language(language: str) -> None:
    with translation.override(language):
        drawn = render(
            '{% load components %}{% interval 0.875 0.8125 0.9 label="87.5" reference=0.5 %}{% bar 0.3333 %}'
        )

    assert re.findall(r'(?:cx|x1|x2|width)="([\d.,]+%)"', drawn) == [
        *["100%", "50.0%", "50.0%", "81.2%", "90.0%", "81.2%", "81.2%", "90.0%", "90.0%", "87.5%", "33.3%"]
    ]


def test_a_drawing_never_leaves_its_frame() -> None:
    drawn = render('{% load components %}{% interval 1.2 -0.1 1.4 label="x" %}')

    assert re.findall(r'class="range" x1="([^"]+)" x2="([^"]+)"', drawn)[0] == ("0.0%", "100.0%")


def test_an_interval_without_a_programme_draws_no_reference() -> None:
    assert "reference" not in render('{% load components %}{% interval 0.5 0.4 0.6 label="x" %}')


def test_a_programme_at_zero_is_still_drawn() -> None:
    assert "reference" in render('{% load components %}{% interval 0.5 0.4 0.6 label="x" reference=0 %}')


def test_what_a_drawing_says_in_words_is_escaped() -> None:
    drawn = render("{% load components %}{% interval 0.5 0.4 0.6 label=label %}", label='"><script>')

    assert "<script>" not in drawn


class Question(forms.Form):
    email = forms.EmailField(label="Correo", help_text="Donde te escribimos.")
    agree = forms.BooleanField(label="De acuerdo", required=False, help_text="Puedes cambiarlo.")
    kind = forms.ChoiceField(label="Clase", choices=[("a", "Consulta"), ("b", "Queja")], widget=forms.RadioSelect)


def test_help_and_errors_are_tied_to_their_field() -> None:
    form = Question({"email": "nope"})

    shown = form["email"].as_field_group()

    assert 'aria-describedby="id_email_helptext id_email_error"' in shown
    assert 'aria-invalid="true"' in shown
    assert 'id="id_email_helptext"' in shown
    assert 'id="id_email_error"' in shown


def test_every_id_that_a_form_points_to_is_there() -> None:
    shown = render_to_string("components/form.html", {"form": Question({"email": "nope"})})

    pointed_to = {name for value in re.findall(r'(?:aria-describedby|for)="([^"]+)"', shown) for name in value.split()}
    assert pointed_to <= set(re.findall(r'id="([^"]+)"', shown))


def test_choices_are_a_group_with_a_legend() -> None:
    shown = render_to_string("components/field.html", {"field": Question()["kind"]})

    assert re.search(r"<fieldset.*<legend>Clase</legend>", shown, re.DOTALL)


def test_pages_keep_the_other_parameters(rf: RequestFactory) -> None:
    page = Paginator(range(30), 10).page(2)

    shown = render_to_string("components/pagination.html", {"page_obj": page}, request=rf.get("/?link=z-7&page=2"))

    assert re.findall(r'href="([^"]+)"', shown) == ["?link=z-7&amp;page=1", "?link=z-7&amp;page=3"]


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_no_template_carries_style_or_script_inside(path: Path) -> None:
    markup = path.read_text()

    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", markup)
    assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", markup))


def render(template: str, **context: Any) -> str:
    return Template(template).render(Context(context))
