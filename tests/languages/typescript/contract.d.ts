// The types of the contract, `wit/catalog` and `wit/inventory`, as componentize-qjs maps them.

declare module "shop:inventory/stock@1.0.0" {
  interface Availability {
    sku: string;
    available: number;
  }

  /** What a function throws: the error of the contract is its payload. */
  interface StockError extends Error {
    payload:
      | { tag: "not-found" | "expired" | "committed" | "conflict"; val: string }
      | { tag: "invalid" | "unavailable"; val: string }
      | { tag: "out-of-stock"; val: Availability[] };
  }

  const stock: { available(skus: string[]): Availability[] };
  export default stock;
  export type { Availability, StockError };
}

declare module "shop:catalog/products@1.0.0" {
  interface Product {
    sku: string;
    name: string;
    description: string;
    category: string;
    price: { amount: number; currency: string };
    image: string;
    updatedAt: number;
  }

  /** What a function may throw. */
  type ProductsError = { tag: "too-many" | "unavailable"; val: string };

  interface Products {
    getMany(skus: string[]): Promise<Product[]>;
  }
  export type { Product, Products, ProductsError };
}
