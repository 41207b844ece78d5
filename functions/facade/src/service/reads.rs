//! Reads: answered by one side, or by the older shop and compared.

use bytes::Bytes;
use chassis::clock::Timer;
use http::{Request, Response};

use super::findings::Outcome;
use super::{Facade, Failure, response};
use crate::domain::{Answer, Decision, Difference, Side, Wanted, differences};
use crate::ports::Ports;
use crate::sides::{Unavailable, parsed};

/// How often the answers are compared before a difference is a finding. A copy is a moment behind.
pub const CHECKS_MAX: usize = 4;
/// The pause before they are compared again, in milliseconds.
pub const CHECK_PAUSE_MS: u64 = 150;

impl<P: Ports> Facade<P> {
    pub(super) async fn read(
        &self,
        request: &Request<Bytes>,
        wanted: &Wanted,
        session: &str,
        customer: u64,
    ) -> Result<Response<Bytes>, Failure> {
        match self.decision(wanted.family(), customer).await {
            Decision::By(Side::Legacy) => self.old(request).await,
            Decision::By(Side::New) => {
                Ok(response(&self.new_answer(wanted, session).await?, Some(Side::New)))
            }
            Decision::Compared => self.compared(request, wanted, session, customer).await,
        }
    }

    async fn new_answer(&self, wanted: &Wanted, session: &str) -> Result<Answer, Unavailable> {
        match self.sides.token(session).await? {
            Some(token) => self.sides.read(wanted, &token).await,
            None => Ok(Answer::error(401, "unauthorized", "sign in first")),
        }
    }

    /// Asks both sides at once. The client gets the answer of the older shop whatever the other one
    /// does; it waits for the comparison, and longer only if there is a difference.
    async fn compared(
        &self,
        request: &Request<Bytes>,
        wanted: &Wanted,
        session: &str,
        customer: u64,
    ) -> Result<Response<Bytes>, Failure> {
        let (old, new) = futures::join!(self.old(request), self.new_answer(wanted, session));
        let old = old?;
        let first = parsed(&old);
        // A session that has ended, or an outage of the older shop, says nothing about the new one.
        if first.status == 401 || first.status >= 500 {
            return Ok(old);
        }
        let outcome = match new {
            Err(failure) => Outcome::Failed(failure),
            Ok(new) => match differences(wanted, &first, &new) {
                found if found.is_empty() => Outcome::Same,
                found => self.check_again(request, wanted, session, found).await,
            },
        };
        if let Err(error) =
            self.note(wanted.family(), customer, request.uri().path(), outcome).await
        {
            eprintln!("facade: a comparison is not counted: {error}");
        }
        Ok(old)
    }

    /// Compares again, because one side may have got a change a moment later.
    async fn check_again(
        &self,
        request: &Request<Bytes>,
        wanted: &Wanted,
        session: &str,
        mut found: Vec<Difference>,
    ) -> Outcome {
        for _ in 1..CHECKS_MAX {
            self.ports.clock().sleep(CHECK_PAUSE_MS).await;
            let (old, new) = futures::join!(self.old(request), self.new_answer(wanted, session));
            let (Ok(old), Ok(new)) = (old, new) else { continue };
            found = differences(wanted, &parsed(&old), &new);
            if found.is_empty() {
                return Outcome::Late;
            }
        }
        Outcome::Different(found)
    }
}
