//! The faults that are active.

use super::{Fault, Planned, Subject};
use crate::telemetry::{Outcome, SpanKind, Telemetry, TraceContext, random};
use parking_lot::RwLock;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Faults at the same time. Each operation compares itself with all of them.
pub(crate) const FAULTS_MAX: usize = 64;
/// Injections of one fault that are logged in one second. All of them are counted.
const LOGGED_PER_SECOND_MAX: u64 = 10;

/// The active faults of a host.
pub(crate) struct Faults {
    telemetry: Arc<Telemetry>,
    /// Whether there are any: most operations look no further.
    any: AtomicBool,
    active: RwLock<Vec<Arc<Active>>>,
    next_id: AtomicU64,
}

struct Active {
    id: u64,
    fault: Fault,
    ends_at: Instant,
    injected: AtomicU64,
    /// The second, counted from `begun`, in which injections are logged, and how many were.
    begun: Instant,
    logged_in: AtomicU64,
    logged: AtomicU64,
}

/// A fault that applies to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Injection {
    /// The number of the fault.
    pub(crate) fault: u64,
    pub(crate) planned: Planned,
    effect: &'static str,
}

/// An active fault, as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) fault: Fault,
    /// The time until it ends.
    pub(crate) remaining_ms: u64,
    /// Operations that it was applied to.
    pub(crate) injected: u64,
}

/// Why a fault was not added.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AddError {
    /// What is wrong with it.
    Invalid(String),
    /// There are as many as there may be.
    Full,
}

impl Faults {
    pub(crate) fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
            telemetry,
            any: AtomicBool::new(false),
            active: RwLock::default(),
            next_id: AtomicU64::new(1),
        }
    }

    /// Injects a fault from now on. Returns its number.
    pub(crate) fn add(&self, fault: Fault) -> Result<u64, AddError> {
        fault.check().map_err(AddError::Invalid)?;
        let now = Instant::now();
        let mut active = self.active.write();
        active.retain(|one| one.ends_at > now);
        if active.len() >= FAULTS_MAX {
            return Err(AddError::Full);
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(
            fault = id, target = ?fault.target, effect = ?fault.effect,
            rate_percent = fault.rate_percent, duration_ms = fault.duration_ms,
            "a fault is injected from now on"
        );
        active.push(Arc::new(Active::new(id, fault, now)));
        self.any.store(true, Ordering::Relaxed);
        Ok(id)
    }

    /// Ends a fault. Returns whether there was one.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut active = self.active.write();
        let before = active.len();
        active.retain(|one| one.id != id);
        self.any.store(!active.is_empty(), Ordering::Relaxed);
        let removed = active.len() < before;
        if removed {
            tracing::warn!(fault = id, "a fault was removed");
        }
        removed
    }

    /// Forgets the faults that have ended, so that operations look no further again.
    fn remove_ended(&self, now: Instant) {
        let mut active = self.active.write();
        active.retain(|one| one.ends_at > now);
        self.any.store(!active.is_empty(), Ordering::Relaxed);
    }

    /// Ends all faults.
    pub(crate) fn clear(&self) {
        let mut active = self.active.write();
        if !active.is_empty() {
            tracing::warn!("all faults were removed");
        }
        active.clear();
        self.any.store(false, Ordering::Relaxed);
    }

    /// The active faults, in the order in which they were added.
    pub(crate) fn views(&self) -> Vec<View> {
        let now = Instant::now();
        let active = self.active.read();
        active.iter().filter(|one| one.ends_at > now).map(|one| one.view(now)).collect()
    }

    /// The first fault that applies to an operation now.
    pub(crate) fn choose(&self, subject: Subject<'_>) -> Option<Injection> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let now = Instant::now();
        let active = self.active.read();
        let applies = |one: &Arc<Active>| {
            let planned = one.fault.plan(subject, fraction(random()), fraction(random()))?;
            Some((one.clone(), planned))
        };
        let chosen = active.iter().filter(|one| one.ends_at > now).find_map(applies);
        let any = active.iter().any(|one| one.ends_at > now);
        drop(active);
        if !any {
            self.remove_ended(now);
        }
        let (one, planned) = chosen?;
        let effect = one.fault.effect.name();
        one.injected.fetch_add(1, Ordering::Relaxed);
        self.telemetry.metrics.fault_injected(one.fault.target.name(), effect);
        if one.may_log(now) {
            tracing::warn!(fault = one.id, ?subject, effect, "a fault is injected");
        }
        Some(Injection { fault: one.id, planned, effect })
    }

    /// Whether a fault is active.
    pub(crate) fn is_active(&self, id: u64) -> bool {
        let now = Instant::now();
        self.active.read().iter().any(|one| one.id == id && one.ends_at > now)
    }

    /// Shows an injection in the trace of the operation.
    pub(crate) fn mark(&self, injection: Injection, component: &Arc<str>, trace: &TraceContext) {
        let operation = format!("{} (fault {})", injection.effect, injection.fault);
        self.telemetry.span(SpanKind::Fault, component, operation, trace).end(Outcome::Ok);
    }
}

