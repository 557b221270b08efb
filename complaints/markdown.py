"""Markdown as HTML that is safe to show: no HTML of its own, no pictures of others, no scripts; and cleaned."""

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

TAGS = {"p", "br", "h2", "h3", "h4", "ul", "ol", "li", "strong", "em", "s", "code", "pre", "blockquote", "hr", "a"}
TABLES = {"table", "thead", "tbody", "tr", "th", "td"}
SCHEMES = {"http", "https", "mailto", "tel"}

_reader = MarkdownIt("js-default", {"html": False, "linkify": False}).disable("image")


def html_of(text: str) -> SafeString:
    tokens = _reader.parse(text)
    for token in tokens:
        # The page's own title is the first heading; what is below the third level would be read by nobody.
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(max(int(token.tag[1]), 2), 4)}"
    rendered = _reader.renderer.render(tokens, _reader.options, {})
    attributes = {"a": {"href"}, "ol": {"start"}}
    return SafeString(
        nh3.clean(
            rendered, tags=TAGS | TABLES, attributes=attributes, url_schemes=SCHEMES, link_rel="noopener noreferrer"
        )
    )
