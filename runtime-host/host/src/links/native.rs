//! Interfaces that the platform itself offers: `tessera:limits/limiter`.

use crate::engine::State;
use std::sync::Arc;
use tessera_resilience::RateLimiter;
use tessera_resilience::rate_limit::{Invalid, Options, Quota};
use tokio::time::Instant;
use wasmtime::component::Linker;

wasmtime::component::bindgen!({
    path: "../../wit/limits",
    world: "client",
    inline: "
        package tessera:host;
        world client { import tessera:limits/limiter@1.0.0; }
    ",
});

use tessera::limits::limiter;

/// What the platform keeps for its functions.
pub(crate) struct Platform {
    limiter: RateLimiter,
}

impl Default for Platform {
    fn default() -> Self {
        Self { limiter: RateLimiter::new(Options::default()) }
    }
}

/// Define the import `name`, if the platform has it.
pub(super) fn define(
    linker: &mut Linker<State>,
    name: &str,
    platform: Arc<Platform>,
) -> anyhow::Result<()> {
    match name {
        "tessera:limits/limiter@1.0.0" => define_limiter(linker, name, platform),
        _ => anyhow::bail!(
            "the dependency `{name}` is bridged to the host, but the host does not offer it"
        ),
    }
}

fn define_limiter(
    linker: &mut Linker<State>,
    name: &str,
    platform: Arc<Platform>,
) -> anyhow::Result<()> {
    type Arguments = (String, String, limiter::Quota, u32);
    let mut instance = linker.instance(name).map_err(anyhow::Error::from)?;
    instance
        .func_wrap_concurrent("check", move |_, (policy, key, quota, cost): Arguments| {
            let decision = check(&platform.limiter, &policy, &key, quota, cost);
            Box::pin(async move { Ok((decision,)) })
        })
        .map_err(anyhow::Error::from)
}

fn check(
    limiter: &RateLimiter,
    policy: &str,
    key: &str,
    quota: limiter::Quota,
    cost: u32,
) -> Result<limiter::Decision, limiter::Error> {
    let quota = Quota { limit: quota.limit, window_ms: quota.window_ms };
    let decision = limiter
        .check(policy, key, quota, cost, Instant::now())
        .map_err(|invalid: Invalid| limiter::Error::Invalid(invalid.to_string()))?;
    Ok(limiter::Decision {
        allowed: decision.allowed,
        remaining: decision.remaining,
        retry_after_ms: decision.retry_after_ms,
        reset_after_ms: decision.reset_after_ms,
    })
}