impl Active {
    fn new(id: u64, fault: Fault, now: Instant) -> Self {
        Self {
            id,
            ends_at: now + Duration::from_millis(fault.duration_ms),
            fault,
            injected: AtomicU64::new(0),
            begun: now,
            logged_in: AtomicU64::new(0),
            logged: AtomicU64::new(0),
        }
    }

    /// Whether an injection is logged. Two threads may both log the first one of a second.
    fn may_log(&self, now: Instant) -> bool {
        let second = now.saturating_duration_since(self.begun).as_secs();
        if self.logged_in.swap(second, Ordering::Relaxed) != second {
            self.logged.store(0, Ordering::Relaxed);
        }
        self.logged.fetch_add(1, Ordering::Relaxed) < LOGGED_PER_SECOND_MAX
    }

    fn view(&self, now: Instant) -> View {
        let remaining = self.ends_at.saturating_duration_since(now);
        View {
            id: self.id,
            fault: self.fault.clone(),
            remaining_ms: u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX),
            injected: self.injected.load(Ordering::Relaxed),
        }
    }
}

/// A random number as a number from 0 to 1, without 1.
fn fraction(random: u64) -> f64 {
    const BITS: u32 = 53;
    (random >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::chaos::{Effect, Target};

    const DELIVERY: Subject<'_> = Subject::Delivery { subscription: "mails" };

    fn fault(duration_ms: u64) -> Fault {
        Fault {
            target: Target::Delivery { subscription: "mails".into() },
            effect: Effect::Duplicate,
            rate_percent: 100.0,
            duration_ms,
        }
    }

    fn faults() -> Faults {
        Faults::new(Arc::default())
    }

    #[test]
    fn a_fault_applies_until_it_is_removed() {
        let faults = faults();
        assert_eq!(faults.choose(DELIVERY), None);
        let id = faults.add(fault(60_000)).unwrap();
        assert_eq!(faults.choose(DELIVERY).unwrap().planned, Planned::Duplicate);
        assert_eq!(faults.views()[0].injected, 1);
        assert!(faults.remove(id));
        assert!(!faults.remove(id));
        assert_eq!(faults.choose(DELIVERY), None);
    }

    #[test]
    fn a_fault_ends_by_itself() {
        let faults = faults();
        faults.add(fault(1)).unwrap();
        let ends_at = faults.active.read()[0].ends_at;
        while Instant::now() <= ends_at {
            std::hint::spin_loop();
        }
        assert_eq!(faults.choose(DELIVERY), None);
        assert!(faults.views().is_empty());
    }

    #[test]
    fn the_number_of_faults_is_limited() {
        let faults = faults();
        for _ in 0..FAULTS_MAX {
            faults.add(fault(60_000)).unwrap();
        }
        assert_eq!(faults.add(fault(60_000)), Err(AddError::Full));
        faults.clear();
        assert!(faults.add(fault(60_000)).is_ok());
    }

    #[test]
    fn few_injections_of_a_second_are_logged() {
        let now = Instant::now();
        let active = Active::new(1, fault(60_000), now);
        let logged = |at: Instant| (0..100).filter(|_| active.may_log(at)).count() as u64;
        assert_eq!(logged(now), LOGGED_PER_SECOND_MAX);
        assert_eq!(logged(now + Duration::from_secs(1)), LOGGED_PER_SECOND_MAX);
    }
}
