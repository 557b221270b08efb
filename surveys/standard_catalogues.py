"""What customers can tick from the beginning: the facts a seller should tell, and the aspects of a purchase."""

from dataclasses import dataclass

from accounts.models import FORMAL_SPANISH
from affiliates.models import Product
from surveys.models import Aspect

Texts = dict[str, str]
Stage, Owner = Aspect.Stage, Aspect.Owner
GOODS, SERVICE, DIGITAL = Product.Kind.GOODS, Product.Kind.SERVICE, Product.Kind.DIGITAL


def texts(es: str, en: str, usted: str = "") -> Texts:
    """`usted` where the Spanish text speaks to the reader: what a brand says that addresses them formally."""
    return {"es": es, "en": en} | ({FORMAL_SPANISH: usted} if usted else {})


def about(kind: Product.Kind, es: str, en: str, usted: str = "") -> Texts:
    """The same as it is said of one kind of product."""
    return {f"{language}.{kind}": text for language, text in texts(es, en, usted).items()}


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
    StandardAspect(
        "promesa",
        texts("Lo prometido y lo recibido", "Promise vs reality")
        | about(SERVICE, "Lo prometido y lo encontrado", "Promise vs reality"),
        Stage.BEFORE,
        Owner.BOTH,
    ),
    StandardAspect(
        "contacto_afiliado",
        texts("Atención de quien te lo recomendó", "Contact with the referrer", "Atención de quien se lo recomendó"),
        Stage.BEFORE,
        Owner.BOTH,
    ),
    StandardAspect("registro", texts("Registro y proceso de compra", "Sign-up and checkout"), Stage.BUYING),
    StandardAspect("pago", texts("Pago y facturación", "Payment and billing"), Stage.BUYING),
    StandardAspect(
        "entrega",
        texts("Entrega o activación", "Delivery or activation")
        | about(GOODS, "Entrega", "Delivery")
        | about(DIGITAL, "Descarga o activación", "Download or activation")
        | about(SERVICE, "Activación y acceso", "Activation and access"),
        Stage.DELIVERY,
    ),
    StandardAspect(
        "producto",
        texts("Calidad del producto o servicio", "Product or service quality")
        | about(GOODS, "Calidad del producto", "Product quality")
        | about(SERVICE, "Contenido y calidad del servicio", "Content and quality of the service"),
        Stage.USE,
    ),
    StandardAspect("uso", texts("Facilidad de uso y orientación", "Ease of use and guidance"), Stage.USE),
    StandardAspect("soporte", texts("Atención al cliente", "Customer support"), Stage.USE),
    StandardAspect("precio", texts("Precio y valor", "Price and value"), Stage.ANY),
    StandardAspect(
        "garantia",
        texts("Devoluciones y garantía", "Returns and warranty")
        | about(SERVICE, "Cancelación y reembolsos", "Cancelling and refunds"),
        Stage.AFTER,
    ),
    StandardAspect("privacidad", texts("Privacidad y discreción", "Privacy and discretion"), Stage.ANY),
    StandardAspect("otro", texts("Otro", "Other"), Stage.ANY),
]
