//! Interfaces that the platform itself offers, one file for each package.

use super::key_value::expiry;
use super::{events, flags, limits};
use crate::capabilities::State;
use crate::feature_flags::FeatureFlags;
use std::sync::Arc;
use tessera_events::Log;
use tessera_resilience::RateLimiter;
use tessera_resilience::rate_limit::Options;
use wasmtime::component::Linker;

/// Its imports are answered by the event log.
pub(crate) use super::events::is_events_interface;

/// What the platform keeps for its functions.
pub(crate) struct Platform {
    pub(super) limiter: RateLimiter,
    pub(super) flags: Arc<FeatureFlags>,
    /// None if no component needs it.
    events: Option<Arc<dyn Log>>,
}

impl Platform {
    pub(crate) fn new(events: Option<Arc<dyn Log>>, flags: Arc<FeatureFlags>) -> Self {
        Self { limiter: RateLimiter::new(Options::default()), flags, events }
    }
}

/// Defines the import `name`, if the platform has it.
pub(crate) fn define(
    linker: &mut Linker<State>,
    name: &str,
    platform: &Arc<Platform>,
) -> anyhow::Result<()> {
    match (name, &platform.events) {
        ("tessera:limits/limiter@1.0.0", _) => limits::define(linker, name, platform.clone()),
        (expiry::NAME, _) => expiry::define(linker),
        (flags::NAME, _) => flags::define(linker, platform),
        (events::PRODUCER, Some(log)) => events::define_producer(linker, log),
        (events::LOG, Some(log)) => events::define_log(linker, log),
        _ => anyhow::bail!(
            "the dependency `{name}` is bridged to the host, but the host does not offer it"
        ),
    }
}
