//! The component: the contract `tessera:limits/limiter` over the host's store, and its `/rpc`
//! route. It has no other routes.

use bindings::exports::tessera::limits::limiter as contract;
use chassis::app::{Router, router_with_problems};
use chassis::clock::now_ms;
use tessera_resilience::gcra::{Decision, Quota};

use crate::limiter::{Limiter, LimiterError};

contracts::function!("limits");

struct Component;

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    Ok(router_with_problems(chassis::rpc::router(bindings::dispatch)))
}

impl contract::Guest for Component {
    async fn check(
        policy: String,
        key: String,
        quota: contract::Quota,
        cost: u32,
    ) -> Result<contract::Decision, contract::Error> {
        let quota = Quota { limit: quota.limit, window_ms: quota.window_ms };
        let decision = decide(&policy, &key, quota, cost).await.map_err(|error| match error {
            LimiterError::Invalid(reason) => contract::Error::Invalid(reason),
            LimiterError::Store(error) => contract::Error::Unavailable(error.to_string()),
        })?;
        Ok(contract::Decision {
            allowed: decision.allowed,
            remaining: decision.remaining,
            retry_after_ms: decision.retry_after_ms,
            reset_after_ms: decision.reset_after_ms,
        })
    }
}

async fn decide(
    policy: &str,
    key: &str,
    quota: Quota,
    cost: u32,
) -> Result<Decision, LimiterError> {
    Limiter::new(bindings::store()?).check(policy, key, quota, cost, now_ms()).await
}
