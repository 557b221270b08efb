"""What the demo's customers say when they are asked again, by how it went for them at first. Made up."""

import random
from collections.abc import Mapping

from surveys.services.answering import Given

AGAIN_OF_CSAT = {1: (1, 2), 2: (1, 3), 3: (2, 4), 4: (3, 5), 5: (4, 5)}
COMPARED_OF_CSAT = {1: (-2, -1), 2: (-2, 0), 3: (-1, 0), 4: (0, 1), 5: (0, 2)}

DISTINCTIONS = {
    "es": [
        "Que contestan de verdad cuando escribes.",
        "Lo que venden dura. Lo uso cada día y está como nuevo.",
        "Explican las cosas antes de que preguntes.",
        "Tienen pocas cosas, pero bien elegidas.",
        "El precio no es el más bajo, pero sabes lo que compras.",
        "Que no te bombardean a correos después de comprar.",
        "Los recambios: pude pedir la junta suelta.",
        "Nada en especial, cumplen y ya está.",
    ],
    "en": [
        "Somebody answers when you write to them.",
        "It lasts. I use it every day and it is like new.",
        "Few things, well chosen.",
    ],
}
NEEDS = {
    "es": [
        "Una guía para limpiarla bien sin estropearla.",
        "Recambios: juntas y filtros.",
        "Más recetas de temporada.",
        "Un molinillo que no haga tanto ruido.",
        "Que avisaran cuando haya café nuevo.",
        "Un taller de segundo nivel.",
        "Una tapa para la sartén.",
    ],
    "en": ["A lid that fits the pan.", "A guide to cleaning it.", "Spare gaskets and filters."],
}


def answer_again(first: Mapping[str, Given], *, language: str, rng: random.Random) -> dict[str, Given]:
    """Whoever was happy mostly would buy again; the words are for some."""
    csat = first["csat"].number or 3
    said = {"buy_again": Given(number=rng.randint(*AGAIN_OF_CSAT[csat]))}
    if rng.random() < 0.85:
        knows_others = rng.random() < 0.8
        compared = Given(number=rng.randint(*COMPARED_OF_CSAT[csat]))
        said["alternatives"] = compared if knows_others else Given(codes=("none",))
    if csat >= 4 and rng.random() < 0.35:
        said["distinction"] = Given(text=rng.choice(DISTINCTIONS[language]))
    if rng.random() < 0.3:
        said["needs"] = Given(text=rng.choice(NEEDS[language]))
    return said
