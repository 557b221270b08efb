import csv
import gzip
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from surveys.aspect_lexicon import trusted_aspects
from surveys.measuring import (
    PRECISION,
    Labelled,
    Marked,
    Tally,
    aspect_of_semeval,
    labelled_comments,
    made_up_comments,
    measure_aspects,
    measure_redaction,
    write_precision,
)

SETS = {
    "trustpilot_es/reviews.csv.gz": ("review_id", "title", "text", "rating", "title_is_start_of_text"),
    "olist/feedback.csv.gz": ("feedback_id", "comment_title", "comment_text", "score"),
    "semeval16_es/sentences.csv.gz": ("text_id", "domain", "text", "out_of_scope", "source_part"),
    "semeval16_es/opinions.csv.gz": ("text_id", "category"),
    "semeval16_en/sentences.csv.gz": ("text_id", "domain", "text", "out_of_scope", "source_part"),
    "semeval16_en/opinions.csv.gz": ("text_id", "category"),
}
ROWS = {
    "trustpilot_es/reviews.csv.gz": [
        ("t1", "Genial", "Llegó tarde. Lo vi en ejemplo.com", 1, 0),
        ("t2", "Muy caro y ma", "Muy caro y malo", 2, 1),
        ("t3", "", "Otra cosa", 5, 0),
    ],
    "olist/feedback.csv.gz": [("o1", "", "Chegou antes do prazo", 5), ("o2", "Ruim", "Não chegou", 4)],
    "semeval16_es/sentences.csv.gz": [
        ("s1", "restaurants", "Camareros atentos, precio alto", 0, "test"),
        ("s2", "restaurants", "Nunca más", 0, "test"),
        ("s3", "restaurants", "Caro", 1, "test"),
    ],
    "semeval16_es/opinions.csv.gz": [
        ("s1", "SERVICE#GENERAL"),
        ("s1", "FOOD#PRICES"),
        ("s1", "RESTAURANT#GENERAL"),
        ("s2", "RESTAURANT#GENERAL"),
    ],
    "semeval16_en/sentences.csv.gz": [("e1", "laptops", "It arrived late", 0, "train")],
    "semeval16_en/opinions.csv.gz": [("e1", "SHIPPING#QUALITY")],
}
LABELS = {
    "trustpilot_es.csv": "row,part,aspects\nt1,held_out,entrega-\nt2,held_out,precio- producto-\n",
    "olist.csv": "row,part,aspects\no1,tuning,entrega+\no2,held_out,entrega-\n",
    "personal_data.csv": "data,row,start,end,kind\ntrustpilot_es,t1,30,41,url\n",
    "personal_data.txt": "# a head\n\nes ES | Soy {name Carla}, en {email a@b.com} o el {phone 123}\n",
    "precision.csv": "data,language,aspect,suggested,right,labelled,scored,right_by_score\n",
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four small sets like the real ones, with labels of their own."""
    for name, rows in ROWS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(SETS[name])
            csv.writer(file).writerows(rows)
    measured = tmp_path / "measured"
    measured.mkdir()
    for name, content in LABELS.items():
        (measured / name).write_text(content, encoding="utf-8")
    monkeypatch.setattr("surveys.measuring.MEASURED", measured)
    return tmp_path


def test_labels_meet_the_texts_they_were_made_from(data: Path) -> None:
    comments = list(labelled_comments(data))

    assert [(c.data, c.language, c.part, c.text, c.aspects, c.points) for c in comments] == [
        ("trustpilot_es", "es", "held_out", "Genial. Llegó tarde. Lo vi en ejemplo.com", {"entrega": "-"}, 1),
        ("trustpilot_es", "es", "held_out", "Muy caro y malo", {"precio": "-", "producto": "-"}, 2),
        ("olist", "pt", "tuning", "Chegou antes do prazo", {"entrega": "+"}, 5),
        ("olist", "pt", "held_out", "Ruim. Não chegou", {"entrega": "-"}, 4),
        ("semeval16_es", "es", "held_out", "Camareros atentos, precio alto", {"soporte": "", "precio": ""}, None),
        ("semeval16_es", "es", "held_out", "Nunca más", {}, None),
        ("semeval16_en", "en", "tuning", "It arrived late", {"entrega": ""}, None),
    ]


@pytest.mark.parametrize(
    ("category", "aspect"),
    [
        ("FOOD#QUALITY", "producto"),
        ("DRINKS#PRICES", "precio"),
        ("SUPPORT#PRICE", "precio"),
        ("SUPPORT#QUALITY", "soporte"),
        ("SERVICE#GENERAL", "soporte"),
        ("SHIPPING#QUALITY", "entrega"),
        ("WARRANTY#GENERAL", "garantia"),
        ("OS#USABILITY", "uso"),
        ("LAPTOP#QUALITY", "producto"),
        ("KEYBOARD#GENERAL", "producto"),
        ("LAPTOP#GENERAL", None),
        ("RESTAURANT#MISCELLANEOUS", None),
        ("AMBIENCE#GENERAL", None),
        ("LOCATION#GENERAL", None),
        ("COMPANY#GENERAL", None),
    ],
)
def test_the_map_from_semeval(category: str, aspect: str | None) -> None:
    assert aspect_of_semeval(category) == aspect


def test_precision_and_recall_of_suggestions() -> None:
    comments = [
        Labelled("one", "es", "held_out", "Llegó tarde", {"entrega": "-"}, points=1),
        Labelled("one", "es", "held_out", "Llegó tarde, buen precio", {"entrega": "-", "soporte": "-"}, points=5),
        Labelled("one", "es", "held_out", "Envío caro", {"precio": "-"}, points=3),
        Labelled("two", "es", "held_out", "Llegó tarde", {}, frozenset({"precio"})),
    ]

    assert measure_aspects(comments) == {
        ("one", "es", "entrega"): Tally(found=3, right=2, labelled=2, recalled=2, scored=2, right_by_score=1),
        ("one", "es", "precio"): Tally(found=2, right=1, labelled=1, recalled=1, scored=1, right_by_score=0),
        ("one", "es", "soporte"): Tally(labelled=1),
    }


def test_figures_of_a_tally() -> None:
    tally = Tally(found=4, right=3, labelled=6, recalled=3, scored=2, right_by_score=1)

    assert (tally.precision, tally.recall, tally.precision_by_score) == (0.75, 0.5, 0.5)
    assert (Tally().precision, Tally().recall, Tally().precision_by_score) == (None, None, None)


def test_what_is_redacted_is_measured_by_what_remains() -> None:
    text = "Soy Carla, a@b.com o 600111222 en b.com"
    known = {"known_names": ("Carla",)}
    personal = ((4, 9, "name"), (11, 18, "email"), (21, 30, "phone"), (36, 39, "order"))

    tallies = measure_redaction([Marked("one", text, "MX", personal, known)])

    assert tallies == {
        ("one", "name"): Tally(found=1, right=1, labelled=1, recalled=1),
        ("one", "email"): Tally(found=1, right=1, labelled=1, recalled=1),
        ("one", "phone"): Tally(labelled=1),  # no number of Mexico
        ("one", "url"): Tally(found=1),
        ("one", "order"): Tally(labelled=1, recalled=1),  # gone, whatever stands in its place
    }


def test_made_up_comments_are_read_without_their_marks(data: Path) -> None:
    (comment,) = made_up_comments()

    assert comment.text == "Soy Carla, en a@b.com o el 123"
    assert [(comment.text[start:end], kind) for start, end, kind in comment.personal] == [
        ("Carla", "name"),
        ("a@b.com", "email"),
        ("123", "phone"),
    ]


def test_every_made_up_comment_is_marked_well() -> None:
    comments = list(made_up_comments())

    assert len(comments) > 100
    assert [c.text for c in comments if "{" in c.text or "}" in c.text] == []
    assert {kind for c in comments for *_place, kind in c.personal} == {
        *("account", "card", "email", "handle", "id_document", "name", "order", "phone", "url")
    }


def test_made_up_comments_lose_what_they_must() -> None:
    """Whoever makes redaction worse hears of it here."""
    tallies = measure_redaction(made_up_comments())

    assert {kind for (_data, kind), tally in tallies.items() if tally.recall != 1} == {"url"}  # «ejemplo.es» alone
    assert sum(tally.right for tally in tallies.values()) == sum(tally.found for tally in tallies.values()) - 1


# --- The command -----------------------------------------------------------------------------------------------------
def measure(data: Path, *arguments: str) -> list[list[str]]:
    out = StringIO()
    call_command("measure_words", "--data", str(data), *arguments, stdout=out)
    return [line.split() for line in out.getvalue().splitlines()]


def test_the_command_prints_each_kind_and_aspect(data: Path) -> None:
    lines = measure(data)

    assert ["made", "up", "phone", "1", "0", "—", "0.00"] in lines
    assert ["trustpilot_es", "url", "1", "1", "1.00", "1.00"] in lines
    assert ["trustpilot_es", "es", "precio", "1", "1", "1.00", "1.00", "1.00"] in [line[:8] for line in lines]
    assert ["olist", "pt", "entrega", "1", "1", "1.00", "1.00", "0.00"] in [line[:8] for line in lines]
    assert [line for line in lines if line[:1] == ["semeval16_en"]] == []
    assert ["semeval16_en", "en", "entrega", "1"] in [line[:4] for line in measure(data, "--part", "tuning")]


def test_the_command_writes_what_decides(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = data / "written.csv"
    monkeypatch.setattr("intake.management.commands.measure_words.PRECISION", path)
    tallies = {("one", "es", "precio"): Tally(found=4, right=3, labelled=6, recalled=3, scored=2, right_by_score=1)}

    write_precision(tallies, path)
    assert path.read_text().splitlines()[1:] == ["one,es,precio,4,3,6,2,1"]

    measure(data, "--write")
    assert "trustpilot_es,es,precio,1,1,1,1,1" in path.read_text().splitlines()
    trusted_aspects.cache_clear()


def test_the_command_says_what_is_missing(data: Path) -> None:
    (data / "olist" / "feedback.csv.gz").unlink()

    with pytest.raises(CommandError, match=r"feedback\.csv\.gz is missing"):
        measure(data)
    with pytest.raises(CommandError, match="write from held_out"):
        measure(data, "--write", "--part", "tuning")


def test_the_table_is_what_the_data_say(real_data: Path) -> None:
    """After a change of a lexicon: `manage.py measure_words --data DIR --write`."""
    measured = measure_aspects(c for c in labelled_comments(real_data) if c.part == "held_out")

    with PRECISION.open() as file:
        rows = {(r["data"], r["language"], r["aspect"]): int(r["right"]) for r in csv.DictReader(file)}
    assert rows == {key: tally.right for key, tally in measured.items()}
