//! The contents of the tables `tool.tessera`. Their keys are declared in [`crate::keys`].

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::ComponentId;
use crate::keys::limits::Limits;
use crate::keys::policy::{Breaker, Cache, Concurrency, Hedge, Retry};

/// `[application.tool.tessera]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppSettings {
    /// Whether the table exists: the application was made for this host, and not only for stock
    /// Spin. Then some rules are stricter.
    pub declared: bool,
    /// Limits of every component that does not set its own.
    pub limits: Limits,
    /// Policies for calls, by name.
    pub policies: BTreeMap<String, Policy>,
    /// Settings of the event log.
    pub events: EventSettings,
    /// Where variables with `secret = true` may have their default values.
    pub secret_defaults: SecretDefaults,
    /// Secret variables for which the host generates a random value if the operator sets none.
    pub generated_secrets: Vec<String>,
    /// The variable with the URL at which clients reach the application. If the operator sets no
    /// value, the host derives it from its listen address.
    pub base_url: Option<String>,
    /// The file with the definitions of feature flags, relative to the folder of the manifest.
    pub flags: Option<String>,
}

/// `secret_defaults` of `[application.tool.tessera]`: where a secret variable may have its default
/// value, which is published in the manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SecretDefaults {
    /// Not set: the application starts anywhere, with a warning.
    #[default]
    Warn,
    /// `loopback-only`: only on a loopback address; on others, the application does not start.
    LoopbackOnly,
}

/// `events` of `[application.tool.tessera]`; `None` means the default of the event log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSettings {
    /// Older events, in hours, are removed when no subscription needs them.
    pub retention_hours: Option<u64>,
    /// Beyond this size of events, in MiB, the oldest are removed when no subscription needs them;
    /// beyond twice this size, in any case. The log's file may have four times this size plus 256
    /// MiB.
    pub retention_max_mib: Option<u64>,
}

/// `[component.<id>.tool.tessera]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComponentSettings {
    /// This library component is a bridge: importers are linked to this component instead.
    pub bridges: Option<Bridged>,
    /// Only other hosts run this component.
    pub stock_only: bool,
    /// A path of this component that gets a `POST` after the application has started.
    pub on_start: Option<String>,
    /// Events that are delivered to this component.
    pub subscribe: Vec<Subscription>,
    /// Paths of this component that get a `POST` periodically.
    pub schedule: Vec<Schedule>,
    /// Routes by which metrics and traces label requests to this component, for example
    /// `/orders/:id`. They have no other effect.
    pub route_labels: Vec<String>,
    /// The policies of the calls that this component makes. The first entry that fits a call counts.
    pub calls: Vec<CallPolicy>,
    /// Functions of this component that may be called again with the same arguments.
    pub idempotent: Vec<String>,
    /// The policy of calls from outside of the application and from the host.
    pub inbound: Option<String>,
    /// This component's limits; the others are those of the application.
    pub limits: Limits,
}

/// A policy for calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Milliseconds for one attempt; `None` means until the deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// When a failed call is repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// When a read is made a second time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge: Option<Hedge>,
    /// When a callee is no longer called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    /// How many calls run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulkhead: Option<Concurrency>,
    /// Which answers are kept for later calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
}

/// One entry of `calls`: the policy of some of the calls that a component makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPolicy {
    /// Whom it calls.
    pub to: CallTarget,
    /// The functions, as `interface.function`; empty for all.
    pub functions: Vec<String>,
    /// The name of the policy.
    pub policy: String,
}

/// The target of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallTarget {
    /// A component of this application.
    Component(ComponentId),
    /// Other hosts: a pattern as in `allowed_outbound_hosts`, which may contain templates.
    Host(String),
}

/// One entry of `subscribe`: the events that are delivered to a component, and how.
///
/// Several components may be members of one group: the events of a key go to one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The consumer group; the component's id by default.
    pub group: String,
    /// Event types, exact or with a trailing `*`; at least one.
    pub types: Vec<String>,
    /// The path of this component that receives the events, with its leading slash.
    pub path: String,
    /// The content mode.
    pub mode: DeliveryMode,
    /// Maximum number of events of one batch.
    pub batch_max: u32,
    /// Keys whose events are delivered concurrently.
    pub concurrency_max: u32,
    /// Deliveries before an event becomes a dead letter.
    pub attempts_max: u32,
    /// Where a new group starts.
    pub from: SubscribeFrom,
}

/// The content mode of the CloudEvents HTTP binding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeliveryMode {
    /// `binary`: attributes are header fields, the data is the body.
    #[default]
    Binary,
    /// `structured`: the whole event is a JSON object.
    Structured,
    /// `batch`: several events of one key are a JSON array.
    Batch,
}

/// Where a group that is new to the log starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SubscribeFrom {
    /// `start`: with the oldest event in the log.
    #[default]
    Start,
    /// `now`: with the next event that is published.
    Now,
}

/// One entry of `schedule`: a path that is called at startup and periodically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The path of the `POST` requests, with its leading slash.
    pub path: String,
    /// Milliseconds from the end of one run to the next one.
    pub every_ms: u64,
}

/// The target of a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bridged {
    /// `bridges = "inventory"`: another component of this application.
    Component(ComponentId),
    /// `bridges = "host"`: the host implements the interface.
    Host,
}
