//! The operations of carts.
#![allow(dead_code, reason = "the types of requests only describe them")]

use chassis::openapi::{Api, Operation, Sku};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::guests::GuestView;
use super::{GUEST_CART_ID_CHARS_MAX, LINES_MAX, QUANTITY_MAX, problem};
use crate::domain::PricedCart;
use crate::service::{Error, GUEST_CARTS_MAX, MergedCart};

const ID: &str = "crt_5f0a9c117a107c3e9d5b2f1f0192f0c15f0a9c11";

/// A quantity of a product.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Quantity {
    /// Pieces.
    #[schemars(range(min = 1, max = QUANTITY_MAX))]
    quantity: u32,
}

/// The new content of a cart.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CartLines {
    /// Each product once.
    #[schemars(length(max = LINES_MAX))]
    items: Vec<CartLine>,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
struct CartLine {
    sku: Sku,
    #[schemars(range(min = 1, max = QUANTITY_MAX))]
    quantity: u32,
}

/// The cart to merge into the own one.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CartMerge {
    #[schemars(length(min = 1, max = GUEST_CART_ID_CHARS_MAX))]
    guest_cart_id: String,
}

fn api() -> Api {
    let mut api = Api::new("cart");
    own(&mut api);
    guests(&mut api);
    api
}

fn own(api: &mut Api) {
    api.operation(
        "getCart",
        "Get the cart",
        "In the prices of this moment. Every user has one cart.",
    )
    .ok::<PricedCart>("The cart.", &cart())
    .headers(["ETag"]);
    api.operation("clearCart", "Empty the cart", "Removes all products.")
        .parameters(["IfMatch"])
        .empty(204, "The cart is empty.")
        .headers(["ETag"])
        .problems([412]);
    items::<PricedCart>(api, ["putCartItem", "removeCartItem"], "the cart", &cart());
    let mut merged = cart();
    merged["left_out"] = json!([]);
    api.operation(
        "mergeCart",
        "Merge a guest cart into the own cart",
        "For use after signing in. The products of the guest cart are added once, even if the \
         request is repeated. Quantities are added, up to 1,000 of a product; products beyond the \
         hundredth are left out.",
    )
    .parameters(["IfMatch"])
    .body::<CartMerge>(&json!({"guest_cart_id": ID}))
    .ok::<MergedCart>("The own cart.", &merged)
    .headers(["ETag"])
    .problems([404, 409, 412, 422]);
}

fn guests(api: &mut Api) {
    api.operation(
        "beginCart",
        "Create a guest cart",
        "Creates a cart for a visitor who has not signed in. The id is the only credential for \
         the cart, so keep it secret. The cart is kept for a week after its last change, and for \
         an hour while it is empty. There are at most 250,000 guest carts.",
    )
    .json::<GuestView>(
        201,
        "An empty cart.",
        &json!({
            "id": ID,
            "items": [],
            "total": {"amount": 0, "currency": "EUR"},
            "version": 0,
            "expires_at": "2026-03-02T12:00:00.000Z",
        }),
    )
    .headers(["ETag", "Location"])
    .problem(
        "A service is unavailable, or the maximum number of guest carts exists \
         (`guest-carts-full`).",
        &problem(Error::GuestCartsFull { max: GUEST_CARTS_MAX }),
    );
    api.operation(
        "getGuestCart",
        "Get a guest cart",
        "In the prices of this moment. Not found if the cart has expired, was deleted, or was \
         merged.",
    )
    .ok::<GuestView>("The cart.", &guest_cart())
    .headers(["ETag"])
    .problems([404]);
    api.operation(
        "replaceGuestCart",
        "Replace the content of a guest cart",
        "Afterwards, the cart contains exactly these products.",
    )
    .parameters(["IfMatch"])
    .body::<CartLines>(&json!({"items": [{"sku": "TEA-0001", "quantity": 2}]}))
    .ok::<GuestView>("The cart.", &guest_cart())
    .headers(["ETag"])
    .problems([404, 412, 422]);
    api.operation("discardGuestCart", "Delete a guest cart", "The id becomes invalid.")
        .parameters(["IfMatch"])
        .empty(204, "The cart was deleted.")
        .problems([404, 412]);
    let names = ["putGuestCartItem", "removeGuestCartItem"];
    items::<GuestView>(api, names, "a guest cart", &guest_cart()).problems([404]);
}

/// The operations on one product of a cart.
fn items<'a, T: JsonSchema>(
    api: &'a mut Api,
    names: [&'static str; 2],
    cart: &str,
    example: &Value,
) -> Operation<'a> {
    let [put, remove] = names;
    let summary = format!("Set the quantity of a product in {cart}");
    api.operation(put, &summary, "Adds the product or changes its quantity.")
        .parameters(["IfMatch"])
        .body::<Quantity>(&json!({"quantity": 2}))
        .ok::<T>("The cart.", example)
        .headers(["ETag"])
        .problems([404, 409, 412, 422]);
    let summary = format!("Remove a product from {cart}");
    api.operation(remove, &summary, "Has no effect if the product is not in the cart.")
        .parameters(["IfMatch"])
        .empty(204, "The product is not in the cart.")
        .headers(["ETag"])
        .problems([412])
}

fn guest_cart() -> Value {
    let mut cart = cart();
    (cart["id"], cart["expires_at"]) = (json!(ID), json!("2026-03-02T12:00:00.000Z"));
    cart
}

fn cart() -> Value {
    json!({"items": [item()], "total": {"amount": 2598, "currency": "EUR"}, "version": 3})
}

fn item() -> Value {
    json!({
        "sku": "TEA-0001",
        "name": "Sencha",
        "quantity": 2,
        "price": {"amount": 1299, "currency": "EUR"},
        "total": {"amount": 2598, "currency": "EUR"},
    })
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
