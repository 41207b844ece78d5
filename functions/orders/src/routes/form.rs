//! The body of `POST /api/v1/orders`.

use chassis::form::{Fields, JsonBody};
use chassis::money::{Money, is_currency};
use chassis::text::is_visible;
use chassis::{Result, card};

use crate::domain::{Address, country, placed};
use crate::service::NewOrder;

/// The maximum number of characters of a SKU.
const SKU_CHARS_MAX: usize = 64;
/// The maximum number of characters of a payment method's token.
pub(super) const METHOD_CHARS_MAX: usize = 200;

/// Reads the body. The error is 422 with all faults.
pub(super) fn read(body: &JsonBody) -> Result<NewOrder> {
    let mut fields = body.fields();
    let lines = fields.optional_array("items", 1..=placed::LINES_MAX, line);
    let shipping_address = fields.object("shipping_address", address);
    let payment_method = fields.string("payment_method", 1..=METHOD_CHARS_MAX);
    if let Some(fault) = payment_method.as_deref().and_then(token_fault) {
        fields.fault("payment_method", fault);
    }
    let expected_total = fields.optional_object("expected_total", money);
    fields.finish()?;
    let (Some(shipping_address), Some(payment_method)) = (shipping_address, payment_method) else {
        return Err(chassis::Problem::internal());
    };
    Ok(NewOrder { lines, shipping_address, payment_method, expected_total })
}

/// Why this is not a token of a payment provider. A response must never contain a card number.
fn token_fault(text: &str) -> Option<&'static str> {
    if card::holds_number(text) {
        return Some("must be a token of the payment provider, not a card number");
    }
    let is_token = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    (!is_token).then_some("must be a token that starts with a letter and has no spaces")
}

fn money(fields: &mut Fields<'_>) -> Option<Money> {
    let amount = fields.integer("amount", 0..=i64::MAX);
    let currency = fields.string("currency", 3..=3);
    if currency.as_deref().is_some_and(|code| !is_currency(code)) {
        fields.fault("currency", "must be an ISO 4217 code in upper case");
    }
    Some(Money::new(amount?, currency?))
}

fn line(fields: &mut Fields<'_>) -> Option<(String, u32)> {
    let sku = fields.string("sku", 1..=SKU_CHARS_MAX);
    let quantity = fields.integer("quantity", 1..=placed::QUANTITY_MAX);
    Some((sku?, quantity?))
}

/// A field of an address. It is printed on a label and shown in mails.
fn visible(fields: &mut Fields<'_>, part: &str) -> Option<String> {
    let text = fields.string(part, 1..=placed::ADDRESS_CHARS_MAX);
    if text.as_deref().is_some_and(|text| !is_visible(text)) {
        fields.fault(part, "must not be blank or contain invisible characters");
    }
    text
}

fn address(fields: &mut Fields<'_>) -> Option<Address> {
    let [name, street, city, postal_code] =
        ["name", "street", "city", "postal_code"].map(|part| visible(fields, part));
    let country = fields.string("country", 2..=2);
    if country.as_deref().is_some_and(|code| !country::is_code(code)) {
        fields.fault("country", "must be an ISO 3166-1 alpha-2 code in upper case");
    }
    Some(Address {
        name: name?,
        street: street?,
        city: city?,
        postal_code: postal_code?,
        country: country?,
    })
}
