//! Webhooks of the provider.
//!
//! The receiver is public, so a delivery is accepted only with a signature over its time and its
//! exact bytes, not older than [`TOLERANCE_S`]. Even then it is only a hint that something may have
//! changed: the secret can leak, so the provider's API is authoritative.

use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;

use super::{Charge, news};
use crate::domain::News;

/// The header that carries the signature: `t=<unix seconds>,v1=<hex>`.
pub const SIGNATURE_HEADER: &str = "psp-signature";
/// How far the time of a delivery may be from ours, in seconds.
pub const TOLERANCE_S: u64 = 300;
/// Longest body of a delivery, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Signatures of one delivery that are looked at: several while a secret is replaced.
const SIGNATURES_MAX: usize = 4;

/// A delivery that is authentic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The provider's id of the event; the same one may come again.
    pub id: String,
    /// The reported state. It is only a hint.
    pub hint: News,
}

/// Why a delivery is not believed, or not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The signature is missing, malformed or wrong.
    Signature,
    /// It was signed too long ago (or ahead).
    Stale,
    /// It is authentic, but not what we can read.
    Unreadable,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    data: Charge,
}

/// Checks and reads a delivery. `body` must be the bytes as they came.
pub fn open(
    secret: &str,
    header: Option<&str>,
    body: &[u8],
    now_s: u64,
) -> Result<Delivery, Fault> {
    let (time, signatures) = header.and_then(parse).ok_or(Fault::Signature)?;
    if !signatures.iter().any(|signature| is_signed(secret, time, body, signature)) {
        return Err(Fault::Signature);
    }
    let signed_s: u64 = time.parse().map_err(|_| Fault::Signature)?;
    if signed_s.abs_diff(now_s) > TOLERANCE_S {
        return Err(Fault::Stale);
    }
    let event: Event = serde_json::from_slice(body).map_err(|_| Fault::Unreadable)?;
    Ok(Delivery { id: event.id, hint: news(event.data) })
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
            ("v1", value) if signatures.len() < SIGNATURES_MAX => signatures.push(unhex(value)?),
            _ => {}
        }
    }
    Some((time?, signatures))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
