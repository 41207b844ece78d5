//! Metrics of the HTTP front: its connections, and reached limits.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// A limit of the HTTP front, by the name of its flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrontLimit {
    Connections,
    ConnectionsPerAddress,
    RequestsPerAddress,
    StreamsPerAddress,
    UploadsPerAddress,
    BodyBuffers,
    HeadTimeout,
    IdleTimeout,
    BodyTimeout,
    BodyGrace,
    BodyRate,
    WriteTimeout,
    HalfCloseTimeout,
}

impl FrontLimit {
    /// The name of its flag, as a label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections_max",
            Self::ConnectionsPerAddress => "connections_per_address_max",
            Self::RequestsPerAddress => "requests_per_address_max",
            Self::StreamsPerAddress => "streams_per_address_max",
            Self::UploadsPerAddress => "uploads_per_address_max",
            Self::BodyBuffers => "body_buffers_max_mib",
            Self::HeadTimeout => "head_timeout_ms",
            Self::IdleTimeout => "idle_timeout_ms",
            Self::BodyTimeout => "body_timeout_ms",
            Self::BodyGrace => "body_grace_ms",
            Self::BodyRate => "body_rate_min",
            Self::WriteTimeout => "write_timeout_ms",
            Self::HalfCloseTimeout => "half_close_timeout_ms",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
}

/// The metrics of the HTTP front.
#[derive(Debug, Default)]
pub(crate) struct Front {
    /// Open connections.
    pub(crate) connections: Gauge,
    reached: Family<LimitLabels, Counter>,
}

impl Front {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let front = Self::default();
        let help = "Open connections of the HTTP front";
        registry.register("http_connections", help, front.connections.clone());
        let help = "Connections and requests that were refused or closed at a limit of the HTTP \
                    front";
        registry.register("http_limits_reached", help, front.reached.clone());
        front
    }

    /// Count a connection or a request that was refused or closed.
    pub(crate) fn reached(&self, limit: FrontLimit) {
        self.reached.get_or_create(&LimitLabels { limit: limit.name() }).inc();
    }
}
