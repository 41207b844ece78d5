//! Modes of families, and the side that a customer gets.

use chassis::hash::fnv1a_32;
use serde::{Deserialize, Serialize};

/// How the requests of a family are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
pub enum Mode {
    /// By the older shop.
    #[default]
    Legacy,
    /// By the older shop; the answer of the new function is compared with it.
    Shadow,
    /// By the new function for this share of the customers, by the older shop for all others.
    Percent {
        /// 0 to 100.
        percent: u8,
    },
    /// By the new function.
    New,
}

/// A side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The older shop.
    Legacy,
    /// The new functions.
    New,
}

impl Side {
    /// The name in the header `X-Served-By`.
    pub fn name(self) -> &'static str {
        match self {
            Side::Legacy => "legacy",
            Side::New => "new",
        }
    }
}

/// How a request of one customer is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// By this side.
    By(Side),
    /// By the older shop, and the answers are compared.
    Compared,
}

impl Decision {
    /// The side that answers, and that gets what must not be done twice.
    pub fn side(self) -> Side {
        match self {
            Decision::By(side) => side,
            Decision::Compared => Side::Legacy,
        }
    }
}

impl Mode {
    /// How requests of this customer are answered. A customer who gets the new function at some
    /// percentage gets it at each higher one, in all families.
    pub fn decide(self, customer: u64) -> Decision {
        let bucket = fnv1a_32(customer.to_string().bytes()) % 100;
        match self {
            Mode::Legacy => Decision::By(Side::Legacy),
            Mode::Shadow => Decision::Compared,
            Mode::Percent { percent } if bucket >= u32::from(percent) => Decision::By(Side::Legacy),
            Mode::Percent { .. } | Mode::New => Decision::By(Side::New),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cohort(percent: u8) -> Vec<u64> {
        let mode = Mode::Percent { percent };
        (1..=1_000).filter(|customer| mode.decide(*customer).side() == Side::New).collect()
    }

    #[test]
    fn a_percentage_of_the_customers_gets_the_new_function() {
        assert!(cohort(0).is_empty());
        assert!((70..=130).contains(&cohort(10).len()), "{}", cohort(10).len());
        assert!((450..=550).contains(&cohort(50).len()), "{}", cohort(50).len());
        assert_eq!(cohort(100).len(), 1_000);
    }

    #[test]
    fn customers_stay_when_the_percentage_grows() {
        let half = cohort(50);
        assert!(cohort(10).iter().all(|customer| half.contains(customer)));
    }

    #[test]
    fn a_mode_is_written_as_an_operator_writes_it() {
        let mode = |text: &str| serde_json::from_str::<Mode>(text).ok();
        assert_eq!(mode(r#"{"mode":"shadow"}"#), Some(Mode::Shadow));
        assert_eq!(mode(r#"{"mode":"percent","percent":10}"#), Some(Mode::Percent { percent: 10 }));
        for wrong in [r#"{"mode":"percent"}"#, r#"{"mode":"old"}"#, "{}"] {
            assert_eq!(mode(wrong), None, "{wrong}");
        }
    }
}
