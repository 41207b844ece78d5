//! Statistics: `GET /statistics` returns the number and the sum of all orders that were received as
//! events.

#[cfg(target_family = "wasm")]
mod component;

/// The number and the sum of orders, from the totals of each in cents.
pub fn summary(totals: &[u64]) -> String {
    let sum: u64 = totals.iter().sum();
    format!("{} orders, {}.{:02} euros\n", totals.len(), sum / 100, sum % 100)
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn totals_are_added() {
        assert_eq!(summary(&[1_250, 405]), "2 orders, 16.55 euros\n");
    }

    #[test]
    fn there_may_be_no_order_yet() {
        assert_eq!(summary(&[]), "0 orders, 0.00 euros\n");
    }
}
