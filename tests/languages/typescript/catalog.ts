// The catalog of the shop in TypeScript: it exports `shop:catalog/products` and calls
// `shop:inventory/stock`, both of which are functions of the component model, with no HTTP between.

import type { Product, Products, ProductsError } from "shop:catalog/products@1.0.0";
import stock, { type StockError } from "shop:inventory/stock@1.0.0";

const SKUS_MAX = 100;
// From so many pieces on hand, a product costs a tenth less.
const PLENTY = 100;

const PRODUCTS = new Map([
  product("TEA-0001", "Sencha", 1250),
  product("TEA-0002", "Darjeeling", 990),
].map((each) => [each.sku, each]));

function product(sku: string, name: string, amount: number): Product {
  return {
    sku,
    name,
    description: `${name}, from TypeScript`,
    category: "tea",
    price: { amount, currency: "EUR" },
    image: `/images/${sku}`,
    updatedAt: 1_750_000_000_000,
  };
}

// An exported interface is an object with its name.
export const products: Products = {
  async getMany(skus) {
    if (skus.length > SKUS_MAX) throw failed("too-many", `at most ${SKUS_MAX} SKUs`);
    const known = skus.flatMap((sku) => PRODUCTS.get(sku) ?? []);
    const pieces = onHand(known.map(({ sku }) => sku));
    return known.map((each) => priced(each, pieces.get(each.sku) ?? 0));
  },
};

// An error of the contract, to be thrown.
function failed(tag: ProductsError["tag"], val: string): ProductsError {
  return { tag, val };
}

// The pieces that can be sold, as inventory says.
function onHand(skus: string[]): Map<string, number> {
  try {
    return new Map(stock.available(skus).map(({ sku, available }) => [sku, available]));
  } catch (error) {
    throw failed("unavailable", `inventory: ${(error as StockError).payload.val}`);
  }
}

function priced(each: Product, pieces: number): Product {
  if (pieces < PLENTY) return each;
  const amount = Math.floor((each.price.amount * 9) / 10);
  return { ...each, price: { ...each.price, amount } };
}
