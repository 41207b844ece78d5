//! Why something could not be read from a registry.

use http::StatusCode;
use serde::Deserialize;

/// Maximum length of what an error repeats of the message of a registry.
const MESSAGE_MAX_CHARACTERS: usize = 200;

/// Why something could not be read from a registry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The registry does not have it, or does not show that it has it.
    #[error("the registry does not have it ({0})")]
    NotFound(String),
    /// The registry wants other credentials.
    #[error("the registry refuses access ({0})")]
    Denied(String),
    /// There is no usable answer now; there may be one later.
    #[error("the registry does not answer ({0:#})")]
    Unavailable(anyhow::Error),
    /// What the registry has is not what it should be.
    #[error("{0}")]
    Invalid(String),
}

/// The body of an error response.
#[derive(Deserialize)]
struct Reported {
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Error {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// The meaning of an error response.
    pub(super) fn of(status: StatusCode, body: &[u8]) -> Self {
        let reported: Option<Reported> = serde_json::from_slice(body).ok();
        let reason = reported.and_then(|reported| reported.errors.into_iter().next());
        let reason = reason.map_or(String::new(), |Reason { code, message }| {
            let message = if message.is_empty() { code } else { message };
            let printable = message.chars().filter(|c| !c.is_control());
            format!(": {}", printable.take(MESSAGE_MAX_CHARACTERS).collect::<String>())
        });
        let text = format!("{}{reason}", status.as_u16());
        match status {
            StatusCode::NOT_FOUND => Self::NotFound(text),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Denied(text),
            StatusCode::TOO_MANY_REQUESTS => Self::Unavailable(anyhow::anyhow!(text)),
            _ if status.is_server_error() => Self::Unavailable(anyhow::anyhow!(text)),
            _ => Self::Invalid(format!("the registry answers {text}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_of_the_registry_is_in_the_message() {
        let body = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such\n tag"}]}"#;
        let error = Error::of(StatusCode::NOT_FOUND, body);
        assert_eq!(error.to_string(), "the registry does not have it (404: no such tag)");
        let error = Error::of(StatusCode::FORBIDDEN, br#"{"errors":[{"code":"DENIED"}]}"#);
        assert_eq!(error.to_string(), "the registry refuses access (403: DENIED)");
        let error = Error::of(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(error.to_string(), "the registry does not answer (502)");
    }
}
