"""HTML mail as plain text: it is never shown as HTML. What it quotes is marked as mail marks it, with `> `."""

import re
from html.parser import HTMLParser

BLOCKS = {"p", "div", "tr", "table", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section", "article"}
UNSEEN = {"script", "style", "head", "title", "template", "noscript", "svg", "object"}
QUOTES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote")
VOID = {"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source", "track", "wbr"}


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.line = ""
        self.unseen: list[str] = []
        self.quoting: list[str] = []  # tags that are open since the outermost quotation began

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self.unseen.append(tag)
        if tag == "br" or tag in BLOCKS or tag == "blockquote":
            self.end_line()
        if tag == "li":
            self.line = "- "
        is_quote = tag == "blockquote" or any(name in (dict(attrs).get("class") or "") for name in QUOTES)
        if tag not in VOID and (self.quoting or is_quote):
            self.quoting.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.unseen:
            del self.unseen[self.unseen.index(tag) :]
        if tag in BLOCKS or tag == "blockquote":
            self.end_line()
        if tag in self.quoting:
            while self.quoting.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.line += re.sub(r"\s+", " ", data)

    def end_line(self) -> None:
        mark = "> " if self.quoting else ""
        self.lines.append((mark + self.line.strip()).rstrip())
        self.line = ""


def text_of_html(html: str) -> str:
    """What a reader would see, line by line."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    parser.end_line()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parser.lines)).strip()
