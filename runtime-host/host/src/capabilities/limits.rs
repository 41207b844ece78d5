//! `tessera:limits/limiter`: decisions that outlive any instance.

use super::platform::Platform;
use crate::capabilities::State;
use std::sync::Arc;
use tessera_resilience::RateLimiter;
use tessera_resilience::rate_limit::{Invalid, Quota};
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

pub(crate) fn define(
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
