//! Amounts of money: integer minor units and an ISO 4217 code, never a float.

use serde::{Deserialize, Serialize};

/// An amount of money: 1999 and `EUR` are 19.99 euros.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Money {
    /// In minor units (cents). Negative only in ledgers.
    pub amount: i64,
    /// ISO 4217.
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = "^[A-Z]{3}$")))]
    pub currency: String,
}

/// Sums that must not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies in one sum.
    #[error("can't add {0} to {1}")]
    Currencies(String, String),
    /// More than 64 bits of minor units.
    #[error("the amount is too large")]
    Overflow,
}

impl Money {
    /// An amount in minor units.
    pub fn new(amount: i64, currency: impl Into<String>) -> Money {
        Money { amount, currency: currency.into() }
    }

    /// The sum; an error across currencies or beyond 64 bits.
    pub fn plus(&self, other: &Money) -> Result<Money, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies(other.currency.clone(), self.currency.clone()));
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Money { amount, currency: self.currency.clone() })
    }

    /// The price of `quantity` pieces.
    pub fn times(&self, quantity: u32) -> Result<Money, MoneyError> {
        let amount = self.amount.checked_mul(i64::from(quantity)).ok_or(MoneyError::Overflow)?;
        Ok(Money { amount, currency: self.currency.clone() })
    }
}

/// Whether `code` has the shape of an ISO 4217 code.
pub fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stay_in_one_currency_and_do_not_wrap() {
        let euro = Money::new(1999, "EUR");
        assert_eq!(euro.plus(&Money::new(1, "EUR")), Ok(Money::new(2000, "EUR")));
        assert_eq!(euro.times(3), Ok(Money::new(5997, "EUR")));
        assert!(matches!(euro.plus(&Money::new(1, "USD")), Err(MoneyError::Currencies(..))));
        assert_eq!(Money::new(i64::MAX, "EUR").times(2), Err(MoneyError::Overflow));
    }
}
