//! Orders: `PUT /orders/<id>` with a product and a quantity, and `GET /orders/<id>`.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod events;

/// The most pieces of one order.
pub const QUANTITY_MAX: u32 = 1_000;

/// The id of the order that a path names.
pub fn id(path: &str) -> Option<&str> {
    path.strip_prefix("/orders/").filter(|id| !id.is_empty())
}

/// Checks the number of pieces of an order.
pub fn check(quantity: u32) -> Result<(), String> {
    match quantity {
        1..=QUANTITY_MAX => Ok(()),
        _ => Err(format!("`quantity` must be between 1 and {QUANTITY_MAX}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::{check, id};

    #[test]
    fn the_path_names_the_order() {
        assert_eq!(id("/orders/7"), Some("7"));
        assert_eq!(id("/orders/"), None);
    }

    #[test]
    fn an_order_has_some_pieces() {
        assert_eq!(check(1), Ok(()));
        assert!(check(0).is_err() && check(1_001).is_err());
    }
}
