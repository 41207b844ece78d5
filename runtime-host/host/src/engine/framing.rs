//! What RFC 9110 says about the answer of a guest before it is sent: which status it may have,
//! whether a body follows, and that a length is the body's.
//!
//! It holds for calls from outside and for those between components, whatever version of HTTP
//! the client speaks.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode};

/// The guest's answer can't be sent as it is.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct InvalidAnswer(String);

/// Whether no body follows the head of an answer (RFC 9110, section 6.4.1).
pub(crate) fn is_bodiless(to: &Method, status: StatusCode) -> bool {
    to == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Make the fields that describe a body fit an answer without one.
///
/// A length that is set stays: it is that of the body which a `GET` would get. Where none is set,
/// but there is a body that is not sent, `written_bytes` is its length. There is never one for 204,
/// nor one that was made up.
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

/// Fails if no answer can have this status: 1xx announces an answer, and above 599 there is none.
pub(super) fn check_status(status: StatusCode) -> Result<(), InvalidAnswer> {
    match status.as_u16() {
        200..=599 => Ok(()),
        other => Err(InvalidAnswer(format!(
            "The component answered with status {other}, and an answer has one from 200 to 599."
        ))),
    }
}

/// Fails if a whole body has another length than its head has announced.
pub(super) fn check_length(announced: Option<usize>, is: usize) -> Result<(), InvalidAnswer> {
    match announced {
        Some(announced) if announced != is => Err(InvalidAnswer(format!(
            "The component's answer announces {announced} bytes and has {is}."
        ))),
        _ => Ok(()),
    }
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
    fn a_length_is_kept_or_measured_and_never_made_up() {
        assert_eq!(length_of(200, Some("7"), 0).as_deref(), Some("7"));
        assert_eq!(length_of(200, None, 7).as_deref(), Some("7"));
        assert_eq!(length_of(200, None, 0), None);
        assert_eq!(length_of(304, Some("7"), 0).as_deref(), Some("7"));
        assert_eq!(length_of(304, None, 7), None);
        assert_eq!(length_of(204, Some("7"), 7), None);
    }

    #[test]
    fn an_answer_has_a_final_status() {
        for status in [100, 101, 103, 199, 600, 999] {
            let error = check_status(StatusCode::from_u16(status).unwrap()).unwrap_err();
            assert!(error.to_string().contains(&status.to_string()), "{error}");
        }
        for status in [200, 204, 304, 404, 599] {
            check_status(StatusCode::from_u16(status).unwrap()).unwrap();
        }
    }

    #[test]
    fn a_length_is_the_bodys() {
        assert!(check_length(Some(5), 0).is_err());
        assert!(check_length(Some(5), 5).is_ok());
        assert!(check_length(None, 5).is_ok());
    }
}
