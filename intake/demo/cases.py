"""Cases of the demo: what customers wrote to open some, and how staff went about them. All of it is made up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from complaints.models import Complaint, Remedy

Kind = Complaint.Kind
Cause = Complaint.Cause


@dataclass(frozen=True)
class Amends:
    """How a case is put right: what, how far it has got, what it costs in euros."""

    kind: str
    state: str
    cost: Decimal | None = None
    note: str = ""


@dataclass(frozen=True)
class Letter:
    """A case that a customer opened by writing, so many days ago."""

    days_ago: float
    sku: str  # of what was bought
    kind: str
    subject: str
    text: str
    severity: str = Complaint.Severity.MEDIUM
    reply: str = ""
    resolution: str = ""
    is_waiting: bool = False  # for the customer
    had_it_for: int = 3  # days, at least
    details: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""
    amends: Amends | None = None


LETTERS = [
    Letter(
        0.2,
        "SAR-26",
        Kind.INQUIRY,
        "Cómo se cura la sartén",
        "Hola: ya tengo la sartén en casa, pero no sé cómo se cura antes del primer uso. ¿Vale aceite de girasol?",
        Complaint.Severity.LOW,
    ),
    Letter(
        0.6,
        "CAF-6",
        Kind.WARRANTY,
        "La junta de la cafetera pierde",
        "La compré hace unos meses y desde la semana pasada gotea por la rosca. He recolocado la junta y sigue "
        "igual. ¿Entra en la garantía?",
        had_it_for=100,
        details={"fault": "Gotea por la rosca", "serial": "CF6-20418"},
        amends=Amends(Remedy.Kind.REPAIR, Remedy.State.ASKED),
    ),
    Letter(
        2.4,
        "MOL-1",
        Kind.RETURN,
        "Quiero devolver el molinillo",
        "Me han regalado otro y este está sin abrir. ¿Cómo hago para devolverlo y quién paga el envío?",
        reply="Claro que sí. Te mandamos una etiqueta por correo; el envío de vuelta corre de nuestra cuenta. "
        "En cuanto llegue te devolvemos el importe.",
        is_waiting=True,
        amends=Amends(Remedy.Kind.REFUND, Remedy.State.OFFERED, Decimal("79.00"), "Al recibir el molinillo"),
    ),
    Letter(
        4.0,
        "CUR-FIL",
        Kind.CLAIM,
        "Me cobraron dos veces",
        "El día de la compra la página se quedó colgada y ahora tengo dos cargos del mismo importe. Quiero que me "
        "devuelvan uno.",
        Complaint.Severity.HIGH,
        reply="Tienes razón, vemos los dos cargos. Hemos pedido la devolución del segundo al banco; suele tardar entre "
        "tres y cinco días.",
        amends=Amends(Remedy.Kind.REFUND, Remedy.State.OFFERED, Decimal("18.00"), "Segundo cargo"),
    ),
    Letter(
        12.0,
        "HER-1",
        Kind.COMPLAINT,
        "Nadie me contesta",
        "Escribí hace una semana porque mi hervidor llegó sin la tapa y todavía no sé nada. Es una falta de respeto.",
        Complaint.Severity.HIGH,
        reply="Sentimos el silencio. La tapa no llegó a salir del almacén; hoy mismo te la enviamos, sin gastos.",
        resolution="Tapa entregada. El buzón se revisa ahora también por la tarde.",
        had_it_for=7,
        cause=Cause.NO_ANSWER,
        amends=Amends(Remedy.Kind.APOLOGY, Remedy.State.DONE),
    ),
    Letter(
        21.0,
        "CUC-20",
        Kind.SUGGESTION,
        "Un cuchillo más pequeño",
        "Me encanta el de chef, pero para pelar me haría falta uno corto de la misma serie. ¿Lo habéis pensado?",
        Complaint.Severity.LOW,
        reply="Gracias por la idea, se la hemos pasado a quien elige el catálogo.",
        resolution="Pasado a compras: piden una puntilla de la misma serie para la primavera.",
        cause=Cause.NOTHING,
        amends=Amends(Remedy.Kind.INFORMATION, Remedy.State.DONE),
    ),
    Letter(
        33.0,
        "SAR-26",
        Kind.WARRANTY,
        "Se ha soltado el mango",
        "Al tercer uso se ha soltado el mango de la sartén. Adjunto las fotos si hacen falta.",
        reply="No hacen falta fotos. Te enviamos una nueva mañana y recogen la otra en la misma visita.",
        resolution="Sartén cambiada por una nueva. Avisado el proveedor: partida con el remache flojo.",
        cause=Cause.FAULTY,
        amends=Amends(Remedy.Kind.REPLACEMENT, Remedy.State.DONE, Decimal("31.50")),
    ),
    Letter(
        58.0,
        "TAL-CUC",
        Kind.RETURN,
        "El taller no era lo que esperaba",
        "Decían un grupo de ocho y éramos catorce, apenas pude practicar. Me gustaría que me devolvierais una parte.",
        reply="Te entendemos: ese día juntamos dos grupos y no avisamos. Te devolvemos la mitad o te guardamos plaza "
        "en el siguiente, lo que prefieras.",
        resolution="Eligió plaza en el taller siguiente. Desde entonces no se pasa de ocho por grupo.",
        cause=Cause.WRONG_PROMISE,
        amends=Amends(Remedy.Kind.REPLACEMENT, Remedy.State.DONE, Decimal("45.00"), "Plaza en otro taller"),
    ),
]

# Kept ready at the desk: language, title, text.
READY_ANSWERS = (
    (
        "es",
        "Recibido, lo miro",
        "Hola, {name}: gracias por contárnoslo. Tengo tu caso {number} y te escribo en cuanto sepa más."
        "\n\n{agent}, {brand}",
    ),
    (
        "es",
        "Etiqueta de devolución",
        "Hola, {name}: te mandamos por correo la etiqueta para devolver {product} (pedido {order}). El envío corre de "
        "nuestra cuenta y te devolvemos el importe en cuanto llegue.\n\n{agent}, {brand}",
    ),
    (
        "es",
        "Fotos, por favor",
        "Hola, {name}: ¿puedes subir una o dos fotos a la página de tu caso? Con ellas lo resolvemos sin pedirte más."
        "\n\n{agent}, {brand}",
    ),
    (
        "en",
        "Got it",
        "Hello {name}, thank you for telling us. I have your case {number} and will write as soon as I know more."
        "\n\n{agent}, {brand}",
    ),
)

# What staff wrote to customers whose answer opened a case, and how it ended, by what had gone wrong.
REPLIES = {
    "delivery": (
        (
            "Sentimos el retraso y no haberte avisado. Hemos reclamado al transportista y te devolvemos el envío.",
            "Gastos de envío devueltos y reclamación al transportista.",
        ),
        (
            "Gracias por contárnoslo. Llegó tarde y no hay excusa; te hemos mandado un vale por el importe del envío.",
            "Vale enviado. Anotado para la revisión de plazos de las cafeteras.",
        ),
    ),
    "product": (
        (
            "Así no tenía que llegar. Te enviamos otro sin coste y recogen el que tienes cuando te venga bien.",
            "Producto cambiado sin coste.",
        ),
        (
            "Gracias por decírnoslo con detalle. Si quieres te devolvemos el dinero; si no, te mandamos uno nuevo.",
            "Pidió la devolución; importe devuelto.",
        ),
    ),
    "service": (
        (
            "Perdona el ir y venir. Desde hoy lleva tu caso una sola persona, y te escribirá ella.",
            "Duda resuelta por correo. Se ha repasado con el equipo cómo se pasan los casos.",
        ),
    ),
    "sale": (
        (
            "Tienes razón: había que decirlo antes de comprar. Ya está en la página y te devolvemos la diferencia.",
            "Diferencia devuelta y página corregida.",
        ),
        (
            "Sentimos la confusión. Hemos cancelado la renovación y no se te cobrará nada más.",
            "Renovación cancelada. Avisada la persona que lo recomendó para que lo diga antes.",
        ),
    ),
}
# What staff found behind a case that an answer opened, by what had gone wrong, one after the other.
CAUSES = {
    "delivery": (Cause.LATE, Cause.DAMAGED, Cause.LATE, Cause.WRONG_ITEM, Cause.LOST),
    "product": (Cause.FAULTY, Cause.NOT_AS_DESCRIBED, Cause.HARD_TO_USE, Cause.FAULTY, Cause.INCOMPLETE),
    "service": (Cause.NO_ANSWER, Cause.BAD_SERVICE, Cause.SLOW_REFUND),
    "sale": (Cause.NOT_SAID, Cause.WRONG_PROMISE, Cause.NOT_SAID, Cause.WRONG_PRICE),
}
NOTES = (
    "Llamado a las 12, no contesta. Vuelvo a probar por la tarde.",
    "Es el tercer caso de este modelo en un mes, lo miro con compras.",
    "Pedido localizado: estaba en el almacén de Getafe.",
)
