// The catalog of the shop in JavaScript: it exports `shop:catalog/products` and calls
// `shop:inventory/stock`, both of which are functions of the component model, with no HTTP between.

import stock from "shop:inventory/stock@1.0.0";

const SKUS_MAX = 100;
// From so many pieces on hand, a product costs a tenth less.
const PLENTY = 100;

const PRODUCTS = new Map(
  [
    ["TEA-0001", "Sencha", 1250],
    ["TEA-0002", "Darjeeling", 990],
  ].map(([sku, name, amount]) => [sku, product(sku, name, amount)]),
);

function product(sku, name, amount) {
  return {
    sku,
    name,
    description: `${name}, from JavaScript`,
    category: "tea",
    price: { amount, currency: "EUR" },
    image: `/images/${sku}`,
    updatedAt: 1_750_000_000_000,
  };
}

// An exported interface is an object with its name.
export const products = {
  async getMany(skus) {
    // An error of the contract is thrown.
    if (skus.length > SKUS_MAX) {
      throw { tag: "too-many", val: `at most ${SKUS_MAX} SKUs` };
    }
    const known = skus.filter((sku) => PRODUCTS.has(sku)).map((sku) => PRODUCTS.get(sku));
    const pieces = onHand(known.map(({ sku }) => sku));
    return known.map((each) => priced(each, pieces.get(each.sku)));
  },
};

// The pieces that can be sold, as inventory says.
function onHand(skus) {
  try {
    return new Map(stock.available(skus).map(({ sku, available }) => [sku, available]));
  } catch (error) {
    throw { tag: "unavailable", val: `inventory: ${error.payload.val}` };
  }
}

function priced(each, pieces) {
  if (pieces < PLENTY) return each;
  const amount = Math.floor((each.price.amount * 9) / 10);
  return { ...each, price: { ...each.price, amount } };
}
