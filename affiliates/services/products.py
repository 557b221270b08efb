from collections.abc import Iterable

from accounts.models import Brand
from accounts.statements import select
from affiliates.models import Product
from affiliates.services.inputs import ProductInput

MEANT = " FROM affiliates_product WHERE brand_id = %s AND (sku = ANY(%s) OR id = ANY(%s::bigint[]))"
TOLD_FIELDS = ("name", "category", "kind")


class Products:
    """The products that a batch is about, each one object: those we had, what changed, and new ones."""

    def __init__(self, brand: Brand, given: Iterable[ProductInput | None], *, also: Iterable[int]) -> None:
        self.brand = brand
        skus, ids = list({each.sku for each in given if each}), list(also)
        found = select([Product], MEANT, [brand.pk, skus, ids]) if skus or ids else ()
        self.by_sku: dict[str, Product] = {product.sku: product for (product,) in found}
        self.by_id = {product.pk: product for product in self.by_sku.values()}
        self.changed: set[str] = set()

    def resolve(self, given: ProductInput | None) -> Product | None:
        """The product meant, made where there is none, knowing what was just told."""
        if given is None:
            return None
        product = self.by_sku.get(given.sku)
        if product is None:
            product = self.by_sku[given.sku] = Product(brand=self.brand, sku=given.sku)
        news = {
            name: value for name in TOLD_FIELDS if (value := getattr(given, name)) and value != getattr(product, name)
        }
        for name, value in news.items():
            setattr(product, name, value)
        if news and product.pk:
            self.changed.add(product.sku)
        return product

    def save(self) -> None:
        """In the order of their SKUs, so that two batches never wait for each other in a circle."""
        new = sorted((product for product in self.by_sku.values() if product.pk is None), key=lambda p: p.sku)
        if new:
            # Another batch may be creating the same product; then its row is ours too.
            Product.objects.bulk_create(new, ignore_conflicts=True)
            ids = dict(Product.objects.filter(brand=self.brand, sku__in=[p.sku for p in new]).values_list("sku", "pk"))
            for product in new:
                product.pk = ids[product.sku]
        if self.changed:
            locked = Product.objects.filter(pk__in=[self.by_sku[sku].pk for sku in self.changed])
            list(locked.select_for_update(no_key=True).order_by("sku").values_list("pk"))
            Product.objects.bulk_update([self.by_sku[sku] for sku in sorted(self.changed)], TOLD_FIELDS)
