//! The limits of the HTTP front, as labels.

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
