//! The host under attack: limits that a test can reach, and checks that it has kept to them.

use super::forged_webhooks::PUBLISHED_SECRET;
use crate::support::{Shop, eventually};
use harness::{Host, HostBuilder, hostile};
use std::fmt;
use std::time::Duration;

/// The time limits. Longer than the soak pauses the host: a pause must not look like a slow client.
const TIME_LIMIT_MS: &str = "3000";
/// The limits that are set to this time.
const TIME_LIMITS: [&str; 5] =
    ["head_timeout_ms", "idle_timeout_ms", "body_timeout_ms", "body_grace_ms", "write_timeout_ms"];
/// The limits that a siege must reach, by their names in the metrics.
const REACHED: [&str; 4] =
    ["head_timeout_ms", "idle_timeout_ms", "body_timeout_ms", "write_timeout_ms"];
/// The budgets for all instances, and for bodies that wait for their component.
const MEMORY_MAX_MIB: u64 = 1_024;
const BODY_BUFFERS_MAX_MIB: u64 = 64;
/// Additional memory of the host: code, caches of the stores, and pages that it reserves for new
/// instances.
const HOST_MAX_MIB: u64 = 512;
/// The largest size of the metrics: the shop has a few hundred series of a few kilobytes each.
const METRICS_MAX_BYTES: usize = 8 << 20;
/// Customers of the soak order all day. The quotas that stop hostile clients have their defaults.
const QUOTAS: &str = "write=60000/60, orders=1000000/86400";
/// How long the shop may take to become ready after an attack.
const READY: Duration = Duration::from_secs(120);

/// A host for the shop with these limits. It uses the published secret for webhooks, as if an
/// attacker had found out the real one.
pub(crate) fn fortified(host: HostBuilder) -> HostBuilder {
    let host = TIME_LIMITS.iter().fold(host, |host, name| limit(host, name, TIME_LIMIT_MS));
    let host = limit(host, "memory_max_mib", &MEMORY_MAX_MIB.to_string());
    let host = limit(host, "body_buffers_max_mib", &BODY_BUFFERS_MAX_MIB.to_string());
    host.variable("rate_limits", QUOTAS).variable("psp_webhook_secret", PUBLISHED_SECRET)
}

fn limit(host: HostBuilder, name: &str, value: &str) -> HostBuilder {
    host.environment(&format!("TESSERA_{}", name.to_uppercase()), value)
}

/// The size of such a host.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vitals {
    /// Length of its metrics.
    metrics_bytes: usize,
    /// The peak of its resident memory.
    memory_mib: u64,
}

impl Vitals {
    /// Measures a host.
    ///
    /// # Panics
    /// When the host is over its budget, or has a method of a client as a label.
    pub(crate) async fn of(host: &Host) -> Self {
        let metrics = host.admin().get("/metrics").await.expect(200).text();
        assert!(!hostile::methods::are_in(&metrics), "a method of a client is a label");
        let vitals = Self { metrics_bytes: metrics.len(), memory_mib: host.peak_memory_mib() };
        assert!(vitals.metrics_bytes <= METRICS_MAX_BYTES, "{vitals}");
        let max_mib = MEMORY_MAX_MIB + BODY_BUFFERS_MAX_MIB + HOST_MAX_MIB;
        assert!(vitals.memory_mib <= max_mib, "{vitals}");
        vitals
    }

    /// The larger value of each.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            metrics_bytes: self.metrics_bytes.max(other.metrics_bytes),
            memory_mib: self.memory_mib.max(other.memory_mib),
        }
    }
}

impl fmt::Display for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of metrics, {} MiB of memory", self.metrics_bytes, self.memory_mib)
    }
}

/// Checks that each time limit has stopped a client.
pub(crate) async fn assert_limits_were_reached(host: &Host) {
    for limit in REACHED {
        assert!(host.limit_reached(limit).await > 0, "{limit} was not reached");
    }
}

/// Checks that the shop becomes ready.
pub(crate) async fn assert_ready(shop: &Shop) {
    let host = shop.host().expect("a process");
    host.admin().get("/readyz").await.expect(200);
    eventually("the shop is ready", READY, async || {
        (shop.visitor().get("/readyz").await.status == 200).then_some(())
    })
    .await;
}
