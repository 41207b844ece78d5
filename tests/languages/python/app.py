"""The catalog of the shop in Python: it exports `shop:catalog/products` and calls
`shop:inventory/stock`, both of which are functions of the component model, with no HTTP between."""

from dataclasses import replace

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.products import Error_TooMany, Error_Unavailable, Product
from wit_world.imports import stock
from wit_world.imports.values import Money

SKUS_MAX = 100
# From so many pieces on hand, a product costs a tenth less.
PLENTY = 100

UPDATED_AT = 1_750_000_000_000


def product(sku: str, name: str, amount: int) -> Product:
    price = Money(amount, "EUR")
    return Product(sku, name, f"{name}, from Python", "tea", price, f"/images/{sku}", UPDATED_AT)


PRODUCTS = {
    "TEA-0001": product("TEA-0001", "Sencha", 1250),
    "TEA-0002": product("TEA-0002", "Darjeeling", 990),
}


class Products(exports.Products):
    """An exported interface is a class with its name."""

    async def get_many(self, skus: list[str]) -> list[Product]:
        # An error of the contract is raised, inside of `Err`.
        if len(skus) > SKUS_MAX:
            raise Err(Error_TooMany(f"at most {SKUS_MAX} SKUs"))
        known = [PRODUCTS[sku] for sku in skus if sku in PRODUCTS]
        pieces = await on_hand([each.sku for each in known])
        return [priced(each, pieces[each.sku]) for each in known]


async def on_hand(skus: list[str]) -> dict[str, int]:
    """The pieces that can be sold, as inventory says."""
    try:
        answer = await stock.available(skus)
    except Err as error:
        raise Err(Error_Unavailable(f"inventory: {error.value.value}")) from None
    return {entry.sku: entry.available for entry in answer}


def priced(each: Product, pieces: int) -> Product:
    if pieces < PLENTY:
        return each
    return replace(each, price=replace(each.price, amount=each.price.amount * 9 // 10))
