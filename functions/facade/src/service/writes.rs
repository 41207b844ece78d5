//! Placing orders: on one side, once.

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::Value;

use super::{Facade, Failure, response};
use crate::domain::translate::is_new_order;
use crate::domain::{Answer, Family, Side};
use crate::ports::Ports;
use crate::sides::Unavailable;

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
        // The older shop refuses what is no order. So it is refused alike whatever the mode is, and
        // leaves no claim, which would send a corrected order with this reference to one side.
        let wanted = reference(&body).filter(|_| is_new_order(&body));
        let Some(reference) = wanted else { return self.old(request).await };
        // Claims are kept, so only customers make them.
        let Some(token) = self.sides.token(session).await? else {
            let refused = Answer::error(401, "unauthorized", "sign in first");
            return Ok(response(&refused, None));
        };
        let name = format!("order/{customer}/{reference}");
        let side = match self.claimed(&name).await? {
            Some(side) => side,
            None => {
                let side = self.side_of_reference(customer, reference).await?;
                self.claim_for(side, &name).await?
            }
        };
        match side {
            Side::Legacy => self.old(request).await,
            Side::New => {
                let placed = self.sides.place(&body, reference, &token).await?;
                Ok(response(&placed, Some(Side::New)))
            }
        }
    }

    /// The side that gets an order without a claim. One that the older shop has, from before there
    /// were claims or because its claim has expired, stays there.
    async fn side_of_reference(&self, customer: u64, reference: &str) -> Result<Side, Failure> {
        let side = self.decision(Family::Orders, customer).await.side();
        if side == Side::Legacy {
            return Ok(side);
        }
        let path = format!("/internal/references/{customer}/{reference}");
        match self.sides.ask_legacy(Method::GET, &path, None).await?.status {
            200 => Ok(Side::Legacy),
            404 => Ok(side),
            status => Err(Unavailable(format!("the look-up of a reference gave {status}")).into()),
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
