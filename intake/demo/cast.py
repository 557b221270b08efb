"""Who is in the demo: a brand, what it sells, and the affiliates who recommend it. All of it is made up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

BRAND = "lumbre"
HOST = "lumbre.example"
STAFF_EMAIL = "sofia@lumbre.example"
PASSWORD = "cafe-con-ascuas"  # noqa: S105  everybody's: the demo listens to this machine alone


@dataclass(frozen=True)
class Item:
    sku: str
    name: str
    category: str
    kind: str
    price: str
    weight: float


CATALOGUE = [
    Item("CAF-6", "Cafetera italiana Brasa, 6 tazas", "Cafeteras", "goods", "34.90", 17),
    Item("MOL-1", "Molinillo manual Ascua", "Cafeteras", "goods", "79.00", 10),
    Item("HER-1", "Hervidor de cuello de cisne", "Cafeteras", "goods", "64.50", 8),
    Item("SAR-26", "Sartén de hierro fundido, 26 cm", "Menaje", "goods", "49.90", 19),
    Item("CUC-20", "Cuchillo de chef, 20 cm", "Menaje", "goods", "58.00", 9),
    Item("GRA-1K", "Café en grano Finca Alta, 1 kg", "Café", "goods", "27.50", 13),
    Item("CUR-FIL", "Curso en vídeo: café de filtro en casa", "Formación", "digital", "39.00", 8),
    Item("REC-CUC", "Recetario digital de cuchara", "Formación", "digital", "14.90", 6),
    Item("SUS-3M", "Suscripción de café, un trimestre", "Suscripciones", "service", "54.00", 7),
    Item("TAL-CUC", "Taller presencial de cuchillos", "Talleres", "service", "45.00", 3),
]


@dataclass(frozen=True)
class Link:
    code: str
    path: str
    campaign: str
    promises: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()  # what its visitors mostly buy; everything where empty


# Aspects that customers praise on their own account, by how often; what goes wrong sets the others.
PRAISE: Mapping[str, float] = {
    "producto": 30,
    "entrega": 22,
    "precio": 14,
    "uso": 12,
    "promesa": 12,
    "info_previa": 11,
    "contacto_afiliado": 10,
    "soporte": 9,
    "registro": 8,
    "pago": 6,
    "garantia": 3,
    "privacidad": 3,
    "otro": 2,
}

# Facts that customers miss, by how often.
MISSED: Mapping[str, float] = {
    "deadlines": 22,
    "total_price": 20,
    "requirements": 18,
    "how_it_works": 16,
    "cancellation": 10,
    "warranty": 8,
    "commitment": 6,
    "privacy": 2,
    "other": 4,
}

# What nobody can miss of a kind of product.
POINTLESS: Mapping[str, frozenset[str]] = {
    "goods": frozenset({"commitment"}),
    "digital": frozenset({"deadlines", "warranty"}),
    "service": frozenset({"warranty"}),
}


@dataclass(frozen=True)
class Trend:
    """A rate at the beginning of the history and at its end; in between it moves evenly."""

    first: float
    last: float

    def at(self, progress: float) -> float:
        return self.first + (self.last - self.first) * progress


@dataclass(frozen=True)
class Recommender:
    """An affiliate, and how it goes for the customers they bring."""

    code: str
    name: str
    public_name: str
    share: float  # of the purchases, once they have joined
    links: tuple[Link, ...]
    coupon: str = ""
    late: Trend = Trend(0.08, 0.08)  # share of parcels that come after the day promised
    uninformed: Trend = Trend(0.15, 0.15)  # share who miss something they should have been told
    rating: float = 4.3  # of the affiliate, where nothing went wrong
    missed: Mapping[str, float] = field(default_factory=dict)  # facts missed more often than usual
    praised: Mapping[str, float] = field(default_factory=dict)
    english: float = 0.03
    joined_days_ago: int = 600
    most_answers: int | None = None

    @property
    def email(self) -> str:
        return f"{self.code}@afiliados.example"


RECOMMENDERS = [
    Recommender(
        "ana",
        "Ana Beltrán",
        "Ana, de Cocina con Ana",
        share=0.24,
        links=(
            Link("ana-hierro", "/sartenes/hierro", "Guía de sartenes de hierro", ("Dura toda la vida",), ("SAR-26",)),
            Link("ana-cuchara", "/recetario", "Recetas de cuchara", ("Recetas que salen a la primera",), ("REC-CUC",)),
            Link("ana-blog", "/", "Columna del blog"),
        ),
        coupon="ana10",
        late=Trend(0.06, 0.05),
        uninformed=Trend(0.07, 0.05),
        rating=4.8,
        praised={"info_previa": 26, "contacto_afiliado": 24, "promesa": 18},
    ),
    Recommender(
        "bruno",
        "Bruno Salas",
        "Bruno, de Bruno lo prueba",
        share=0.22,
        links=(
            Link("bruno-24h", "/cafeteras", "Vídeo: cafeteras a prueba", ("Envío en 24 h", "Devolución gratis")),
            Link("bruno-molinillo", "/molinillos", "Vídeo: tres molinillos", ("Envío en 24 h",), ("MOL-1", "CAF-6")),
        ),
        coupon="bruno5",
        late=Trend(0.16, 0.46),
        uninformed=Trend(0.14, 0.22),
        rating=4.0,
        missed={"deadlines": 70},
        praised={"info_previa": 15, "precio": 26},
    ),
    Recommender(
        "celia",
        "Celia Prado",
        "Celia, de La hora del café",
        share=0.20,
        links=(
            Link(
                "celia-suscripcion",
                "/suscripcion",
                "Carta: la suscripción",
                ("18 € al mes", "Un café distinto cada mes"),
                ("SUS-3M", "SUS-3M", "GRA-1K"),
            ),
            Link("celia-curso", "/cursos/filtro", "Carta: café de filtro", ("Desde cero",), ("CUR-FIL", "HER-1")),
        ),
        coupon="lahora",
        uninformed=Trend(0.48, 0.40),
        rating=3.9,
        missed={"total_price": 80, "commitment": 70, "cancellation": 30},
        praised={"producto": 40},
    ),
    Recommender(
        "diego",
        "Diego Ferrer",
        "Diego, de A fuego lento",
        share=0.18,
        links=(
            Link("diego-podcast", "/", "Notas del episodio"),
            Link("diego-cuchillos", "/cuchillos", "Episodio: cuchillos", ("Taller incluido",), ("CUC-20", "TAL-CUC")),
        ),
        coupon="fuegolento",
        late=Trend(0.14, 0.06),
        uninformed=Trend(0.40, 0.09),
        rating=4.4,
        missed={"requirements": 40},
        praised={"contacto_afiliado": 16},
    ),
    Recommender(
        "ellen",
        "Ellen Marsh",
        "Ellen, from Spanish Kitchen Diary",
        share=0.16,
        links=(
            Link("ellen-pan", "/sartenes/hierro", "The one pan", ("Ships anywhere in Spain",), ("SAR-26", "CUC-20")),
            Link("ellen-coffee", "/cafeteras", "Coffee at home"),
        ),
        late=Trend(0.12, 0.12),
        uninformed=Trend(0.18, 0.15),
        rating=4.5,
        missed={"how_it_works": 30},
        praised={"contacto_afiliado": 20},
        english=0.65,
    ),
    Recommender(
        "nora",
        "Nora Gil",
        "Nora Gil",
        share=0.05,
        links=(Link("nora-primera", "/", "Mi cocina pequeña", ("Ocupa poco",)),),
        coupon="nora",
        joined_days_ago=20,
        most_answers=3,  # too few to be shown: somebody must see that page too
    ),
]

FIRST_NAMES = {
    "es": [
        "Adriana",
        "Alba",
        "Alberto",
        "Alicia",
        "Andrés",
        "Ángela",
        "Antonio",
        "Beatriz",
        "Carlos",
        "Carmen",
        "César",
        "Clara",
        "Cristina",
        "Daniel",
        "David",
        "Elena",
        "Emilio",
        "Enrique",
        "Eva",
        "Fátima",
        "Fernando",
        "Francisco",
        "Gloria",
        "Guillermo",
        "Hugo",
        "Inés",
        "Irene",
        "Isabel",
        "Iván",
        "Javier",
        "Jorge",
        "José",
        "Juan",
        "Julia",
        "Laura",
        "Leire",
        "Lorena",
        "Lucía",
        "Luis",
        "Manuel",
        "Marcos",
        "María",
        "Marina",
        "Mario",
        "Marta",
        "Mateo",
        "Miguel",
        "Mónica",
        "Natalia",
        "Nerea",
        "Nuria",
        "Óscar",
        "Pablo",
        "Paula",
        "Pedro",
        "Pilar",
        "Raquel",
        "Raúl",
        "Ricardo",
        "Rocío",
        "Rosa",
        "Rubén",
        "Samuel",
        "Sara",
        "Sergio",
        "Silvia",
        "Susana",
        "Teresa",
        "Tomás",
        "Valeria",
        "Verónica",
        "Víctor",
        "Yolanda",
    ],
    "en": [
        "Alice",
        "Amy",
        "Ben",
        "Charlotte",
        "Chris",
        "Claire",
        "Daniel",
        "Emily",
        "Emma",
        "George",
        "Grace",
        "Hannah",
        "Harry",
        "Helen",
        "Jack",
        "James",
        "Jane",
        "Kate",
        "Liam",
        "Louise",
        "Lucy",
        "Mark",
        "Megan",
        "Mike",
        "Oliver",
        "Paul",
        "Peter",
        "Rachel",
        "Rebecca",
        "Sam",
        "Simon",
        "Sophie",
        "Susan",
        "Thomas",
        "Tom",
        "Will",
    ],
}
SURNAMES = {
    "es": [
        "Aguilar",
        "Alonso",
        "Álvarez",
        "Arias",
        "Benítez",
        "Blanco",
        "Bravo",
        "Cabrera",
        "Calvo",
        "Campos",
        "Cano",
        "Castillo",
        "Castro",
        "Cortés",
        "Crespo",
        "Cruz",
        "Delgado",
        "Díaz",
        "Díez",
        "Domínguez",
        "Durán",
        "Esteban",
        "Fernández",
        "Flores",
        "Fuentes",
        "Gallego",
        "García",
        "Garrido",
        "Giménez",
        "Gómez",
        "González",
        "Guerrero",
        "Gutiérrez",
        "Hernández",
        "Herrera",
        "Herrero",
        "Ibáñez",
        "Iglesias",
        "Jiménez",
        "León",
        "López",
        "Lorenzo",
        "Lozano",
        "Marín",
        "Márquez",
        "Martín",
        "Martínez",
        "Medina",
        "Méndez",
        "Molina",
        "Montero",
        "Mora",
        "Morales",
        "Moreno",
        "Moya",
        "Muñoz",
        "Navarro",
        "Nieto",
        "Núñez",
        "Ortega",
        "Ortiz",
        "Parra",
        "Pascual",
        "Peña",
        "Pérez",
        "Prieto",
        "Ramírez",
        "Ramos",
        "Rey",
        "Reyes",
        "Román",
        "Romero",
        "Rubio",
        "Ruiz",
        "Sáez",
        "Sanz",
        "Sánchez",
        "Santana",
        "Santos",
        "Serrano",
        "Soler",
        "Soto",
        "Suárez",
        "Torres",
        "Vargas",
        "Vázquez",
        "Vega",
        "Velasco",
        "Vicente",
        "Vidal",
    ],
    "en": [
        "Adams",
        "Baker",
        "Bennett",
        "Brown",
        "Carter",
        "Clark",
        "Cooper",
        "Davies",
        "Edwards",
        "Evans",
        "Foster",
        "Gray",
        "Green",
        "Hall",
        "Harris",
        "Hill",
        "Hughes",
        "Jackson",
        "Johnson",
        "Jones",
        "King",
        "Lewis",
        "Martin",
        "Miller",
        "Moore",
        "Morgan",
        "Murphy",
        "Parker",
        "Price",
        "Roberts",
        "Robinson",
        "Scott",
        "Smith",
        "Taylor",
        "Thompson",
        "Turner",
        "Walker",
        "Ward",
        "Watson",
        "White",
        "Wilson",
        "Wood",
        "Wright",
        "Young",
    ],
}
