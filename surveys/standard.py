"""The questionnaire and the catalogues that a brand begins with.

Wording of questions may name {brand} and {affiliate}; whoever shows it fills them in (surveys/wording.py).
A question's condition says when it is shown: an answer (`{"question": "promise", "at_most": -1}`, or `"is": "yes"`),
somebody credited with the purchase (`{"affiliate": true}`), or never on the page, since other tools' answers alone
have it (`{"source": "import"}`). The chips of `missing_facts` are the brand's facts, those of `keep` and `improve` its
aspects: their questions carry no options of their own.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import Brand
from surveys.models import Aspect, Fact, Question, Survey, Wave

Texts = dict[str, str]
Kind, Stage, Owner = Question.Kind, Aspect.Stage, Aspect.Owner


def texts(es: str, en: str) -> Texts:
    return {"es": es, "en": en}


def option(code: str, es: str, en: str) -> dict[str, Any]:
    return {"code": code, "labels": texts(es, en)}


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

FIRST_WAVE = [
    StandardQuestion(
        "csat",
        Kind.SCALE,
        texts("En general, ¿cómo valoras tu compra?", "Overall, how would you rate your purchase?"),
        is_required=True,
        low=1,
        high=5,
        options=RATING,
    ),
    StandardQuestion(
        "nps",
        Kind.SCALE,
        texts(
            "Según esta experiencia, ¿qué probabilidad hay de que recomiendes {brand} a un familiar o amigo?",
            "Based on this experience, how likely are you to recommend {brand} to a friend or family member?",
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
            "Lo que recibiste, comparado con lo que te contaron antes de comprar, fue...",
            "Compared with what you were told before buying, what you got was...",
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
        "expectation",
        Kind.TEXT,
        texts("¿Qué esperabas y no encontraste?", "What did you expect that you didn't get?"),
        condition={"question": "promise", "at_most": -1},
    ),
    StandardQuestion(
        "missing",
        Kind.CHOICE,
        texts(
            "¿Te faltó alguna información importante antes de comprar?",
            "Was any important information missing before you bought?",
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
        "keep",
        Kind.CHIPS,
        texts("¿Qué salió bien y debería seguir igual?", "What went well and should stay the same?"),
    ),
    StandardQuestion("keep_text", Kind.TEXT, texts("Con tus palabras", "In your own words")),
    StandardQuestion("improve", Kind.CHIPS, texts("¿Qué deberíamos mejorar?", "What should we improve?")),
    StandardQuestion("improve_text", Kind.TEXT, texts("Con tus palabras", "In your own words")),
    StandardQuestion(
        "affiliate_rating",
        Kind.SCALE,
        texts(
            "¿Cómo valoras la información y el trato que te dio {affiliate}?",
            "How would you rate the information and treatment you got from {affiliate}?",
        ),
        low=1,
        high=5,
        options=[*RATING, option("none", "No tuve contacto", "I had no contact")],
        condition={"affiliate": True},
    ),
    StandardQuestion(
        "part",
        Kind.CHOICE,
        texts("¿Qué parte no fue bien?", "Which part did not go well?"),
        options=[
            option("sale", "Lo que me contaron antes de comprar", "What I was told before buying"),
            option("product", "El producto o servicio", "The product or service"),
            option("delivery", "La entrega o la activación", "Delivery or activation"),
            option("service", "La atención que recibí", "How I was attended to"),
        ],
        condition={"question": "csat", "at_most": 3},
    ),
    StandardQuestion(
        "contact",
        Kind.CHOICE,
        texts("¿Quieres que te contactemos?", "Would you like us to contact you?"),
        options=[option("yes", "Sí, por correo", "Yes, by e-mail"), option("no", "No", "No")],
    ),
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
        texts("¿Qué te vendría bien ahora, con lo que compraste o después?", "What would help you now, or next?"),
    ),
    StandardQuestion(
        "contact",
        Kind.CHOICE,
        texts("¿Quieres que te contactemos?", "Would you like us to contact you?"),
        options=[option("yes", "Sí, por correo", "Yes, by e-mail"), option("no", "No", "No")],
    ),
]

QUESTIONNAIRES = {Wave.FIRST: FIRST_WAVE, Wave.FOLLOW_UP: FOLLOW_UP}


@dataclass(frozen=True)
class StandardFact:
    code: str
    labels: Texts
    advice: Texts


FACTS = [
    StandardFact(
        "total_price",
        texts("Precio total y cargos", "Total price and charges"),
        texts(
            "Di el precio total, con envío, impuestos y cualquier otro cargo, antes de dar el enlace.",
            "Say the total price, with delivery, taxes and any other charge, before you give the link.",
        ),
    ),
    StandardFact(
        "how_it_works",
        texts("Cómo funciona", "How it works"),
        texts(
            "Explica en tres pasos cómo se usa y qué pasa después de pagar.",
            "Explain in three steps how it is used and what happens after paying.",
        ),
    ),
    StandardFact(
        "requirements",
        texts("Requisitos o compatibilidad", "Requirements or compatibility"),
        texts(
            "Di qué hace falta para usarlo (medidas, aparato, edad, país) y para quién no sirve.",
            "Say what it takes to use it (size, device, age, country) and whom it does not suit.",
        ),
    ),
    StandardFact(
        "deadlines",
        texts("Plazos", "How long it takes"),
        texts(
            "Di el plazo real de entrega o activación, con el peor caso y no solo con el mejor.",
            "Say how long delivery or activation really takes, the worst case and not only the best.",
        ),
    ),
    StandardFact(
        "commitment",
        texts("Permanencia o renovación", "Minimum term or renewal"),
        texts(
            "Di si hay permanencia, cuándo se renueva y cuánto se cobra entonces.",
            "Say whether there is a minimum term, when it renews and what is charged then.",
        ),
    ),
    StandardFact(
        "cancellation",
        texts("Cancelación y devolución", "Cancelling and returning"),
        texts(
            "Di cómo se cancela o se devuelve, en cuántos días y quién paga el envío de vuelta.",
            "Say how to cancel or return it, within how many days and who pays for sending it back.",
        ),
    ),
    StandardFact(
        "warranty",
        texts("Garantía", "Warranty"),
        texts(
            "Di cuánto dura la garantía, qué cubre y a quién hay que escribir.",
            "Say how long the warranty lasts, what it covers and whom to write to.",
        ),
    ),
    StandardFact(
        "privacy",
        texts("Privacidad", "Privacy"),
        texts(
            "Di qué datos se piden, para qué y qué aparecerá en el recibo o en el paquete.",
            "Say which data are asked for, what for, and what will appear on the receipt or the parcel.",
        ),
    ),
    StandardFact(
        "other",
        texts("Otra", "Something else"),
        texts(
            "Pregunta antes de la venta: «¿Qué más necesitas saber para decidir?».",
            "Ask before the sale: “What else do you need to know to decide?”",
        ),
    ),
]


@dataclass(frozen=True)
class StandardAspect:
    code: str
    labels: Texts
    stage: Aspect.Stage
    owner: Aspect.Owner = Owner.BRAND


# Before the sale it is the affiliate who speaks: those aspects are theirs and the brand's together.
ASPECTS = [
    StandardAspect(
        "info_previa",
        texts("Información antes de la compra", "Information before the sale"),
        Stage.BEFORE,
        Owner.BOTH,
    ),
    StandardAspect("promesa", texts("Lo prometido y lo recibido", "Promise vs reality"), Stage.BEFORE, Owner.BOTH),
    StandardAspect(
        "contacto_afiliado",
        texts("Atención de quien te lo recomendó", "Contact with the referrer"),
        Stage.BEFORE,
        Owner.BOTH,
    ),
    StandardAspect("registro", texts("Registro y proceso de compra", "Sign-up and checkout"), Stage.BUYING),
    StandardAspect("pago", texts("Pago y facturación", "Payment and billing"), Stage.BUYING),
    StandardAspect("entrega", texts("Entrega o activación", "Delivery or activation"), Stage.DELIVERY),
    StandardAspect("producto", texts("Calidad del producto o servicio", "Product or service quality"), Stage.USE),
    StandardAspect("uso", texts("Facilidad de uso y orientación", "Ease of use and guidance"), Stage.USE),
    StandardAspect("soporte", texts("Atención al cliente", "Customer support"), Stage.USE),
    StandardAspect("precio", texts("Precio y valor", "Price and value"), Stage.ANY),
    StandardAspect("garantia", texts("Devoluciones y garantía", "Returns and warranty"), Stage.AFTER),
    StandardAspect("privacidad", texts("Privacidad y discreción", "Privacy and discretion"), Stage.ANY),
    StandardAspect("otro", texts("Otro", "Other"), Stage.ANY),
]


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
    )
    Question.objects.bulk_create(
        Question(survey=survey, position=n, **asdict(question)) for n, question in enumerate(QUESTIONNAIRES[wave])
    )
    return survey
