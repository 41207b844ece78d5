//! Checks of a guest's response according to RFC 9110: its status, whether it has a body, and
//! whether its length is that of the body.
//!
//! They apply to requests from outside and between components, for all versions of HTTP.

use crate::calls::{CallError, Kind};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode};

/// Whether a response has no body (RFC 9110, section 6.4.1).
pub(crate) fn is_bodiless(to: &Method, status: StatusCode) -> bool {
    to == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Whether the length of a body that is not sent belongs into the head.
pub(crate) fn needs_length(status: StatusCode, fields: &HeaderMap) -> bool {
    let has_content = !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    has_content && !fields.contains_key(CONTENT_LENGTH)
}

/// Adapts the content fields of a response without a body.
///
/// An existing length stays: it is that of the body of a `GET`. If there is none, but a body that
/// is not sent, `written_bytes` is its length. A 204 never has a length, and no length is invented.
pub(crate) fn without_body(status: StatusCode, fields: &mut HeaderMap, written_bytes: usize) {
    match status {
        StatusCode::NO_CONTENT => {
            fields.remove(CONTENT_LENGTH);
        }
        StatusCode::NOT_MODIFIED => {}
        _ if written_bytes > 0 => {
            fields.entry(CONTENT_LENGTH).or_insert_with(|| written_bytes.into());
        }
        _ => {}
    }
}

/// Fails if the status is not final (1xx). Statuses above 599 have no meaning in HTTP, but some
/// servers send them, and a component may pass them on.
pub(crate) fn check_status(status: StatusCode) -> Result<(), CallError> {
    match status.as_u16() {
        other @ 0..200 => Err(invalid(format!(
            "The component's response has the status {other}; it must be at least 200."
        ))),
        _ => Ok(()),
    }
}

/// Fails if the length of a complete body differs from the announced length.
pub(crate) fn check_length(announced: Option<usize>, is: usize) -> Result<(), CallError> {
    match announced {
        Some(announced) if announced != is => Err(invalid(format!(
            "The component's response announces {announced} bytes but has {is}."
        ))),
        _ => Ok(()),
    }
}

fn invalid(detail: String) -> CallError {
    CallError::new(Kind::InvalidAnswer, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length_of(status: u16, set: Option<&str>, written: usize) -> Option<String> {
        let mut fields = HeaderMap::new();
        if let Some(set) = set {
            fields.insert(CONTENT_LENGTH, set.parse().unwrap());
        }
        without_body(StatusCode::from_u16(status).unwrap(), &mut fields, written);
        Some(fields.get(CONTENT_LENGTH)?.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_length_is_kept_or_measured_and_never_invented() {
        assert_eq!(length_of(200, Some("7"), 0).as_deref(), Some("7"));
        assert_eq!(length_of(200, None, 7).as_deref(), Some("7"));
        assert_eq!(length_of(200, None, 0), None);
        assert_eq!(length_of(304, Some("7"), 0).as_deref(), Some("7"));
        assert_eq!(length_of(304, None, 7), None);
        assert_eq!(length_of(204, Some("7"), 7), None);
    }

    #[test]
    fn a_response_must_have_a_final_status() {
        for status in [100, 101, 103, 199] {
            let error = check_status(StatusCode::from_u16(status).unwrap()).unwrap_err();
            assert!(error.to_string().contains(&status.to_string()), "{error}");
        }
        for status in [200, 204, 304, 404, 599, 600, 999] {
            check_status(StatusCode::from_u16(status).unwrap()).unwrap();
        }
    }

    #[test]
    fn a_length_must_match_the_body() {
        assert!(check_length(Some(5), 0).is_err());
        assert!(check_length(Some(5), 5).is_ok());
        assert!(check_length(None, 5).is_ok());
    }
}
