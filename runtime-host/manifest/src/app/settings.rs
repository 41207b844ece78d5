//! Our own settings: what the tables `tool.tessera` say.

use super::ComponentId;

/// `[application.tool.tessera]`.
#[derive(Debug, Clone, Default)]
pub struct AppSettings {
    /// Limits of every component that does not set its own.
    pub limits: Limits,
    /// How long the event log keeps what it has.
    pub events: EventSettings,
    /// Where secrets may have the values that the manifest publishes.
    pub secret_defaults: SecretDefaults,
    /// Secret variables for which the host makes a random value where the operator sets none.
    pub generated_secrets: Vec<String>,
    /// The variable that holds the URL at which clients reach the application: where the operator
    /// sets none, the host sets it to the address that it listens on.
    pub base_url: Option<String>,
}

/// `secret_defaults` of `[application.tool.tessera]`: what the default of a secret variable is
/// good for, since everybody can read it in the manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SecretDefaults {
    /// Not set: the application starts anywhere, with a warning.
    #[default]
    Warn,
    /// `loopback-only`: on another address the application does not start with it.
    LoopbackOnly,
}

/// `events` of `[application.tool.tessera]`; none means the host's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSettings {
    /// Events that are older, in hours, go once no subscription needs them any more.
    pub retention_hours: Option<u64>,
    /// Beyond this size of events, in MiB, the oldest are removed when no subscription needs them;
    /// beyond twice as much they go in any case. The log's file may be four times as large, and 256
    /// MiB.
    pub retention_max_mib: Option<u64>,
}

/// `[component.<id>.tool.tessera]`.
#[derive(Debug, Clone, Default)]
pub struct ComponentSettings {
    /// This library component is a bridge: importers are linked to this component instead.
    pub bridges: Option<Bridged>,
    /// Only hosts that lack what this component gives run it; this one does not.
    pub stock_only: bool,
    /// A path of this component to `POST` to once the application is up.
    pub on_start: Option<String>,
    /// Events that are delivered to this component.
    pub subscribe: Vec<Subscription>,
    /// Paths of this component to `POST` to again and again.
    pub schedule: Vec<Schedule>,
    /// Routes by which requests to this component are told apart in metrics and traces, as
    /// `/orders/:id`. They decide nothing else.
    pub route_labels: Vec<String>,
    /// This component's limits; what is not set comes from the application.
    pub limits: Limits,
}

/// One entry of `subscribe`: which events a component gets, and how.
///
/// Several components may be members of one group: each key's events go to one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The consumer group, the component's id unless given.
    pub group: String,
    /// Types of events, each exact or with a `*` at its end; at least one.
    pub types: Vec<String>,
    /// The path of this component that takes them, with its leading slash.
    pub path: String,
    /// How they travel.
    pub mode: DeliveryMode,
    /// Events of one batch at most.
    pub batch_max: u32,
    /// Keys whose events are delivered at once.
    pub concurrency_max: u32,
    /// Attempts before an event is a dead letter.
    pub attempts_max: u32,
    /// Where a new group begins.
    pub from: SubscribeFrom,
}

/// How events travel in an HTTP request, by the CloudEvents HTTP binding.
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

/// Where a group that the log has never seen begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SubscribeFrom {
    /// `start`: with the oldest event that is there.
    #[default]
    Start,
    /// `now`: with what is published from here on.
    Now,
}

/// One entry of `schedule`: a path that is called at the start and again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The path to `POST` to, with its leading slash.
    pub path: String,
    /// Milliseconds from the end of one run to the next.
    pub every_ms: u64,
}

/// What a bridge stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bridged {
    /// `bridges = "inventory"`: another component of this application.
    Component(ComponentId),
    /// `bridges = "host"`: the platform itself offers the interface.
    Host,
}

/// Limits as written: none means the next wider scope decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory of one instance, in MiB: all its memories and tables, and what the host holds for it.
    pub memory_max_mib: Option<u64>,
    /// CPU time of one call, in milliseconds.
    pub cpu_time_max_ms: Option<u64>,
    /// Calls at once.
    pub concurrency_max: Option<u64>,
    /// Calls that wait for a place.
    pub queue_length_max: Option<u64>,
    /// Maximum concurrent streamed responses.
    pub streams_max: Option<u64>,
    /// Maximum concurrent streamed responses to one client.
    pub streams_per_client_max: Option<u64>,
    /// Maximum number of components in a call chain.
    pub call_depth_max: Option<u64>,
    /// Bytes of a request body, in KiB.
    pub body_max_kib: Option<u64>,
    /// Milliseconds until the head of an answer must be there.
    pub deadline_ms: Option<u64>,
    /// Milliseconds that the body of a streamed answer may take.
    pub stream_deadline_ms: Option<u64>,
    /// Calls that one instance serves before it is replaced; 1 means a fresh one each time.
    pub instance_reuse_max: Option<u64>,
    /// Bytes of standard output and error that a call may log, in KiB.
    pub log_max_kib: Option<u64>,
}
