"""Guides of the demo, and mail that waits for a decision. All of it is made up."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MadeUpGuide:
    """`sku`: of which product; empty: of all. Title and text in Spanish and in English; how many it helped, or not."""

    sku: str
    es: tuple[str, str]
    en: tuple[str, str]
    helped: int
    not_helped: int


GUIDES = [
    MadeUpGuide(
        "SAR-26",
        (
            "Cómo se cura la sartén antes del primer uso",
            "Se tarda unos veinte minutos y se hace **una sola vez**.\n\n"
            "1. Lávala con agua caliente y sécala al fuego.\n"
            "2. Cubre el fondo con aceite de girasol o de linaza y déjala a fuego medio hasta que humee.\n"
            "3. Tira el aceite, pasa un papel de cocina y repite.\n\n"
            "## Después\n\nAgua caliente y un cepillo bastan; el jabón no le hace falta. **Nunca al lavavajillas.**",
        ),
        (
            "How to season the pan before the first use",
            "It takes some twenty minutes, and is done **only once**.\n\n"
            "1. Wash it with hot water and dry it on the stove.\n"
            "2. Cover the bottom with sunflower or linseed oil and heat it until it smokes.\n"
            "3. Pour the oil away, wipe it with kitchen paper and repeat.\n\n"
            "## Afterwards\n\nHot water and a brush are enough; it needs no soap. **Never in the dishwasher.**",
        ),
        helped=31,
        not_helped=4,
    ),
    MadeUpGuide(
        "CAF-6",
        (
            "La cafetera gotea por la rosca: qué mirar",
            "Casi siempre es la junta.\n\n"
            "- Mira que esté limpia, plana y sin grietas, y que el borde no tenga posos.\n"
            "- Aprieta con las dos manos, nunca por el asa.\n"
            "- Si la junta está dura, cámbiala: hay recambio de 6 tazas.\n\n"
            "Si sigue goteando con una junta nueva, escríbenos: entra en la garantía.",
        ),
        (
            "The coffee maker drips at the thread: what to look at",
            "It is nearly always the gasket.\n\n"
            "- See that it is clean, flat and without cracks, and the rim free of coffee grounds.\n"
            "- Screw it tight with both hands, never by the handle.\n"
            "- If the gasket has gone hard, change it: there are spares for 6 cups.\n\n"
            "If it still drips with a new one, write to us: the warranty covers it.",
        ),
        helped=18,
        not_helped=9,
    ),
    MadeUpGuide(
        "",
        (
            "Cómo devolver un pedido",
            "Tienes **30 días** desde que lo recibes.\n\n"
            "1. Escríbenos desde la página de tu compra y elige «Quiero devolverlo».\n"
            "2. Te mandamos una etiqueta; el envío de vuelta lo pagamos nosotros.\n"
            "3. Cuando llegue, te devolvemos el importe por donde pagaste.",
        ),
        (
            "How to return an order",
            "You have **30 days** from the day you receive it.\n\n"
            "1. Write to us from the page of your purchase and choose that you want to return it.\n"
            "2. We send you a label; the way back is on us.\n"
            "3. When it arrives you get your money back the way you paid.",
        ),
        helped=22,
        not_helped=2,
    ),
]

# Sender (empty: the customer of an open warranty case), subject, text.
MAILS = [
    (
        "Marta Gil <compras@restaurante-lacalle.example>",
        "¿Vendéis a restaurantes?",
        "Hola: tenemos un restaurante en Burgos y nos interesan las sartenes.\n\n¿Hay precio desde diez?\n\nMarta",
    ),
    (
        "",
        "Otra cosa más",
        "Se me olvidó decir que también viene rayada por dentro. ¿Mando fotos?",
    ),
]
