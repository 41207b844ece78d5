//! The use cases of the facade.
//!
//! Keys of its store:
//!
//! ```text
//! modes                                the mode of each family
//! claim/order/<customer>/<reference>   the side that got an order first; expires
//! claim/message/<request>              the side that got a message first; expires
//! count/<family>/<outcome>             comparisons
//! findings                             the last differences
//! ```

mod carry;
mod claims;
mod events;
mod findings;
mod modes;
mod reads;
mod writes;

pub use carry::{CarryError, STOCK};
pub use claims::CLAIM_MS;
pub use events::EventError;
pub use findings::{Counts, FINDINGS_MAX, Finding};
pub use modes::{ModeError, StoredModes};
pub use reads::{CHECK_PAUSE_MS, CHECKS_MAX};

use bytes::Bytes;
use chassis::Clock;
use chassis::store::StoreError;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};

use crate::domain::{Answer, Decision, Family, Side, Wanted, customer_of};
use crate::ports::{Modes, Ports};
use crate::sides::{SESSION, Sides, Unavailable};

/// Names the side that has answered.
pub const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");

/// The sides, through these ports.
type BothSides<P> = Sides<<P as Ports>::Outbound, <P as Ports>::Clock>;

/// Why a request is not answered. Repeating is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A side does not respond.
    #[error(transparent)]
    Side(#[from] Unavailable),
    /// The store does not respond.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use cases.
#[derive(Clone)]
pub struct Facade<P: Ports> {
    ports: P,
    sides: BothSides<P>,
}

impl<P: Ports> Facade<P> {
    /// The use cases over these ports. `key` is what tokens are exchanged with.
    pub fn new(ports: P, key: String) -> Self {
        let sides = Sides::new(ports.outbound().clone(), ports.clock().clone(), key);
        Self { ports, sides }
    }

    /// The answer to a request of a client of the older shop.
    pub async fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let wanted = Wanted::of(request.method().as_str(), request.uri().path());
        let session = request.headers().get(SESSION).and_then(|value| value.to_str().ok());
        let customer = session.and_then(customer_of);
        let answered = match (wanted, session, customer) {
            (Some(Wanted::NewOrder), Some(session), Some(customer)) => {
                self.place(request, session, customer).await
            }
            (Some(wanted), Some(session), Some(customer)) => {
                self.read(request, &wanted, session, customer).await
            }
            // What only the older shop has; and without a session, its refusal.
            _ => self.old(request).await,
        };
        answered.unwrap_or_else(|failure| {
            eprintln!("facade: {} {}: {failure}", request.method(), request.uri().path());
            response(&Answer::error(503, "unavailable", "try again later"), None)
        })
    }

    /// The answer of the older shop.
    async fn old(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let mut response = self.sides.forward(request).await?;
        mark(&mut response, Side::Legacy);
        Ok(response)
    }

    /// The decision of a family's mode. If it can't be read, the older shop answers, as it did before
    /// there was a facade.
    async fn decision(&self, family: Family, customer: u64) -> Decision {
        self.ports.modes().decide(family, customer).await.unwrap_or_else(|error| {
            eprintln!("facade: the mode of {}: {error}", family.name());
            Decision::By(Side::Legacy)
        })
    }

    fn store(&self) -> &P::Store {
        self.ports.store()
    }

    fn now_ms(&self) -> u64 {
        self.ports.clock().now_ms()
    }
}

/// A response in the style of the older shop.
fn response(answer: &Answer, side: Option<Side>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(answer.body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if answer.status == 503 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Some(side) = side {
        mark(&mut response, side);
    }
    response
}

fn mark(response: &mut Response<Bytes>, side: Side) {
    response.headers_mut().insert(SERVED_BY, HeaderValue::from_static(side.name()));
}
