"""Words of comments: which ones tell two groups of comments apart.

Where a comment is good or bad news is known from the question it answers, so nothing here guesses at feelings. Comments
come in redacted (surveys/redaction.py).
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from insights.statistics import Z_95, distinctive_words
from surveys.languages import fold
from surveys.redaction import MARK_PATTERN

COMMENTS_NEEDED = 20  # on each side
CUSTOMERS_NEEDED = 3  # who used a word, or it might be somebody's own
LISTED = 8
REMAINDER = ""  # no word
ROOT = 4  # letters that two forms of a verb have in common

# Between a negator and what it negates («no me ha llegado»), and between the two words of a pair («plazo de entrega»).
WORDS_BETWEEN_NEGATION = 3
WORDS_BETWEEN_PAIR = 2


# --- Languages -------------------------------------------------------------------------------------------------------
_STOP_WORDS = {
    "es": """a al algo algun alguna algunas alguno algunos ante aquel aquella aquellas aquello aquellos aqui asi aun
        aunque cada casi como con contra cual cuales cualquier cuando cuanto cuya cuyo da dan dar de del desde donde dos
        el ella ellas ello ellos en entre era erais eramos eran eras eres es esa esas ese eso esos esta estaba estaban
        estado estais estamos estan estar estas este esto estos estoy estuve estuvo fue fueron fui fuimos ha habeis
        haber habia habian han has hasta hay haya he hemos hizo hube hubo la las le les lo los mas me mi mia mientras
        mio mis misma mismo mucha muchas mucho muchos muy nada ni nos nosotros nuestra nuestras nuestro nuestros o os
        otra otras otro otros para pero poco por porque pude puede pueden pues que quien quienes se sea sean ser si
        sido siempre sin sobre solo son soy su sus suya suyo tal tambien tampoco tan tanta tanto te tenemos tener tenia
        tengo ti tiene tienen toda todas todo todos tras tu tus tuve tuvo un una unas uno unos usted ustedes va vamos
        van vosotros voy y ya yo ningun ninguna ninguno bastante ahora luego aca alli ahi hace hacer hacen""",
    "en": """a about after again all also am an and any are as at be because been before being between both but by can
        could did do does doing down during each few for from further get got had has have having he her here hers him
        his how i i'd i'll i'm i've if in into is it it's its itself just let me more most much my myself of off on
        once only or other our ours out over own really same she should so some such than that that's the their theirs
        them then there these they they're this those through to too under until up us very was we we're we've were
        what when where which while who whom why will with would you you're your yours""",
    "pt": """a ainda algo alguem algum alguma ao aos apos aquela aquele aquilo as ate cada com como da das de dela dele
        deles depois do dos e ela elas ele eles em entre era eram essa essas esse esses esta estao estar estas estava
        este estes estou eu foi foram fui ha isso isto ja la lhe lhes lo mais mas me mesmo meu meus mim minha minhas
        muita muito muitos na nas nao nem no nos nossa nosso num numa o os ou para pela pelas pelo pelos por porque
        pois qual quando quanto que quem sao se seja sem ser seu seus so sobre sua suas tal tambem tao te tem tenho ter
        teve tinha toda todas todo todos tu tua um uma umas uns vai voce voces vou nenhum nenhuma""",
}
STOP_WORDS = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}
NEGATORS = {
    "es": frozenset(["no", "sin", "nunca", "tampoco", "ni", "jamas"]),
    "en": frozenset(
        [
            "not",
            "no",
            "never",
            "without",
            "cannot",
            "dont",
            "doesnt",
            "didnt",
            "isnt",
            "wasnt",
            "cant",
            "couldnt",
            "wont",
            "wouldnt",
        ]
    ),
    "pt": frozenset(["nao", "sem", "nunca", "nem", "jamais", "tampouco"]),
}


def stem(word: str, language: str) -> str:
    """A folded word without number and gender («rapidas» → «rapid»): the light stemmers of Savoy and, for English,
    Harman's. They join what is surely one word and leave verbs alone."""
    if language == "en":
        return _english_stem(word)
    if len(word) < 5 or language not in STOP_WORDS:
        return word
    for ending, instead in _PORTUGUESE_ENDINGS if language == "pt" else _SPANISH_ENDINGS:
        if word.endswith(ending):
            return word.removesuffix(ending) + instead
    return word


_SPANISH_ENDINGS = (("eses", "es"), ("ces", "z"), ("os", ""), ("as", ""), ("es", ""), ("o", ""), ("a", ""), ("e", ""))
_PORTUGUESE_ENDINGS = (
    ("oes", "a"), ("aes", "a"), ("ais", "al"), ("eis", "el"), ("ns", "m"), ("res", "r"), ("zes", "z"),
    ("os", ""), ("as", ""), ("es", ""), ("o", ""), ("a", ""), ("e", ""),
)  # fmt: skip


