//! A fault as an operator writes it.

use super::{Planned, Subject};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest time for which a fault is active: an operator who forgets it must not find it a day
/// later.
pub(crate) const DURATION_MAX_MS: u64 = 3_600_000;
/// The longest injected latency.
const LATENCY_MAX_MS: u64 = 600_000;
/// The longest step of a clock, in either direction: ten years.
const STEP_MAX_MS: u64 = 10 * 365 * 24 * 3_600_000;
/// The longest name or pattern.
const PATTERN_MAX_BYTES: usize = 256;
const PERCENT_MAX: f64 = 100.0;

/// A fault. Patterns match exactly, or, with `*` at their end, what begins like them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub(crate) target: Target,
    pub(crate) effect: Effect,
    /// The share of operations that it applies to, in percent.
    #[serde(default = "Fault::always")]
    pub(crate) rate_percent: f64,
    /// For how long it is active.
    pub(crate) duration_ms: u64,
}

/// What a fault applies to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Target {
    /// Calls of a component, in whatever way they come.
    Call {
        /// The called component.
        to: String,
        /// The calling component, or `outside`.
        #[serde(default = "any")]
        from: String,
        /// A function as `interface.function`, or a route with its method: `GET /products/:id`.
        #[serde(default = "any")]
        operation: String,
    },
    /// Calls between two components, in both directions. Either may be `outside`.
    Partition { between: String, and: String },
    /// Requests of components to other hosts.
    Host {
        /// The name or address of the host, without a port.
        host: String,
        #[serde(default = "any")]
        from: String,
    },
    /// Operations on a store.
    Store {
        label: String,
        #[serde(default)]
        access: Access,
    },
    /// Events that components publish.
    Publish {
        #[serde(default = "any")]
        event_type: String,
    },
    /// Deliveries of events.
    Delivery { subscription: String },
    /// The wall clock of a component.
    Clock { component: String },
}

/// Operations on a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Access {
    #[default]
    Any,
    Read,
    Write,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Effect {
    /// Delays by a random time between these two.
    Latency {
        min_ms: u64,
        max_ms: u64,
    },
    Error,
    Trap,
    Hang,
    LostAnswer,
    Duplicate,
    Reorder,
    /// Moves the clock forward, or back.
    Step {
        by_ms: i64,
    },
}

fn any() -> String {
    "*".to_owned()
}

impl Fault {
    /// The rate of a fault that applies to all operations.
    pub(crate) fn always() -> f64 {
        PERCENT_MAX
    }

    /// Why it can't be injected, and what to change.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !(self.rate_percent > 0.0 && self.rate_percent <= PERCENT_MAX) {
            return Err("`rate_percent` must be above 0 and at most 100".to_owned());
        }
        if !(1..=DURATION_MAX_MS).contains(&self.duration_ms) {
            return Err(format!("`duration_ms` must be 1 to {DURATION_MAX_MS}"));
        }
        if let Effect::Latency { min_ms, max_ms } = self.effect
            && !(min_ms <= max_ms && max_ms <= LATENCY_MAX_MS)
        {
            return Err(format!("`min_ms` must be at most `max_ms`, and that {LATENCY_MAX_MS}"));
        }
        if let Effect::Step { by_ms } = self.effect
            && !(1..=STEP_MAX_MS).contains(&by_ms.unsigned_abs())
        {
            return Err(format!("`by_ms` must be 1 to {STEP_MAX_MS}, or negative"));
        }
        self.target.check()?;
        if self.fits_effect() {
            return Ok(());
        }
        let (target, effect) = (self.target.name(), self.effect.name());
        Err(format!(
            "`{target}` can't have the effect `{effect}`: `trap` is for calls, `duplicate` and \
             `reorder` are for deliveries, and `step` is for clocks, which have no other effect"
        ))
    }

    fn fits_effect(&self) -> bool {
        let target = &self.target;
        match self.effect {
            Effect::Trap => matches!(target, Target::Call { .. }),
            Effect::Duplicate | Effect::Reorder => matches!(target, Target::Delivery { .. }),
            Effect::Step { .. } => matches!(target, Target::Clock { .. }),
            Effect::Latency { .. } | Effect::Error | Effect::Hang | Effect::LostAnswer => {
                !matches!(target, Target::Clock { .. })
            }
        }
    }

    /// What it does to an operation. `chance` and `position` are random numbers from 0 to 1: whether
    /// it applies, and where its latency is between the limits.
    pub(super) fn plan(&self, subject: Subject<'_>, chance: f64, position: f64) -> Option<Planned> {
        if !self.target.fits(subject) || chance * PERCENT_MAX >= self.rate_percent {
            return None;
        }
        Some(match self.effect {
            Effect::Latency { min_ms, max_ms } => {
                let more_ms = max_ms.saturating_sub(min_ms) as f64 * position;
                Planned::Delay(
                    Duration::from_millis(min_ms) + Duration::from_secs_f64(more_ms / 1e3),
                )
            }
            Effect::Error => Planned::Fail,
            Effect::Trap => Planned::Trap,
            Effect::Hang => Planned::Hang,
            Effect::LostAnswer => Planned::Lose,
            Effect::Duplicate => Planned::Duplicate,
            Effect::Reorder => Planned::Reorder,
            Effect::Step { by_ms } => Planned::Step { by_ms },
        })
    }
}

