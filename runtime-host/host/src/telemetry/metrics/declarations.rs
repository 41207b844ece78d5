//! Registers metrics. In tests, it also lists them for the reference in the documentation.

use super::BUCKETS_S;
use super::calls::Durations;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::hash::Hash;
use std::sync::atomic::AtomicU64;

/// The prefix of the names of what only this host has.
pub(super) const OWN: &str = "tessera";

/// Declares sets of labels.
macro_rules! labels {
    ($($(#[$doc:meta])* $set:ident { $($(#[$label_doc:meta])* $label:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
            pub(crate) struct $set {
                $($(#[$label_doc])* pub(crate) $label: $type,)*
            }

            impl LabelSet for $set {
                #[cfg(test)]
                const NAMES: &[&str] = &[$(stringify!($label)),*];
            }
        )*
    };
}
pub(super) use labels;

/// A set of labels.
pub(super) trait LabelSet {
    #[cfg(test)]
    const NAMES: &'static [&'static str];
}

/// A metric, with or without labels.
pub(super) trait Declared: Metric + Clone {
    #[cfg(test)]
    const LABELS: &'static [&'static str] = &[];
}

impl Declared for Counter {}
impl Declared for Counter<f64, AtomicU64> {}
impl Declared for Gauge {}
impl Declared for Gauge<f64, AtomicU64> {}
impl<L: LabelSet, M> Declared for Family<L, M>
where
    Self: Metric + Clone,
{
    #[cfg(test)]
    const LABELS: &'static [&'static str] = L::NAMES;
}

/// A metric as the reference shows it.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Declaration {
    /// The name of its series.
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

/// The declared metrics.
pub(super) struct Declarations {
    #[cfg(test)]
    prefix: &'static str,
    pub(super) registry: Registry,
    #[cfg(test)]
    pub(super) list: Vec<Declaration>,
}

impl Declarations {
    pub(super) fn new(prefix: &'static str) -> Self {
        Self {
            #[cfg(test)]
            prefix,
            registry: Registry::with_prefix(prefix),
            #[cfg(test)]
            list: Vec::new(),
        }
    }

    /// The durations of calls.
    pub(super) fn durations<L>(&mut self, name: &str, help: &'static str) -> Durations<L>
    where
        L: LabelSet + Clone + Hash + Eq,
        Durations<L>: Declared,
    {
        let new = || HistogramWithExemplars::new(BUCKETS_S.into_iter());
        let family = Durations::<L>::new_with_constructor(new);
        self.register(name, Some(Unit::Seconds), help, family)
    }

    pub(super) fn seconds<M: Declared + Default>(&mut self, name: &str, help: &'static str) -> M {
        self.register(name, Some(Unit::Seconds), help, M::default())
    }

    pub(super) fn bytes<M: Declared + Default>(&mut self, name: &str, help: &'static str) -> M {
        self.register(name, Some(Unit::Bytes), help, M::default())
    }

    /// A number of what the name says.
    pub(super) fn count<M: Declared + Default>(&mut self, name: &str, help: &'static str) -> M {
        self.register(name, None, help, M::default())
    }

    /// Registers a metric. Its name ends with the unit.
    fn register<M: Declared>(
        &mut self,
        name: &str,
        unit: Option<Unit>,
        help: &'static str,
        metric: M,
    ) -> M {
        #[cfg(test)]
        self.list.push(Declaration::new((self.prefix, name), unit.as_ref(), help, &metric));
        match unit {
            Some(unit) => self.registry.register_with_unit(name, help, unit, metric.clone()),
            None => self.registry.register(name, help, metric.clone()),
        }
        metric
    }
}

#[cfg(test)]
impl Declaration {
    fn new<M: Declared>(
        (prefix, name): (&str, &str),
        unit: Option<&Unit>,
        help: &'static str,
        metric: &M,
    ) -> Self {
        let kind = metric.metric_type().as_str().to_owned();
        let unit = unit.map_or(String::new(), |unit| format!("_{}", unit.as_str()));
        let suffix = if kind == "counter" { "_total" } else { "" };
        Self { name: format!("{prefix}_{name}{unit}{suffix}"), kind, labels: M::LABELS, help }
    }
}
