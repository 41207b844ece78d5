//! The provider as over the network, in virtual time.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use chassis::Clock;
use chassis::auth::testing::Issuer;
use chassis::http::{Outbound, OutboundError};
use chassis::money::Money;
use chassis::store::{MemoryStore, Store};
use chassis::testing::ManualClock;
use http::{Request, Response};
use http_body_util::BodyExt;
use payments::domain::Status;
use payments::ledger::{Account, Posting};
use payments::provider::Psp;
use payments::routes::{Api, router};
use payments::service::{Payments, Refusal};
use psp_sandbox::ports::{Background, Ports};
use psp_sandbox::sandbox::{Sandbox, Settings};
use tower::ServiceExt;

pub(crate) const NOW_MS: u64 = 1_800_000_000_000;
pub(crate) const SECRET: &str = "webhook secret";
pub(crate) const ID: &str = "pay_1";
pub(crate) const ORDER: &str = "ord_1";

pub(crate) type Service<S> = Payments<S, Psp<Wire>>;

/// The provider, reached as over the network, with everything that it keeps and sends.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) store: MemoryStore,
    pub(crate) clock: ManualClock,
    /// Webhooks that were sent and not yet received.
    pub(crate) sent: Arc<Mutex<VecDeque<Request<Bytes>>>>,
    /// Requests that reach the provider while their answers are lost.
    pub(crate) lose_answers: Arc<Mutex<u32>>,
    pub(crate) cut: Arc<Mutex<bool>>,
    /// Whether the next request stays under way for now.
    pub(crate) delay: Arc<Mutex<bool>>,
    /// Requests that are still under way; whoever sent them has given up on them.
    pub(crate) late: Arc<Mutex<Vec<Request<Bytes>>>>,
}

/// Takes webhooks off the provider.
#[derive(Clone)]
pub(crate) struct Postbox(Arc<Mutex<VecDeque<Request<Bytes>>>>);

impl Outbound for Postbox {
    async fn send(
        &self,
        request: Request<Bytes>,
        _timeout_ms: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        self.0.lock().unwrap().push_back(request);
        Ok(Response::new(Bytes::new()))
    }
}

/// The ports of the provider.
#[derive(Clone)]
pub(crate) struct Provider;

impl Ports for Provider {
    type Store = MemoryStore;
    type Timer = ManualClock;
    type Outbound = Postbox;
    type Background = Self;
}

impl Background for Provider {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            clock: ManualClock::new(NOW_MS),
            sent: Arc::default(),
            lose_answers: Arc::default(),
            cut: Arc::default(),
            delay: Arc::default(),
            late: Arc::default(),
        }
    }

    fn loses_an_answer(&self) -> bool {
        let mut left = self.lose_answers.lock().unwrap();
        let loses = *left > 0;
        *left = left.saturating_sub(1);
        loses
    }

    /// The requests that are still under way reach the provider.
    pub(crate) async fn arrive(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for request in late {
            let router = psp_sandbox::routes::router(self.sandbox());
            router.oneshot(request.map(Body::from)).await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn sandbox(&self) -> Sandbox<Provider> {
        Sandbox {
            settings: Settings {
                api_key: "key".to_owned(),
                webhook_url: Some("http://payments.test/webhooks/psp".to_owned()),
                webhook_secret: SECRET.to_owned(),
                slow_ms: 3_000,
            },
            store: self.store.clone(),
            timer: self.clock.clone(),
            outbound: Postbox(self.sent.clone()),
            background: Provider,
        }
    }
}

impl Outbound for Wire {
    async fn send(
        &self,
        request: Request<Bytes>,
        timeout_ms: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        if *self.cut.lock().unwrap() {
            return Err(OutboundError::Connect("refused".to_owned()));
        }
        if std::mem::take(&mut *self.delay.lock().unwrap()) {
            self.late.lock().unwrap().push(request);
            return Err(OutboundError::Broken("no answer".to_owned()));
        }
        let before_ms = self.clock.now_ms();
        let router = psp_sandbox::routes::router(self.sandbox());
        let answer = router.oneshot(request.map(Body::from)).await.unwrap();
        tokio::task::yield_now().await;
        if self.loses_an_answer() {
            return Err(OutboundError::Broken("reset".to_owned()));
        }
        if self.clock.now_ms() - before_ms > timeout_ms {
            // We stopped waiting earlier than the provider.
            self.clock.set(before_ms + timeout_ms);
            return Err(OutboundError::Timeout(timeout_ms));
        }
        let (head, body) = answer.into_parts();
        Ok(Response::from_parts(head, body.collect().await.unwrap().to_bytes()))
    }
}

pub(crate) fn service<S: Store>(store: S, wire: &Wire) -> Service<S> {
    Payments::new(store, Psp::new(wire.clone(), "http://psp.test/", "key"), || NOW_MS)
}

pub(crate) async fn authorize<S: Store>(
    payments: &Service<S>,
    method: &str,
) -> Result<Status, Refusal> {
    let payment = payments.authorize(ID, ORDER, Money::new(500, "EUR"), method).await;
    payment.map(|payment| payment.status())
}

/// The ledger, including the whole provider statement.
pub(crate) async fn books<S: Store>(payments: &Service<S>) -> Vec<Posting> {
    payments.pull().await.unwrap();
    postings(payments).await
}

/// The known part of the ledger.
pub(crate) async fn postings<S: Store>(payments: &Service<S>) -> Vec<Posting> {
    payments.ledger(None, 100).await.unwrap().0
}

/// Debits and credits add up to zero, when both sides are complete.
pub(crate) fn adds_up(postings: &[Posting]) -> bool {
    let sides = [Account::PspClearing, Account::CustomerFunds];
    sides.map(|side| balance(postings, side)).iter().sum::<i64>() == 0
}

pub(crate) fn balance(postings: &[Posting], account: Account) -> i64 {
    postings.iter().filter(|it| it.account == account).map(|it| it.amount.amount).sum()
}

/// What the provider has taken and not given back.
pub(crate) async fn at_the_provider(wire: &Wire) -> i64 {
    match wire.sandbox().find_by_key(ID).await {
        Ok(charge) => charge.balance(),
        Err(_) => 0,
    }
}

/// The HTTP side of payments.
pub(crate) fn api<S: Store>(payments: Service<S>) -> axum::Router {
    let keys = Issuer::new().key_set();
    router(Api { payments, keys, webhook_secret: SECRET.to_owned() })
}
