//! Placing orders: on one side, once.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use super::{Facade, Failure, response};
use crate::domain::{Answer, Family, Side};
use crate::ports::Ports;

/// The longest reference, in characters, as in the older shop.
const REFERENCE_CHARS_MAX: usize = 64;

impl<P: Ports> Facade<P> {
    pub(super) async fn place(
        &self,
        request: &Request<Bytes>,
        session: &str,
        customer: u64,
    ) -> Result<Response<Bytes>, Failure> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        // The older shop refuses what has no reference.
        let Some(reference) = reference(&body) else { return self.old(request).await };
        // Claims are kept, so only customers make them.
        let Some(token) = self.sides.token(session).await? else {
            let refused = Answer::error(401, "unauthorized", "sign in first");
            return Ok(response(&refused, None));
        };
        let name = format!("order/{customer}/{reference}");
        match self.claim(Family::Orders, customer, &name).await? {
            Side::Legacy => self.old(request).await,
            Side::New => {
                let placed = self.sides.place(&body, reference, &token).await?;
                Ok(response(&placed, Some(Side::New)))
            }
        }
    }
}

fn reference(body: &Value) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let reference = body["reference"].as_str()?;
    let is_reference =
        (1..=REFERENCE_CHARS_MAX).contains(&reference.len()) && reference.bytes().all(is_plain);
    is_reference.then_some(reference)
}