def _english_stem(word: str) -> str:
    word = word.removesuffix("'s")
    if len(word) < 4 or not word.endswith("s") or word.endswith(("us", "ss")):
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    return word[:-1]


# --- Tokens ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Token:
    """A word or an emoji as written, and what it is compared by; stop words and numbers have no key."""

    form: str
    key: str | None
    is_negator: bool = False


_EMOJI_BASE = (
    "[\u203c\u2049\u2139\u2194-\u21aa\u231a-\u23ff\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55\U0001f000-\U0001faff]"
)
_EMOJI = (
    "[\U0001f1e6-\U0001f1ff]{2}"  # flags
    f"|{_EMOJI_BASE}[\ufe0f\U0001f3fb-\U0001f3ff]*(?:\u200d{_EMOJI_BASE}[\ufe0f\U0001f3fb-\U0001f3ff]*)*"
)
_TOKEN = re.compile(rf"(?P<emoji>{_EMOJI})|(?P<word>[^\W_]+(?:['’-][^\W_]+)*)|(?P<stop>\n|[^\w\s'’-])")
_EMOJI_VARIANTS = dict.fromkeys([0xFE0F, *range(0x1F3FB, 0x1F400)])  # «👍🏽» is «👍»


def tokenise(text: str, language: str) -> list[list[Token]]:
    """The tokens of each clause: words in lower case with their accents, emoji each in a clause of its own.

    What redaction left in brackets is no word.
    """
    language = language[:2].lower()
    clauses: list[list[Token]] = [[]]
    for match in _TOKEN.finditer(unicodedata.normalize("NFC", MARK_PATTERN.sub(" . ", text)).lower()):
        if match["word"]:
            clauses[-1].append(_word(match["word"].replace("’", "'"), language))
        elif match["emoji"]:
            emoji = match["emoji"].translate(_EMOJI_VARIANTS)
            clauses += [[Token(emoji, emoji)], []] if emoji else []
        else:
            clauses.append([])
    return [clause for clause in clauses if clause]


def _word(form: str, language: str) -> Token:
    folded = fold(form)
    if folded in NEGATORS.get(language, ()) or (language == "en" and folded.endswith("n't")):
        return Token(form, None, is_negator=True)
    is_empty = (
        folded in STOP_WORDS.get(language, ()) or not re.search(r"[^\W\d_]", folded) or re.fullmatch("[a-z]", folded)
    )
    return Token(form, None if is_empty else stem(folded, language))


def terms(text: str, language: str) -> dict[str, str]:
    """key → form of what a comment says, each once: words, pairs of neighbours, and «no_…» for what it denies.

    A word under a negator counts only as denied: «no funciona» is not a mention of «funciona».
    """
    found: dict[str, str] = {}
    for clause in tokenise(text, language):
        words = list(_content(clause))
        for key, start, end in words:
            found.setdefault(key, _as_written(clause, start, end))
        for (key, start, end), (next_key, next_start, next_end) in pairwise(words):
            if next_start - end <= WORDS_BETWEEN_PAIR:
                found.setdefault(f"{key} {next_key}", _as_written(clause, start, next_end))
    return found


def _content(clause: Sequence[Token]) -> Iterator[tuple[str, int, int]]:
    """(key, start, end) of the clause's words that say something, a negator joined to the one that follows."""
    negator: int | None = None
    for place, token in enumerate(clause):
        if token.is_negator:
            negator = place
        elif token.key is not None:
            is_denied = negator is not None and place - negator - 1 <= WORDS_BETWEEN_NEGATION
            if is_denied and negator is not None:
                yield f"no_{token.key}", negator, place + 1
            else:
                yield token.key, place, place + 1
            negator = None


def _as_written(clause: Sequence[Token], start: int, end: int) -> str:
    return " ".join(token.form for token in clause[start:end])


# --- Groups of comments ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Comment:
    text: str
    language: str
    customer: Hashable


@dataclass(frozen=True)
class Term:
    """A word or pair as most people wrote it, and how many comments and customers used it."""

    form: str
    comments: int
    customers: int
    z: float


@dataclass
class TermCounts:
    """How many comments of a group use each term, by whom, and how they write it."""

    comments: Counter[str] = field(default_factory=Counter)
    customers: defaultdict[str, set[Hashable]] = field(default_factory=lambda: defaultdict(set))
    forms: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    total: int = 0

    def form(self, key: str) -> str:
        return min(self.forms[key].items(), key=lambda item: (-item[1], item[0]))[0]


