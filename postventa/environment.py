"""What each setting is, as the comments of settings.py tell it: one place, of which docs/operating.md is made.

#: ## A chapter of the reference
#: What it is, in sentences. Default: in words, where the code computes it.
PATIENCE = env.int("PATIENCE", default=10)
#: WEB_THREADS=4 One that others read.
"""

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

FILE = "_FILE"  # a secret from a file: SECRET_KEY_FILE
MARK = "#:"
READ_BY_OTHERS = re.compile(r"([A-Z][A-Z_0-9]+…?)=(\S+) (.*)")
IN_WORDS = re.compile(r"(.*) Default: (.*)\.$")
# So many settings that begin alike are a family: another of it, which nobody reads, was misspelt or is no more.
FAMILY = 3
ALIKE = 0.88  # of two names, by difflib: OPERATOR_EMAIL is meant for OPERATOR_EMAILS


@dataclass(frozen=True)
class Setting:
    name: str
    default: str
    about: str  # empty: nobody has said it
    chapter: str
    is_read_here: bool = True


class Block(NamedTuple):
    """Comment lines that stand together, and the line that they are about."""

    lines: list[str]
    end: int


def settings_of(module: ModuleType) -> list[Setting]:
    return read_settings(Path(str(module.__file__)).read_text(), vars(module))


def read_settings(source: str, values: Mapping[str, Any]) -> list[Setting]:
    """All that settings.py reads or names, in its order. `values`: what its names stand for, if used as defaults."""
    reads, chapter, found = reads_in(source, values), "", dict[str, Setting]()
    blocks = blocks_in(source)
    for number, block in enumerate(blocks):
        chapter, told, about = parse(block.lines, chapter)
        found |= {setting.name: setting for setting in told}
        until = blocks[number + 1].end if number + 1 < len(blocks) else len(source)
        for line, name, default in reads:
            if block.end <= line < until and name not in found:
                found[name] = in_words(Setting(name, default, about, chapter))
                about = ""
    return list(found.values())


def reads_in(source: str, values: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Line, name and default of each `env.kind("NAME", default=…)`, in their order."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    ours = [call for call in calls if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "env"]
    reads = []
    for call in ours:
        name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        default = next((word.value for word in call.keywords if word.arg == "default"), None)
        if isinstance(name, str):
            reads.append((call.lineno, name, as_text(default, values)))
    return sorted(reads)


def blocks_in(source: str) -> list[Block]:
    blocks: list[Block] = []
    for number, line in enumerate(source.splitlines(), start=1):
        if line.strip().startswith(MARK):
            if not (blocks and blocks[-1].end == number):
                blocks.append(Block([], number))
            blocks[-1] = Block([*blocks[-1].lines, line.strip().removeprefix(MARK).strip()], number + 1)
    return blocks


def parse(lines: Iterable[str], chapter: str) -> tuple[str, list[Setting], str]:
    """The chapter from here on, settings that others read, and what is said of the next one read here."""
    told, about = list[Setting](), ""
    for line in lines:
        if line.startswith("## "):
            chapter = line.removeprefix("## ")
        elif other := READ_BY_OTHERS.fullmatch(line):
            told.append(Setting(other[1], other[2], other[3], chapter, is_read_here=False))
        elif told:
            told[-1] = replace(told[-1], about=f"{told[-1].about} {line}")
        else:
            about = f"{about} {line}".strip()
    return chapter, told, about


def in_words(setting: Setting) -> Setting:
    said = IN_WORDS.fullmatch(setting.about)
    return replace(setting, about=said[1], default=said[2]) if said else setting


def as_text(default: ast.expr | None, values: Mapping[str, Any]) -> str:
    """As the reference shows it; what is computed has to be said in words."""
    if isinstance(default, ast.Name) and default.id in values:
        return str(values[default.id])
    try:
        value = ast.literal_eval(default) if default is not None else ""
    except ValueError:
        return "…"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(value) or "none"
    return str(value) if value not in ("", {}) else "none"


def as_markdown(settings: Iterable[Setting]) -> str:
    """A table a chapter."""
    chapters = []
    for chapter, members in groupby(settings, key=lambda setting: setting.chapter):
        rows = [f"| `{each.name}` | {as_cell(each.default)} | {each.about} |" for each in members]
        chapters.append("\n".join([f"### {chapter}", "", "| name | default | what it is |", "|---|---|---|", *rows]))
    return "\n\n".join(chapters) + "\n"


def as_cell(default: str) -> str:
    """Code, but for figures and what is said in words."""
    return default if re.fullmatch(r"none|true|false|…|[\d.]+|.* .*", default) else f"`{default}`"


def misspelt(names: Iterable[str], settings: Collection[Setting]) -> Iterator[tuple[str, str]]:
    """Names that nobody reads and that look as if somebody should, each with the one that was perhaps meant, or none.

    What else stands in an environment is others' business.
    """
    known = {setting.name for setting in settings}
    sizes = Counter(family_of(setting.name) for setting in settings if setting.is_read_here)
    families = {family for family, size in sizes.items() if family and size >= FAMILY}
    for name in sorted({name.removesuffix(FILE) for name in names} - known):
        meant = get_close_matches(name, known, n=1, cutoff=ALIKE)
        if meant or family_of(name) in families:
            yield name, meant[0] if meant else ""


def family_of(name: str) -> str:
    """What it begins with, up to the first underscore, if there is one."""
    return name.partition("_")[0] if "_" in name else ""
