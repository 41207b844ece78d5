//! Reading products from request bodies, with all faults at once.

use chassis::form::{Fields, JsonBody};
use chassis::money::Money;
use chassis::problem::Result;

use crate::domain::{
    CATEGORY_CHARS_MAX, CURRENCY, DESCRIPTION_CHARS_MAX, Details, NAME_CHARS_MAX,
    PRICE_MINOR_UNITS_MAX, SKU_CHARS_MAX, is_sku,
};
use crate::text::slug;

/// Reads a product with its SKU.
pub(super) fn new_product(body: &JsonBody) -> Result<(String, Details)> {
    let mut fields = body.fields();
    let sku = fields.string("sku", 1..=SKU_CHARS_MAX);
    if sku.as_deref().is_some_and(|sku| !is_sku(sku)) {
        fields.fault("sku", "must be upper-case letters and digits joined by hyphens: KIT-0007");
    }
    let details = details(&mut fields);
    fields.finish()?;
    sku.zip(details).ok_or_else(chassis::Problem::internal)
}

/// Reads the details of a product. The body may repeat the SKU, so that a client can send what it
/// has read, but can't change it.
pub(super) fn changed_product(body: &JsonBody, sku: &str) -> Result<Details> {
    let mut fields = body.fields();
    let repeated = fields.optional_string("sku", 1..=SKU_CHARS_MAX);
    if repeated.is_some_and(|repeated| repeated != sku) {
        fields.fault("sku", "must be the SKU of the path, or be left out");
    }
    let details = details(&mut fields);
    fields.finish()?;
    details.ok_or_else(chassis::Problem::internal)
}

fn details(fields: &mut Fields<'_>) -> Option<Details> {
    let name = text(fields, "name", NAME_CHARS_MAX);
    let description = text(fields, "description", DESCRIPTION_CHARS_MAX);
    let category = text(fields, "category", CATEGORY_CHARS_MAX);
    if category.as_deref().is_some_and(|category| slug(category).is_empty()) {
        fields.fault("category", "must have a letter or a digit");
    }
    let price = fields.object("price", price);
    Some(Details { name: name?, description: description?, category: category?, price: price? })
}

/// A line of text that is not blank.
fn text(fields: &mut Fields<'_>, name: &str, chars_max: usize) -> Option<String> {
    let text = fields.string(name, 1..=chars_max)?;
    if text.trim() != text || text.is_empty() {
        fields.fault(name, "must not begin or end with a space");
    }
    if text.chars().any(char::is_control) {
        fields.fault(name, "must not have control characters");
    }
    Some(text)
}

fn price(fields: &mut Fields<'_>) -> Option<Money> {
    let amount = fields.integer("amount", 1..=PRICE_MINOR_UNITS_MAX);
    let currency = fields.string("currency", 3..=3);
    if currency.as_deref().is_some_and(|currency| currency != CURRENCY) {
        fields.fault("currency", format!("must be {CURRENCY}, the currency of this shop"));
    }
    Some(Money::new(amount?, currency?))
}
