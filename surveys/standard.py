"""The questionnaires that a brand begins with.

Wording of questions may name {brand} and {affiliate}; whoever shows it fills them in, in the form that suits the brand
and the kind of product (surveys/wording.py). A question's condition says when it is shown: an answer
(`{"question": "promise", "at_most": -1}`, or `"is": "yes"`), somebody credited with the purchase
(`{"affiliate": true}`) or nobody (`{"affiliate": false}`), or never on the page, since other tools' answers alone have
it (`{"source": "import"}`). The chips of `missing_facts` are the brand's facts, those of `keep` and `improve` its
aspects: their questions carry no options of their own. The order is that of the steps (surveys/questionnaire.py).
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import Brand
from affiliates.models import Product
from surveys.models import Aspect, Fact, Question, Survey, Wave
from surveys.standard_catalogues import ASPECTS, FACTS, GOODS, SERVICE, Texts, about, texts

Kind = Question.Kind


def option(code: str, es: str, en: str, **of_kinds: tuple[str, str]) -> dict[str, Any]:
    labels = texts(es, en)
    for kind, (es_of_kind, en_of_kind) in of_kinds.items():
        labels |= about(Product.Kind(kind), es_of_kind, en_of_kind)
    return {"code": code, "labels": labels}


@dataclass(frozen=True)
class StandardQuestion:
    key: str
    kind: Question.Kind
    texts: Texts
    is_required: bool = False
    low: int | None = None
    high: int | None = None
    options: list[dict[str, Any]] = field(default_factory=list)
    condition: dict[str, Any] = field(default_factory=dict)


RATING = [
    option("1", "Muy mala", "Very poor"),
    option("2", "Mala", "Poor"),
    option("3", "Regular", "Fair"),
    option("4", "Buena", "Good"),
    option("5", "Muy buena", "Very good"),
]
YES_NO = [option("no", "No", "No"), option("yes", "Sí", "Yes")]

CONTACT = StandardQuestion(
    "contact",
    Kind.CHOICE,
    texts(
        "¿Quieres que te contactemos?",
        "Would you like us to contact you?",
        "¿Quiere que nos pongamos en contacto con usted?",
    ),
    options=[option("yes", "Sí, por correo", "Yes, by e-mail"), option("no", "No", "No")],
)
OWN_WORDS = texts("Con tus palabras", "In your own words", "Con sus palabras")

FIRST_WAVE = [
    StandardQuestion(
        "csat",
        Kind.SCALE,
        texts(
            "En general, ¿cómo valoras tu compra?",
            "Overall, how would you rate your purchase?",
            "En general, ¿cómo valora su compra?",
        ),
        is_required=True,
        low=1,
        high=5,
        options=RATING,
    ),
    StandardQuestion(
        "part",
        Kind.CHOICE,
        texts("¿Qué parte no fue bien?", "Which part did not go well?"),
        options=[
            option("sale", "Lo que me contaron antes de comprar", "What I was told before buying"),
            option(
                "product",
                "El producto o servicio",
                "The product or service",
                goods=("El producto", "The product"),
                service=("El contenido o el servicio", "The content or the service"),
            ),
            option(
                "delivery",
                "La entrega o la activación",
                "Delivery or activation",
                goods=("La entrega", "Delivery"),
                digital=("La descarga o la activación", "Download or activation"),
                service=("El registro, el pago o el acceso", "Sign-up, payment or access"),
            ),
            option("service", "La atención al cliente", "How I was attended to"),
        ],
        condition={"question": "csat", "at_most": 3},
    ),
    StandardQuestion(
        "nps",
        Kind.SCALE,
        texts(
            "Según esta experiencia, ¿qué probabilidad hay de que recomiendes {brand} a un familiar o amigo?",
            "Based on this experience, how likely are you to recommend {brand} to a friend or family member?",
            "Según esta experiencia, ¿qué probabilidad hay de que recomiende {brand} a un familiar o amigo?",
        ),
        low=0,
        high=10,
        options=[
            option("0", "Nada probable", "Not at all likely"),
            option("10", "Extremadamente probable", "Extremely likely"),
        ],
    ),
    StandardQuestion(
        "promise",
        Kind.SCALE,
        texts(
            "Lo que encontraste, comparado con lo que te contaron antes de comprar, fue...",
            "Compared with what you were told before buying, what you got was...",
            "Lo que encontró, comparado con lo que le contaron antes de comprar, fue...",
        )
        | about(
            GOODS,
            "Lo que recibiste, comparado con lo que te contaron antes de comprar, fue...",
            "Compared with what you were told before buying, what you received was...",
            "Lo que recibió, comparado con lo que le contaron antes de comprar, fue...",
        ),
        low=-2,
        high=2,
        options=[
            option("-2", "Mucho peor", "Much worse"),
            option("-1", "Algo peor", "Somewhat worse"),
            option("0", "Igual", "As described"),
            option("1", "Algo mejor", "Somewhat better"),
            option("2", "Mucho mejor", "Much better"),
            option("none", "No me contaron nada", "I wasn't told anything"),
        ],
    ),
    StandardQuestion(
        "missing",
        Kind.CHOICE,
        texts(
            "¿Te faltó alguna información importante antes de comprar?",
            "Was any important information missing before you bought?",
            "¿Le faltó alguna información importante antes de comprar?",
        ),
        options=YES_NO,
    ),
    StandardQuestion(
        "missing_facts",
        Kind.CHIPS,
        texts("¿Cuál?", "Which?"),
        condition={"question": "missing", "is": "yes"},
    ),
    StandardQuestion(
        "affiliate_rating",
        Kind.SCALE,
        texts(
            "¿Cómo valoras la información y el trato que te dio {affiliate}?",
            "How would you rate the information and treatment you got from {affiliate}?",
            "¿Cómo valora la información y el trato que le dio {affiliate}?",
        ),
        low=1,
        high=5,
        options=[*RATING, option("none", "No tuve contacto", "I had no contact")],
        condition={"affiliate": True},
    ),
    StandardQuestion(
        "influence",
        Kind.CHOICE,
        texts("¿Influyó en tu decisión?", "Did it influence your decision?", "¿Influyó en su decisión?"),
        options=[
            option("no", "Nada", "Not at all"),
            option("some", "Algo", "Somewhat"),
            option("much", "Mucho", "A lot"),
        ],
        condition={"question": "affiliate_rating", "at_least": 1},
    ),
    StandardQuestion(
        "recommended_by",
        Kind.TEXT,
        texts("¿Quién te lo recomendó?", "Who recommended it to you?", "¿Quién se lo recomendó?"),
        condition={"affiliate": False},
    ),
    StandardQuestion(
        "expectation",
        Kind.TEXT,
        texts(
            "¿Qué esperabas y no encontraste?",
            "What did you expect that you didn't get?",
            "¿Qué esperaba y no encontró?",
        ),
        condition={"question": "promise", "at_most": -1},
    ),
    StandardQuestion(
        "keep",
        Kind.CHIPS,
        texts("¿Qué salió bien y debería seguir igual?", "What went well and should stay the same?"),
    ),
    StandardQuestion("keep_text", Kind.TEXT, OWN_WORDS),
    StandardQuestion("improve", Kind.CHIPS, texts("¿Qué deberíamos mejorar?", "What should we improve?")),
    StandardQuestion("improve_text", Kind.TEXT, OWN_WORDS),
    CONTACT,
    StandardQuestion("title", Kind.TEXT, texts("Título", "Title"), condition={"source": "import"}),
    StandardQuestion("comment", Kind.TEXT, texts("Comentario", "Comment"), condition={"source": "import"}),
]

FOLLOW_UP = [
    StandardQuestion(
        "buy_again",
        Kind.SCALE,
        texts(
            "Si volvieras a necesitar algo parecido, ¿lo comprarías otra vez en {brand}?",
            "If you needed something similar again, would you buy it from {brand}?",
            "Si volviera a necesitar algo parecido, ¿lo compraría otra vez en {brand}?",
        )
        | about(
            SERVICE,
            "Si volvieras a necesitar algo parecido, ¿elegirías otra vez {brand}?",
            "If you needed something similar again, would you choose {brand}?",
            "Si volviera a necesitar algo parecido, ¿elegiría otra vez {brand}?",
        ),
        is_required=True,
        low=1,
        high=5,
        options=[
            option("1", "Seguro que no", "Definitely not"),
            option("2", "Probablemente no", "Probably not"),
            option("3", "No lo sé", "I don’t know"),
            option("4", "Probablemente sí", "Probably"),
            option("5", "Seguro que sí", "Definitely"),
        ],
    ),
    StandardQuestion(
        "alternatives",
        Kind.SCALE,
        texts(
            "Comparada con otras opciones que conoces, {brand} es...",
            "Compared with other options you know, {brand} is...",
            "Comparada con otras opciones que conoce, {brand} es...",
        ),
        low=-2,
        high=2,
        options=[
            option("-2", "Mucho peor", "Much worse"),
            option("-1", "Algo peor", "Somewhat worse"),
            option("0", "Igual", "About the same"),
            option("1", "Algo mejor", "Somewhat better"),
            option("2", "Mucho mejor", "Much better"),
            option("none", "No conozco otras", "I know no others"),
        ],
    ),
    StandardQuestion("distinction", Kind.TEXT, texts("¿En qué se distingue?", "What sets it apart?")),
    StandardQuestion(
        "needs",
        Kind.TEXT,
        texts(
            "¿Qué te vendría bien ahora, con lo que compraste o después?",
            "What would help you now, or next?",
            "¿Qué le vendría bien ahora, con lo que compró o después?",
        ),
    ),
    CONTACT,
]

# Whether it was solved is a scale, since that is what a mail can ask: its three links answer the one thing that must be
# known, also where nobody goes on to the page.
CLOSING = [
    StandardQuestion(
        "solved",
        Kind.SCALE,
        texts(
            "¿Se resolvió lo que nos contaste?",
            "Was what you told us about put right?",
            "¿Se resolvió lo que nos contó?",
        ),
        is_required=True,
        low=1,
        high=3,
        options=[option("1", "No", "No"), option("2", "En parte", "In part"), option("3", "Sí", "Yes")],
    ),
    StandardQuestion(
        "remains",
        Kind.TEXT,
        texts("¿Qué queda por resolver?", "What is still to be put right?"),
        condition={"question": "solved", "at_most": 2},
    ),
    StandardQuestion(
        "ces",
        Kind.SCALE,
        texts(
            "¿Estás de acuerdo? «{brand} me lo puso fácil para resolver mi solicitud.»",
            "Do you agree? “{brand} made it easy for me to handle my issue.”",
            "¿Está de acuerdo? «{brand} me lo puso fácil para resolver mi solicitud.»",
        ),
        low=1,
        high=7,
        options=[
            option("1", "Totalmente en desacuerdo", "Strongly disagree"),
            option("7", "Totalmente de acuerdo", "Strongly agree"),
        ],
    ),
]

QUESTIONNAIRES = {Wave.FIRST: FIRST_WAVE, Wave.FOLLOW_UP: FOLLOW_UP, Wave.CLOSING: CLOSING}


@transaction.atomic
def publish_standard_survey(brand: Brand, wave: Wave = Wave.FIRST) -> Survey:
    """The brand's published questionnaire of the wave; the standard one where it has none.

    Facts and aspects that the brand has already, and any published questionnaire, stay as they are.
    """
    # Two at once would publish two: the brand's row is the lock, and one that lets foreign keys to it pass.
    Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)
    if survey := Survey.objects.published(brand, wave).first():
        return survey
    Fact.objects.bulk_create(
        [Fact(brand=brand, position=n, **asdict(fact)) for n, fact in enumerate(FACTS)], ignore_conflicts=True
    )
    Aspect.objects.bulk_create(
        [Aspect(brand=brand, position=n, **asdict(aspect)) for n, aspect in enumerate(ASPECTS)], ignore_conflicts=True
    )
    latest = Survey.objects.filter(brand=brand, wave=wave).aggregate(latest=Max("version"))["latest"]
    survey = Survey.objects.create(
        brand=brand,
        wave=wave,
        version=(latest or 0) + 1,
        status=Survey.Status.PUBLISHED,
        published_at=timezone.now(),
        catching_up_after=0 if wave == Wave.FOLLOW_UP else None,
    )
    Question.objects.bulk_create(
        Question(survey=survey, position=n, **asdict(question)) for n, question in enumerate(QUESTIONNAIRES[wave])
    )
    return survey
