//! Evaluations of feature flags.

use super::declarations::{Declarations, LabelSet, labels};
use super::label_sets::Text;
use crate::telemetry::{OTHER, Operation};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::sync::Arc;

/// Series of the metric. Flags can be defined while the host runs, so their number has no other
/// limit; later ones are counted as others.
const SERIES_MAX: usize = 4_096;
/// Stands for the caller's own default. No variant has this name.
const DEFAULT: &str = "_DEFAULT";

labels! {
    /// Labels of evaluations.
    FlagLabels {
        /// A flag that is defined, or `_OTHER`.
        flag: Text<Operation>,
        /// One of its variants, or `_DEFAULT`.
        variant: Text<Operation>,
    }
}

/// The counters of all flags.
#[derive(Debug)]
pub(crate) struct FlagEvaluations {
    evaluations: Family<FlagLabels, Counter>,
}

impl FlagEvaluations {
    pub(super) fn declare(all: &mut Declarations) -> Self {
        let evaluations = all.count(
            "feature_flag_evaluations",
            "Evaluations of feature flags; `flag` is `_OTHER` if there is no such flag, and \
             `variant` is `_DEFAULT` if the value was the caller's default",
        );
        Self { evaluations }
    }

    /// A flag was evaluated. Only keys and variants that are defined may be given.
    pub(crate) fn evaluated(&self, flag: Option<&Arc<str>>, variant: Option<&Arc<str>>) {
        let text = |name: Option<&Arc<str>>, otherwise: &'static str| {
            Text(name.map_or(Operation::Fixed(otherwise), |name| Operation::Named(name.clone())))
        };
        let labels = FlagLabels { flag: text(flag, OTHER), variant: text(variant, DEFAULT) };
        if let Some(counter) = self.evaluations.get(&labels) {
            counter.inc();
            return;
        }
        let labels = match self.evaluations.len() < SERIES_MAX {
            true => labels,
            false => FlagLabels { flag: text(None, OTHER), variant: text(None, OTHER) },
        };
        self.evaluations.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_series_is_limited() {
        let flags = FlagEvaluations::declare(&mut Declarations::new("test"));
        for number in 0..SERIES_MAX * 2 {
            flags.evaluated(Some(&number.to_string().into()), Some(&"on".into()));
        }
        assert_eq!(flags.evaluations.len(), SERIES_MAX + 1);
    }
}
