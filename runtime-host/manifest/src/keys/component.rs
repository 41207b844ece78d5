//! The table `[component.<id>.tool.tessera]`.

use crate::keys::keys;

/// Maximum number of entries of `schedule`, of `subscribe`, and of `calls`.
pub(crate) const ENTRIES_MAX: usize = 64;
/// Maximum number of entries of `route_labels`.
pub(crate) const ROUTE_LABELS_MAX: usize = 512;
/// Maximum number of entries of `idempotent`.
pub(crate) const IDEMPOTENT_MAX: usize = 256;

keys! {
    /// The keys of the table.
    COMPONENT {
        /// This component is a bridge: components that depend on it are linked to the component
        /// named here. `"host"` means that the host implements the interface:
        /// `tessera:events/producer`, `tessera:events/log`, `tessera:limits/limiter`,
        /// `tessera:store/expiry`.
        BRIDGES: Value("bridges", "a component, or `\"host\"`", "none");
        /// `tessera` does not run this component; other hosts do.
        STOCK_ONLY: Value("stock_only", "a boolean", "`false`");
        /// The host sends a `POST` to this path after the application has started, with up to five
        /// attempts.
        ON_START: Value("on_start", "a path", "none");
        /// Paths to which the host sends a `POST` at startup and periodically; see
        /// [below](#an-entry-of-schedule).
        SCHEDULE: Value("schedule", "an array of up to 64 tables", "none");
        /// Events that are delivered to this component; see [below](#an-entry-of-subscribe).
        SUBSCRIBE: Value("subscribe", "an array of up to 64 tables", "none");
        /// Metrics and traces use these routes as labels, instead of those of the triggers.
        ROUTE_LABELS: Value(
            "route_labels", "an array of up to 512 routes, for example `\"/orders/:id\"`", "none"
        );
        /// The policies of the calls that this component makes; see
        /// [policies.md](policies.md#calls).
        CALLS: Value("calls", "an array of up to 64 tables", "the policy `default`, if there is one");
        /// Functions of this component that may be called again with the same arguments, because
        /// one call and several have the same effect. Only they are retried after a call of which
        /// it is not known whether it took effect.
        IDEMPOTENT: Value(
            "idempotent", "an array of up to 256 functions, for example `\"stock.find\"`", "none"
        );
        /// The policy of calls that come from outside of the application and from the host:
        /// requests, events, schedules, messages.
        INBOUND: Value("inbound", "the name of a policy", "none");
        /// Limits of this component; see [limits.md](limits.md#components).
        LIMITS: Value("limits", "a table", "those of the application");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_name_the_maximum() {
        for (key, maximum) in [
            (SCHEDULE, ENTRIES_MAX),
            (SUBSCRIBE, ENTRIES_MAX),
            (CALLS, ENTRIES_MAX),
            (ROUTE_LABELS, ROUTE_LABELS_MAX),
            (IDEMPOTENT, IDEMPOTENT_MAX),
        ] {
            assert!(key.values.contains(&format!("up to {maximum} ")), "{}", key.name);
        }
    }
}
