//! Webhooks of the provider.
//!
//! The receiver is public, so a delivery is accepted only with a signature over its time and its
//! exact bytes, not older than [`TOLERANCE_S`]. Even then it is only a hint that something may have
//! changed: the secret can leak, so the provider's API is authoritative.

use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;

use super::{Charge, report};
use crate::domain::Report;

/// The header that carries the signature: `t=<unix seconds>,v1=<hex>`.
pub const SIGNATURE_HEADER: &str = "psp-signature";
/// The maximum difference between the time of a delivery and the current time, in seconds.
pub const TOLERANCE_S: u64 = 300;
/// The maximum size of the body of a delivery, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// The maximum number of verified signatures of one delivery; it has several while the secret is
/// replaced.
const SIGNATURES_MAX: usize = 4;

/// A delivery that is authentic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The provider's id of the event. It can be delivered several times.
    pub id: String,
    /// The reported state. It is only a hint.
    pub hint: Report,
}

/// Why a delivery was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookError {
    /// The signature is missing, malformed or wrong.
    Signature,
    /// It was signed too long ago, or in the future.
    Stale,
    /// It is authentic, but not readable.
    Unreadable,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    data: Charge,
}

/// Verifies and parses a delivery. `body` must be the received bytes.
///
/// # Errors
/// The signature is wrong or outdated, or the body is unreadable.
pub fn open(
    secret: &str,
    header: Option<&str>,
    body: &[u8],
    now_s: u64,
) -> Result<Delivery, WebhookError> {
    let (time, signatures) = header.and_then(parse).ok_or(WebhookError::Signature)?;
    if !signatures.iter().any(|signature| is_signed(secret, time, body, signature)) {
        return Err(WebhookError::Signature);
    }
    let signed_s: u64 = time.parse().map_err(|_| WebhookError::Signature)?;
    if signed_s.abs_diff(now_s) > TOLERANCE_S {
        return Err(WebhookError::Stale);
    }
    let event: Event = serde_json::from_slice(body).map_err(|_| WebhookError::Unreadable)?;
    Ok(Delivery { id: event.id, hint: report(event.data) })
}

/// Compares in constant time.
fn is_signed(secret: &str, time: &str, body: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

fn parse(header: &str) -> Option<(&str, Vec<Vec<u8>>)> {
    let mut time = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", value) => time = Some(value),
            ("v1", value) if signatures.len() < SIGNATURES_MAX => {
                signatures.push(HEX.decode(value.as_bytes()).ok()?)
            }
            _ => {}
        }
    }
    Some((time?, signatures))
}
