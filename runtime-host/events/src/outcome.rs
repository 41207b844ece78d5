//! The outcome of a delivery.

use std::time::Duration;

/// How a delivery has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The subscriber has processed it.
    Done,
    /// The subscriber will never accept it, for this reason.
    Rejected(String),
    /// A retry may succeed.
    Failed {
        /// The reason, for operators.
        detail: String,
        /// The pause that the subscriber asks for.
        retry_after: Option<Duration>,
    },
    /// It was not made, for example because the subscriber has too many calls. That says nothing
    /// about the event, so it is retried for as long as it takes, and does not count as an attempt.
    Deferred {
        /// The reason, for operators.
        detail: String,
        /// The pause before the next attempt.
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    /// The outcome of an HTTP status: 2xx is done; 4xx is a rejection, except for temporary ones
    /// (408, 425, 429); everything else, including redirects, may be retried.
    pub fn of_status(
        status: u16,
        retry_after: Option<Duration>,
        detail: impl Into<String>,
    ) -> Self {
        match status {
            200..=299 => Self::Done,
            408 | 425 | 429 => Self::Failed { detail: detail.into(), retry_after },
            400..=499 => Self::Rejected(detail.into()),
            _ => Self::Failed { detail: detail.into(), retry_after },
        }
    }

    /// A failure without `Retry-After`.
    pub fn failed(detail: impl Into<String>) -> Self {
        Self::Failed { detail: detail.into(), retry_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_means_done_rejected_or_failed() {
        for status in [200, 202, 204, 299] {
            assert_eq!(Outcome::of_status(status, None, ""), Outcome::Done, "{status}");
        }
        for status in [400, 401, 404, 409, 410, 413, 415, 422, 499] {
            let refused = Outcome::Rejected("why".into());
            assert_eq!(Outcome::of_status(status, None, "why"), refused, "{status}");
        }
        let retry_after = Some(Duration::from_secs(7));
        for status in [100, 301, 307, 408, 425, 429, 500, 502, 503, 504, 599] {
            let failed = Outcome::Failed { detail: "why".into(), retry_after };
            assert_eq!(Outcome::of_status(status, retry_after, "why"), failed, "{status}");
        }
    }
}
