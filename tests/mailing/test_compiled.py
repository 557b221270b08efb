"""A compiled mail says what a plainly rendered one says, whatever its template does."""

import random
from typing import Any

import pytest
from django.template import Context, Engine
from hypothesis import given, settings
from hypothesis import strategies as st

from mailing import compiled
from mailing.compiled import Texts, render_texts

LIBRARIES = {"i18n": "django.templatetags.i18n"}
# What templates of mails do, and what they had better not: all must come out as if each mail were rendered by itself.
FRAGMENTS = [
    "{{ name }}",
    "Hi {{ name }}{% if name %}, dear{% endif %}!",
    "{% if kind == 'goods' %}received {{ product }}{% else %}started {{ product }}{% endif %}",
    "{% if kind != name %}different{% endif %}",
    "{% if kind in kinds %}known{% endif %}",
    "{{ name|upper }} {{ name|capfirst }} {{ product|lower }}",
    "{{ product|truncatechars:8 }}",
    "{{ product|wordcount }} words, {{ product|length }} letters",
    "{{ product|linebreaksbr }}",
    "{{ name|default:'nobody' }}",
    "{{ name|urlencode }}",
    "{{ name|add:product }}",
    "{{ name|safe }}",
    "{{ name|slice:':2' }}",
    "{{ name|first }}{{ name.0 }}",
    "{{ name.upper }}",
    "{{ name|yesno:'y,n' }}{{ name|pluralize }}",
    "{{ name|date:'Y' }}|{{ name|floatformat }}",
    "{{ name|stringformat:'s' }}",
    "{{ name|cut:'a' }}{{ name|striptags }}",
    "{% for option in options %}<a href='/s/{{ name }}/?q={{ option.code }}'>{{ option.label }}</a>{% endfor %}",
    "{% with other=product %}{{ other }}{{ other }}{% endwith %}",
    "{% blocktranslate %}A {{ product }} for {{ name }}{% endblocktranslate %}",
    "{% blocktranslate with loud=name|upper %}{{ loud }}{% endblocktranslate %}",
    "{% translate product %}",
    "{% autoescape off %}{{ product }}{% endautoescape %}",
    "{% firstof missing name %}",
    "{% ifchanged name %}changed{% endifchanged %}",
    "{% filter upper %}{{ name }}{% endfilter %}",
    "{{ count }} {{ is_fresh|yesno }} {{ nothing }}",
    "{% regroup options by label as groups %}{{ groups|length }}",
    "{{ options|length }}{{ texts.body|linebreaksbr }}",
    "<title>{{ subject }}</title>",
]

# Values that lead into other branches, and values with everything that escaping, filters and marks could trip over.
KNOWN = ["goods", "service", "Ana", "5", "", "a & b", "<b>'\"", "two\nlines", "  spaces  ", "%(x)s {{ y }}"]
words = st.sampled_from(KNOWN) | st.text(st.characters(exclude_categories=["Cs", "Cc", "Co"]), max_size=12)
contexts = st.fixed_dictionaries(
    {
        "name": words,
        "product": words,
        "kind": words,
        "kinds": st.lists(words, max_size=2),
        "options": st.lists(st.fixed_dictionaries({"code": words, "label": words}), max_size=3),
        "texts": st.fixed_dictionaries({"body": words}),
        "count": st.integers(0, 3) | st.booleans(),
        "is_fresh": st.booleans(),
        "nothing": st.none(),
    }
)


def rendering(bodies: dict[str, str]) -> Any:
    engine = Engine(libraries=LIBRARIES, builtins=["django.templatetags.i18n"])
    templates = {name: engine.from_string(body) for name, body in bodies.items()}

    def render(template: str, context: dict[str, Any]) -> str:
        return templates[template].render(Context(dict(context), autoescape=template.endswith(".html")))

    return render


def plainly(context: dict[str, Any], render: Any) -> Texts:
    subject = " ".join(render("subject.txt", context).split())
    return Texts(subject, render("body.txt", context), render("body.html", {**context, "subject": subject}))


@settings(max_examples=150, deadline=None)
@given(
    fragments=st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=4),
    mails=st.lists(contexts, min_size=1, max_size=5),
)
def test_compiled_equals_plain_for_every_mail_in_every_order(fragments: list[str], mails: list[dict[str, Any]]) -> None:
    body = "\n".join(fragments)
    render = rendering({"subject.txt": fragments[0], "body.txt": body, "body.html": body})
    key = (body, random.random())

    for context in [*mails, *reversed(mails)]:
        assert render_texts(key, context, render=render) == plainly(context, render)


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_each_fragment_alone(fragment: str) -> None:
    render = rendering({"subject.txt": fragment, "body.txt": fragment, "body.html": fragment})
    mails = [
        {**context, "kinds": ["goods"], "options": [{"code": "1", "label": context["name"]}], "texts": {"body": "x\ny"}}
        for context in (
            {"name": "Ana", "product": "Botas rojas de montaña", "kind": "goods", "count": 1, "is_fresh": True},
            {"name": "ñandú <b>", "product": "a\nb & c", "kind": "service", "count": 2, "is_fresh": False},
            {"name": "goods", "product": "x", "kind": "goods", "count": True, "is_fresh": True},
            {"name": "5", "product": "1", "kind": "1.0", "count": 0, "is_fresh": False},
            {"name": "", "product": "a\nb & c", "kind": "", "count": 1, "is_fresh": True},
        )
    ]

    for context in [*mails, *reversed(mails)]:
        assert render_texts(("alone", fragment), context, render=render) == plainly(context, render)


def test_what_is_only_printed_is_rendered_once_for_all() -> None:
    body = (
        "Hi {{ name }}: {% for option in options %}{{ option.label }} /s/{{ token }} {% endfor %}"
        "{% if kind == 'goods' %}!{% endif %}"
    )
    rendered = []
    plain = rendering({"subject.txt": "{{ name }}", "body.txt": body, "body.html": body})

    def render(template: str, context: dict[str, Any]) -> str:
        rendered.append(template)
        return str(plain(template, context))

    for number in range(100):
        context = {"name": f"N{number}", "token": f"t{number}", "kind": "goods", "options": [{"label": f"l{number}"}]}
        texts = render_texts("once", context, render=render)
        assert texts.text == f"Hi N{number}: l{number} /s/t{number} !"

    # Twice: the first time it is noticed that `kind` is compared.
    assert rendered == ["subject.txt", "body.txt", "body.html"] * 2


def test_the_cache_does_not_grow_without_end() -> None:
    render = rendering({"subject.txt": "{{ name|upper }}", "body.txt": "", "body.html": ""})

    for number in range(compiled.LARGEST_CACHE * 2 + 10):
        assert render_texts("many", {"name": f"n{number}"}, render=render).subject == f"N{number}"

    assert len(compiled._compiled) <= compiled.LARGEST_CACHE
