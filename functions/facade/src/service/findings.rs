//! What comparisons have found.

use chassis::clock::rfc3339;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::Facade;
use crate::domain::{Difference, Family};
use crate::ports::Ports;
use crate::sides::Unavailable;

/// The maximum number of findings; older ones are dropped.
pub const FINDINGS_MAX: usize = 100;
/// The key of findings.
const FINDINGS: &str = "findings";
/// The names of all outcomes.
const OUTCOMES: [&str; 4] = ["same", "late", "different", "failed"];

/// The outcome of a comparison.
pub(super) enum Outcome {
    /// No difference.
    Same,
    /// No difference any more after a moment.
    Late,
    /// Differences.
    Different(Vec<Difference>),
    /// The new function did not answer.
    Failed(Unavailable),
}

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Outcome::Same => OUTCOMES[0],
            Outcome::Late => OUTCOMES[1],
            Outcome::Different(_) => OUTCOMES[2],
            Outcome::Failed(_) => OUTCOMES[3],
        }
    }
}

/// A request whose answers differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// When it was seen last, RFC 3339.
    pub at: String,
    /// How often it was seen.
    pub count: u64,
    /// The family.
    pub family: Family,
    /// The customer.
    pub customer: u64,
    /// The path of the request.
    pub path: String,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// How many comparisons had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// No difference.
    pub same: u64,
    /// No difference any more after a moment.
    pub late: u64,
    /// Differences.
    pub different: u64,
    /// The new function did not answer.
    pub failed: u64,
}

impl<P: Ports> Facade<P> {
    pub(super) async fn note(
        &self,
        family: Family,
        customer: u64,
        path: &str,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        self.store().increment(&count_key(family, outcome.name()), 1).await?;
        let differences = match outcome {
            Outcome::Same | Outcome::Late => return Ok(()),
            Outcome::Failed(failure) => {
                eprintln!("facade: the shadow of {path} failed: {failure}");
                return Ok(());
            }
            Outcome::Different(differences) => differences,
        };
        let (at, path) = (rfc3339(self.now_ms()), path.to_owned());
        let fresh = Finding { at, count: 1, family, customer, path, differences };
        self.store()
            .modify(FINDINGS, |findings: &mut Vec<Finding>| {
                let mut fresh = fresh.clone();
                let is_same = |it: &Finding| it.customer == fresh.customer && it.path == fresh.path;
                if let Some(index) = findings.iter().position(is_same) {
                    fresh.count += findings.remove(index).count;
                }
                findings.insert(0, fresh);
                findings.truncate(FINDINGS_MAX);
                Ok(())
            })
            .await
    }

    /// The last findings, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        Ok(self.store().read(FINDINGS).await?.unwrap_or_default())
    }

    /// The counts of a family.
    ///
    /// # Errors
    /// The store failed.
    pub async fn counts(&self, family: Family) -> Result<Counts, StoreError> {
        let mut counts = [0; OUTCOMES.len()];
        for (count, outcome) in counts.iter_mut().zip(OUTCOMES) {
            let key = count_key(family, outcome);
            *count = self.store().increment(&key, 0).await?.unsigned_abs();
        }
        let [same, late, different, failed] = counts;
        Ok(Counts { same, late, different, failed })
    }

    /// Forgets findings and counts, after their cause was corrected.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_findings(&self) -> Result<(), StoreError> {
        for family in Family::ALL {
            for outcome in OUTCOMES {
                self.store().delete(&count_key(family, outcome)).await?;
            }
        }
        self.store().delete(FINDINGS).await
    }
}

fn count_key(family: Family, outcome: &str) -> String {
    format!("count/{}/{outcome}", family.name())
}