impl Target {
    /// Its kind, as written.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Call { .. } => "call",
            Self::Partition { .. } => "partition",
            Self::Host { .. } => "host",
            Self::Store { .. } => "store",
            Self::Publish { .. } => "publish",
            Self::Delivery { .. } => "delivery",
            Self::Clock { .. } => "clock",
        }
    }

    fn patterns(&self) -> Vec<&str> {
        match self {
            Self::Call { to, from, operation } => vec![to, from, operation],
            Self::Partition { between, and } => vec![between, and],
            Self::Host { host, from } => vec![host, from],
            Self::Store { label, .. } => vec![label],
            Self::Publish { event_type } => vec![event_type],
            Self::Delivery { subscription } => vec![subscription],
            Self::Clock { component } => vec![component],
        }
    }

    fn check(&self) -> Result<(), String> {
        for pattern in self.patterns() {
            if pattern.is_empty() || pattern.len() > PATTERN_MAX_BYTES {
                return Err(format!("a pattern must have 1 to {PATTERN_MAX_BYTES} bytes"));
            }
            if pattern.trim_end_matches('*').contains('*') || pattern.ends_with("**") {
                return Err(format!("`{pattern}`: `*` may only be at the end"));
            }
        }
        Ok(())
    }

    fn fits(&self, subject: Subject<'_>) -> bool {
        match (self, subject) {
            (
                Self::Call { to, from, operation },
                Subject::Call { from: caller, to: callee, operation: called },
            ) => matches(to, callee) && matches(from, caller) && matches(operation, called),
            (Self::Partition { between, and }, Subject::Call { from, to, .. }) => {
                let are = |one: &str, other: &str| matches(between, one) && matches(and, other);
                are(from, to) || are(to, from)
            }
            (Self::Clock { component }, Subject::Clock { component: reader }) => {
                matches(component, reader)
            }
            (Self::Host { host, from }, Subject::Host { from: caller, host: called }) => {
                matches(host, called) && matches(from, caller)
            }
            (Self::Store { label, access }, Subject::Store { label: opened, writes }) => {
                matches(label, opened) && access.fits(writes)
            }
            (Self::Publish { event_type }, Subject::Publish { event_type: published }) => {
                matches(event_type, published)
            }
            (Self::Delivery { subscription }, Subject::Delivery { subscription: delivered }) => {
                matches(subscription, delivered)
            }
            _ => false,
        }
    }
}

impl Access {
    fn fits(self, writes: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Read => !writes,
            Self::Write => writes,
        }
    }
}

