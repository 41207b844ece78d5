//! Why a call failed, as data: what happened, whose fault it is, whether to try again.

use crate::telemetry::Outcome;
use std::fmt;
use std::time::Duration;

/// How long a caller should wait before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The same when stream limits are reached.
const STREAM_RETRY_AFTER: Duration = Duration::from_secs(10);

/// A call without a response.
///
/// `detail` is for the operator (logs, spans). What a client on the network gets to see
/// is decided in one place, [`CallError::public_detail`].
#[derive(Debug, Clone)]
pub(crate) struct CallError {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
    /// How long a caller should wait, if that is known.
    retry_after: Option<Duration>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident => $name:literal, $status:literal, $blame:ident;)*) => {
        /// The kind of failure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// All kinds.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in metrics, spans and problems.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status of this failure.
            pub(crate) fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The outcome of a span that ended with this failure.
            pub(crate) fn outcome(self) -> Outcome {
                Outcome::Failed(self.name())
            }

            pub(crate) fn blame(self) -> Blame {
                match self { $(Self::$variant => Blame::$blame,)* }
            }
        }
    };
}

kinds! {
    /// No component has that name or route, or it does not serve HTTP.
    NotFound => "not-found", 404, Caller;
    /// The waiting line in front of the component is full.
    QueueFull => "queue-full", 503, Host;
    /// The call waited too long for a permit, and was not made.
    QueueTimeout => "queue-timeout", 503, Host;
    /// A background call gave way, because many calls wait for the component.
    Shed => "shed", 503, Host;
    /// The maximum number of streams is open, of the component or for this client.
    StreamsFull => "streams-full", 503, Host;
    /// The circuit breaker of a policy is open.
    CircuitOpen => "circuit-open", 503, Guest;
    /// The permits of a policy are in use, and its queue is full.
    BulkheadFull => "bulkhead-full", 503, Host;
    /// The call chain is too long.
    CallDepth => "call-depth-exceeded", 508, Guest;
    /// The time that the caller allowed ran out.
    DeadlineExceeded => "deadline-exceeded", 504, Host;
    /// The guest trapped.
    Trap => "trap", 500, Guest;
    /// The guest used more CPU time than one call may.
    CpuTime => "cpu-time-exceeded", 500, Guest;
    /// The guest asked for more memory than it may have.
    Memory => "memory-exceeded", 500, Guest;
    /// All guests together use the maximum memory.
    MemoryShort => "memory-short", 503, Host;
    /// The guest ended without a response.
    NoAnswer => "no-answer", 500, Guest;
    /// The guest's response is not valid HTTP.
    InvalidAnswer => "invalid-answer", 500, Guest;
    /// The request's body is larger than the component accepts.
    BodyTooLarge => "body-too-large", 413, Caller;
    /// The request body arrived too slowly, or not at all.
    BodyIncomplete => "body-incomplete", 408, Caller;
    /// The request body is malformed.
    BodyMalformed => "body-malformed", 400, Caller;
    /// The host itself failed.
    Host => "host-failure", 503, Host;
}

/// The party that has to fix it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    Caller,
    Guest,
    Host,
}

impl CallError {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None }
    }

    /// The same failure will not happen before this time has passed.
    pub(crate) fn with_retry_after(self, time: Duration) -> Self {
        Self { retry_after: Some(time), ..self }
    }

    /// The same failure may not happen again if the caller waits a little.
    pub(crate) fn retryable(&self) -> bool {
        matches!(
            self.kind,
            Kind::QueueFull
                | Kind::QueueTimeout
                | Kind::Shed
                | Kind::StreamsFull
                | Kind::MemoryShort
                | Kind::Host
                | Kind::CircuitOpen
                | Kind::BulkheadFull
        )
    }

    /// How long a caller should wait before it tries again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        // Streams end when their readers close them, which rarely happens within a second.
        let wait = if self.kind == Kind::StreamsFull { STREAM_RETRY_AFTER } else { RETRY_AFTER };
        self.retryable().then_some(self.retry_after.unwrap_or(wait))
    }

    /// What a client may know: no internals, but enough to act on.
    pub(crate) fn public_detail(&self) -> &str {
        match self.kind {
            Kind::NotFound => "No component serves this address.",
            Kind::QueueFull => {
                "Too many calls are waiting for this component. Try again in a moment."
            }
            Kind::QueueTimeout => {
                "The request waited too long for this component and had no effect. Try again in a \
                 moment."
            }
            Kind::Shed => "Too many calls wait for this component. Try again later.",
            Kind::CircuitOpen => {
                "The component is not called for now: it has failed too often, or an operator has \
                 decided so. Try again later."
            }
            Kind::BulkheadFull => "Too many calls of this kind are running. Try again in a moment.",
            Kind::StreamsFull => "Too many streams are open. Close one, or try again later.",
            Kind::CallDepth => {
                "The request passed through too many components. They may be calling each other \
                 endlessly."
            }
            Kind::DeadlineExceeded => {
                "The response did not arrive in time. Whether the request took effect is not known."
            }
            Kind::Trap | Kind::CpuTime | Kind::Memory | Kind::NoAnswer => {
                "The component failed while it served this request."
            }
            Kind::BodyTooLarge => "The request's body is larger than this component accepts.",
            Kind::BodyIncomplete => "The request body did not arrive in time.",
            Kind::BodyMalformed => "The request body is malformed, or ended too early.",
            Kind::InvalidAnswer => &self.detail,
            Kind::MemoryShort => {
                "The host has no memory left for this request. Try again in a moment."
            }
            Kind::Host => "The host could not serve this request. Try again in a moment.",
        }
    }
}

impl Blame {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Guest => "guest",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

impl std::error::Error for CallError {}

/// The alerts and the dashboard of `deploy/` select failures by their names.
#[cfg(test)]
mod tests {
    use super::*;

    const ALERTS: &str = include_str!("../../../../deploy/prometheus/alerts.yaml");
    const DASHBOARD: &str = include_str!("../../../../deploy/grafana/tessera.json");

    /// The alternatives of all matchers of `status` with this operator.
    fn alternatives(operator: &str) -> Vec<Vec<String>> {
        let text = [ALERTS, &DASHBOARD.replace("\\\"", "\"")].concat();
        let matcher = format!("status{operator}\"");
        let matchers = text.split(&matcher).skip(1);
        let lists = matchers.filter_map(|rest| rest.split('"').next());
        lists.map(|list| list.split('|').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn errors_are_failures_with_5xx() {
        let lists = alternatives("!~");
        assert!(lists.len() > 5, "{lists:?}");
        for (list, kind) in
            lists.iter().flat_map(|list| Kind::ALL.iter().map(move |one| (list, one)))
        {
            let is_excluded = list.iter().any(|pattern| match pattern.strip_suffix(".*") {
                Some(prefix) => kind.name().starts_with(prefix),
                None => pattern == kind.name(),
            });
            assert_eq!(is_excluded, kind.status() < 500, "{} in {list:?}", kind.name());
        }
    }

    #[test]
    fn failures_that_are_named_exist() {
        let lists = alternatives("=~");
        assert!(lists.len() > 5, "{lists:?}");
        for name in lists.iter().flatten() {
            assert!(Kind::ALL.iter().any(|kind| kind.name() == name), "{name}");
        }
    }
}
