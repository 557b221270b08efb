"""What a new brand's catalogue of promises begins with; its staff switch off what does not hold there."""

from accounts.models import Brand
from affiliates.models import CataloguePromise

# Code, Spanish, English. Short, as they are said where a link is shared.
PROMISES = [
    ("delivery_24h", "Envío en 24 h", "Delivery in 24 hours"),
    ("free_delivery", "Envío gratis", "Free delivery"),
    ("free_returns", "Devolución gratis", "Free returns"),
    ("no_commitment", "Sin permanencia", "No minimum term"),
    ("final_price", "El precio que ves es el precio final", "The price you see is the final price"),
    ("discount", "Descuento con este enlace o cupón", "A discount with this link or coupon"),
    ("easy_start", "Listo para usar en minutos", "Ready to use within minutes"),
    ("personal_help", "Te atiende una persona", "A person answers you"),
    ("discreet", "Envío y cobro discretos", "Discreet parcel and receipt"),
]


def missing_promises(brand: Brand) -> int:
    """How many of the standard ones the brand does not have, switched off or not."""
    codes = {code for code, _es, _en in PROMISES}
    return len(codes.difference(CataloguePromise.objects.filter(brand=brand).values_list("code", flat=True)))


def offer_standard_promises(brand: Brand) -> int:
    """Those that the brand has already stay as they are. How many are new."""
    missing = missing_promises(brand)
    CataloguePromise.objects.bulk_create(
        [
            CataloguePromise(brand=brand, position=n, code=code, labels={"es": es, "en": en})
            for n, (code, es, en) in enumerate(PROMISES)
        ],
        ignore_conflicts=True,
    )
    return missing