impl Effect {
    /// Its kind, as written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Error => "error",
            Self::Trap => "trap",
            Self::Hang => "hang",
            Self::LostAnswer => "lost-answer",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Step { .. } => "step",
        }
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    const CALL: Subject<'_> =
        Subject::Call { from: "orders", to: "stock", operation: "stock.find" };

    #[test]
    fn patterns_match_exactly_or_by_their_beginning() {
        for (target, fits) in [
            (r#"{"kind":"call","to":"stock"}"#, true),
            (r#"{"kind":"call","to":"stoc"}"#, false),
            (r#"{"kind":"call","to":"*","operation":"stock.*"}"#, true),
            (r#"{"kind":"call","to":"stock","from":"cart"}"#, false),
            (r#"{"kind":"host","host":"stock"}"#, false),
            (r#"{"kind":"partition","between":"orders","and":"stock"}"#, true),
            (r#"{"kind":"partition","between":"stock","and":"ord*"}"#, true),
            (r#"{"kind":"partition","between":"stock","and":"stock"}"#, false),
            (r#"{"kind":"partition","between":"cart","and":"stock"}"#, false),
        ] {
            let target: Target = serde_json::from_str(target).unwrap();
            assert_eq!(target.fits(CALL), fits, "{target:?}");
        }
    }

    #[test]
    fn reads_and_writes_of_a_store_are_distinguished() {
        let target: Target =
            serde_json::from_str(r#"{"kind":"store","label":"orders","access":"write"}"#).unwrap();
        assert!(target.fits(Subject::Store { label: "orders", writes: true }));
        assert!(!target.fits(Subject::Store { label: "orders", writes: false }));
    }

    #[test]
    fn a_fault_applies_at_its_rate() {
        let fault = fault(
            r#"{"target":{"kind":"call","to":"stock"},"effect":{"kind":"error"},
                "rate_percent":25,"duration_ms":1000}"#,
        );
        assert_eq!(fault.plan(CALL, 0.24, 0.0), Some(Planned::Fail));
        assert_eq!(fault.plan(CALL, 0.25, 0.0), None);
    }

    #[test]
    fn latencies_are_between_their_limits() {
        let fault = fault(
            r#"{"target":{"kind":"call","to":"stock"},
                "effect":{"kind":"latency","min_ms":100,"max_ms":300},"duration_ms":1000}"#,
        );
        for (position, ms) in [(0.0, 100), (0.5, 200), (1.0, 300)] {
            let planned = fault.plan(CALL, 0.0, position);
            assert_eq!(planned, Some(Planned::Delay(Duration::from_millis(ms))));
        }
    }

    #[test]
    fn what_can_not_be_injected_has_a_reason() {
        for (json, reason) in [
            (
                r#"{"target":{"kind":"call","to":"a"},"effect":{"kind":"error"},"rate_percent":0,"duration_ms":1}"#,
                "rate_percent",
            ),
            (
                r#"{"target":{"kind":"call","to":"a"},"effect":{"kind":"error"},"rate_percent":101,"duration_ms":1}"#,
                "rate_percent",
            ),
            (
                r#"{"target":{"kind":"call","to":"a"},"effect":{"kind":"error"},"duration_ms":0}"#,
                "duration_ms",
            ),
            (
                r#"{"target":{"kind":"call","to":"a*b"},"effect":{"kind":"error"},"duration_ms":1}"#,
                "at the end",
            ),
            (
                r#"{"target":{"kind":"store","label":"a"},"effect":{"kind":"trap"},"duration_ms":1}"#,
                "`trap`",
            ),
            (
                r#"{"target":{"kind":"call","to":"a"},"effect":{"kind":"reorder"},"duration_ms":1}"#,
                "`reorder`",
            ),
            (
                r#"{"target":{"kind":"call","to":"a"},"effect":{"kind":"latency","min_ms":2,"max_ms":1},"duration_ms":1}"#,
                "min_ms",
            ),
            (
                r#"{"target":{"kind":"clock","component":"a"},"effect":{"kind":"error"},"duration_ms":1}"#,
                "`step` is for clocks",
            ),
            (
                r#"{"target":{"kind":"call","to":"a"},"effect":{"kind":"step","by_ms":1},"duration_ms":1}"#,
                "`step` is for clocks",
            ),
            (
                r#"{"target":{"kind":"clock","component":"a"},"effect":{"kind":"step","by_ms":0},"duration_ms":1}"#,
                "by_ms",
            ),
        ] {
            let error = fault(json).check().unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
