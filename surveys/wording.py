"""Texts that a brand keeps in several languages: {"es": "…", "en": "…"}.

A text may have forms of its own: `es-x-usted` for a brand that says «usted» (accounts.models.Brand.voice) and, after a
dot, one for a kind of product: `es.goods` where something is received, `es.service` where nothing is. What has no such
form must be true of every kind.
"""

from collections.abc import Iterator, Mapping


def in_language(texts: Mapping[str, str], language: str, fallback: str = "", *, kind: str = "") -> str:
    """The nearest form in this language (`es-MX` counts as `es`), else in `fallback`, else whichever there is."""
    for form in _forms(language, fallback, kind=kind):
        if texts.get(form):
            return texts[form]
    return next((text for form, text in texts.items() if text and "." not in form), "")


def _forms(*languages: str, kind: str) -> Iterator[str]:
    """The form of address weighs more than the kind: nobody hears «usted» and «tú» on one page."""
    for language in languages:
        for code in (language, language.partition("-")[0]):
            if kind:
                yield f"{code}.{kind}"
            yield code


def fill(text: str, **names: str) -> str:
    """Put names where a text says {brand}, {affiliate} or {product}. Braces that name nothing stay as they are."""
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text
