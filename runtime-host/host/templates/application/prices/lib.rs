//! What products cost. The contract is in `wit/prices`.

#[cfg(target_family = "wasm")]
mod component;

/// Returns what some pieces of a product cost, in cents, or `None` if there is no such product.
pub fn total(product: &str, quantity: u32) -> Option<u64> {
    let price = match product {
        "espresso-cup" => 1_250,
        "saucer" => 400,
        _ => return None,
    };
    Some(price * u64::from(quantity))
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn the_total_is_the_price_of_all_pieces() {
        assert_eq!(total("espresso-cup", 2), Some(2_500));
    }

    #[test]
    fn an_unknown_product_has_no_price() {
        assert_eq!(total("teapot", 1), None);
    }
}
