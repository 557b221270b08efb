"""What affiliates of the demo and its brand have made of what customers say. Pure, as its cast is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Changed:
    """An affiliate (by code; "" for the brand) changed something so many days ago, for this figure."""

    affiliate: str
    days_ago: int
    kind: str
    key: str
    text: str


@dataclass(frozen=True)
class Told:
    """What an affiliate was told directly, so many days ago."""

    affiliate: str
    days_ago: int
    kind: str
    theme: str
    text: str


@dataclass(frozen=True)
class Talk:
    """About what stands on a board: the affiliate asks, and where it was answered, the brand answers a day later."""

    affiliate: str
    days_ago: int
    kind: str
    key: str
    question: str
    answer: str = ""


CHANGES = [
    Changed("ana", 60, "figure", "missing", "En cada receta digo para qué cocina sirve la sartén y para cuál no."),
    Changed("ana", 12, "figure", "promise", "He quitado «dura toda la vida» de la guía y explico cómo se cuida."),
    Changed("celia", 100, "fact", "total_price", "La carta dice el precio de los tres meses, con envío e impuestos."),
    Changed("", 90, "aspect", "entrega", "El transportista avisa por SMS la víspera y el mismo día."),
]
HEARD = [
    Told("ana", 6, "praise", "uso", "El vídeo de cómo curar la sartén les ha salvado la primera tortilla."),
    Told("ana", 20, "question", "producto", "Preguntan si la sartén vale para inducción. Lo pongo en la guía."),
    Told("bruno", 9, "complaint", "entrega", "Me escriben que el molinillo tardó cinco días y yo dije 24 horas."),
]
TALKS = [
    Talk(
        "bruno",
        5,
        "missing",
        "deadlines",
        "Digo «envío en 24 h» porque lo pone la ficha. ¿Qué plazo cuento a partir de ahora?",
        "De lunes a jueves sale el mismo día; lo comprado de viernes a domingo llega el miércoles. Cuenta de dos a "
        "cuatro días. Lo cambiamos también en la ficha.",
    ),
    Talk(
        "celia",
        3,
        "missing",
        "total_price",
        "Varias personas esperaban poder pagar mes a mes. ¿Lo tenéis previsto?",
    ),
]
