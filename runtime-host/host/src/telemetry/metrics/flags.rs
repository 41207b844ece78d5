//! Evaluations of feature flags.

use super::declarations::{Declarations, LabelSet, labels};
use super::label_sets::Text;
use crate::telemetry::{OTHER, Operation};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    series: AtomicUsize,
}

impl FlagEvaluations {
    pub(super) fn declare(all: &mut Declarations) -> Self {
        let evaluations = all.count(
            "feature_flag_evaluations",
            "Evaluations of feature flags; `flag` is `_OTHER` if there is no such flag, and \
             `variant` is `_DEFAULT` if the value was the caller's default",
        );
        Self { evaluations, series: AtomicUsize::new(0) }
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
        let labels = match self.series.fetch_add(1, Ordering::Relaxed) {
            0..SERIES_MAX => labels,
            _ => FlagLabels { flag: text(None, OTHER), variant: text(None, OTHER) },
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
        let known = |number: usize| {
            let flag = Text(Operation::from(number.to_string()));
            flags.evaluations.get(&FlagLabels { flag, variant: Text("on".into()) }).is_some()
        };
        assert!(known(0) && known(SERIES_MAX - 1) && !known(SERIES_MAX));
        let others = FlagLabels { flag: Text(OTHER.into()), variant: Text(OTHER.into()) };
        let others = flags.evaluations.get(&others).map(|counter| counter.get());
        assert_eq!(others, Some(SERIES_MAX as u64));
    }
}