def count_terms(comments: Iterable[Comment]) -> TermCounts:
    counts = TermCounts()
    for comment in comments:
        said = terms(comment.text, comment.language)
        counts.total += bool(said)
        for key, form in said.items():
            counts.comments[key] += 1
            counts.customers[key].add(comment.customer)
            counts.forms[key][form] += 1
    return counts


def distinctive_terms(a: Iterable[Comment], b: Iterable[Comment]) -> tuple[list[Term], list[Term]] | None:
    """What group a says more than b, and b more than a, the most telling first; both may be empty.

    None while a side has fewer than 20 comments that say something. Listed are at most 8 a side, with |z| ≥ 1.96 and
    three customers who said it; of «plazo» and «plazo de entrega» the more telling one.
    """
    compared = _compare(count_terms(a), count_terms(b))
    return compared and (_most_telling(*compared[0]), _most_telling(*compared[1]))


def distinctive_by_theme(
    a: Iterable[Comment], b: Iterable[Comment], theme_of: Callable[[str], str]
) -> tuple[dict[str, list[Term]], dict[str, list[Term]]] | None:
    """The same, 8 a theme: else what many say in one word («no recibí») hides what others say in five («retraso»).

    `theme_of` takes a term as written; "" is a term about nothing in particular.
    """
    compared = _compare(count_terms(a), count_terms(b))
    return compared and (_by_theme(*compared[0], theme_of), _by_theme(*compared[1], theme_of))


def own_terms(groups: Mapping[int, Iterable[Comment]]) -> dict[int, list[Term]]:
    """What each group says more than all the others together, listed as above.

    Left out is a group with fewer than 20 comments that say something, or with fewer beside it.
    """
    counted = {group: count_terms(comments) for group, comments in groups.items()}
    everybody, total = Counter[str](), sum(counts.total for counts in counted.values())
    for counts in counted.values():
        everybody.update(counts.comments)
    return {
        group: _most_telling(own, _scores(own.comments, _others(own.comments, everybody)))
        for group, own in counted.items()
        if min(own.total, total - own.total) >= COMMENTS_NEEDED
    }


def _others(own: Counter[str], everybody: Counter[str]) -> Counter[str]:
    """How often the others use a group's words, and, as if it were one word, all of theirs that it does not use."""
    others = Counter({key: everybody[key] - n for key, n in own.items()})
    others[REMAINDER] = everybody.total() - own.total() - others.total()
    return others


Scored = tuple[TermCounts, Mapping[str, float]]  # what a group says, and how much more than the other


def _compare(counts_a: TermCounts, counts_b: TermCounts) -> tuple[Scored, Scored] | None:
    if min(counts_a.total, counts_b.total) < COMMENTS_NEEDED:
        return None
    scores = _scores(counts_a.comments, counts_b.comments)
    return (counts_a, scores), (counts_b, {key: -z for key, z in scores.items()})


def _scores(counts_a: Counter[str], counts_b: Counter[str]) -> dict[str, float]:
    prior_size = min(500.0, max(1.0, 0.1 * min(counts_a.total(), counts_b.total())))
    return {key: z for key, (_delta, z) in distinctive_words(counts_a, counts_b, prior_size).items()}


def _most_telling(counts: TermCounts, scores: Mapping[str, float]) -> list[Term]:
    listed: dict[str, Term] = {}
    for key, term in _telling(counts, scores):
        if len(listed) == LISTED:
            break
        if not any(_overlap(key, other) for other in listed):
            listed[key] = term
    return list(listed.values())


def _by_theme(counts: TermCounts, scores: Mapping[str, float], theme_of: Callable[[str], str]) -> dict[str, list[Term]]:
    """Within a theme «aguardo» and «aguardando» are one."""
    themes: dict[str, dict[str, Term]] = {}
    for key, term in _telling(counts, scores):
        listed = themes.setdefault(theme_of(term.form), {})
        if len(listed) < LISTED and not any(_overlap(key, other) or _same_root(key, other) for other in listed):
            listed[key] = term
    return {theme: list(listed.values()) for theme, listed in themes.items()}


def _telling(counts: TermCounts, scores: Mapping[str, float]) -> Iterator[tuple[str, Term]]:
    for key in sorted(scores, key=lambda key: (-scores[key], key)):
        if scores[key] < Z_95:
            return
        customers = len(counts.customers.get(key, ()))
        if customers >= CUSTOMERS_NEEDED:
            yield key, Term(counts.form(key), counts.comments[key], customers, scores[key])


def _overlap(key: str, other: str) -> bool:
    words, others = set(key.split()), set(other.split())
    return words <= others or others <= words


def _same_root(key: str, other: str) -> bool:
    return len(key) >= ROOT and key[:ROOT] == other[:ROOT] and not {" ", "_"} & set(key + other)
