//! The body of `POST /api/v1/orders`.

use chassis::Result;
use chassis::form::{Fields, JsonBody};

use crate::domain::{Address, country, placed};

/// Characters of one part of an address.
const ADDRESS_CHARS_MAX: usize = 200;
/// Characters of a SKU.
const SKU_CHARS_MAX: usize = 64;
/// Characters of a payment method's token.
const METHOD_CHARS_MAX: usize = 200;

/// A sound body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// SKU and pieces; none orders the cart.
    pub(super) lines: Option<Vec<(String, u32)>>,
    pub(super) shipping_address: Address,
    pub(super) payment_method: String,
}

impl Form {
    /// The body's content, or 422 with every fault in it.
    pub(super) fn read(body: &JsonBody) -> Result<Self> {
        let mut fields = body.fields();
        let lines = fields.optional_array("items", 1..=placed::LINES_MAX, line);
        let shipping_address = fields.object("shipping_address", address);
        let payment_method = fields.string("payment_method", 1..=METHOD_CHARS_MAX);
        let visible = |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic());
        if payment_method.as_ref().is_some_and(|text| !visible(text)) {
            fields.fault("payment_method", "must be a token without spaces");
        }
        fields.finish()?;
        let (Some(shipping_address), Some(payment_method)) = (shipping_address, payment_method)
        else {
            return Err(chassis::Problem::internal());
        };
        Ok(Self { lines, shipping_address, payment_method })
    }
}

fn line(fields: &mut Fields<'_>) -> Option<(String, u32)> {
    let sku = fields.string("sku", 1..=SKU_CHARS_MAX);
    let quantity = fields.integer("quantity", 1..=placed::QUANTITY_MAX);
    Some((sku?, quantity?))
}

fn address(fields: &mut Fields<'_>) -> Option<Address> {
    let [name, street, city, postal_code] = ["name", "street", "city", "postal_code"]
        .map(|part| fields.string(part, 1..=ADDRESS_CHARS_MAX));
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
