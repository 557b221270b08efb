"""Texts that a brand keeps in several languages: {"es": "…", "en": "…"}."""

from collections.abc import Mapping


def in_language(texts: Mapping[str, str], language: str, fallback: str = "") -> str:
    """The text in this language (`es-MX` counts as `es`), else in `fallback`, else whichever there is."""
    for code in (language, language.partition("-")[0], fallback):
        if texts.get(code):
            return texts[code]
    return next((text for text in texts.values() if text), "")


def fill(text: str, **names: str) -> str:
    """Put names where a text says {brand}, {affiliate} or {product}. Braces that name nothing stay as they are."""
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text
