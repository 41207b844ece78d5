//! The sandbox provider behind a network that can fail, in virtual time.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Body;
use bytes::Bytes;
use chassis::Clock;
use chassis::http::{Outbound, OutboundError};
use chassis::money::Money;
use chassis::store::Store;
use chassis::testing::{Client, Issuer, ManualClock, MemoryStore};
use http::{Request, Response};
use payments::domain::{Account, Posting, Status};
use payments::provider::Psp;
use payments::routes::{Api, router};
use payments::service::{Payments, Refusal};
use psp_sandbox::ports::Background;
use psp_sandbox::sandbox::{Sandbox, Settings};

pub(crate) const NOW_MS: u64 = 1_800_000_000_000;
pub(crate) const SECRET: &str = "webhook secret";
pub(crate) const ID: &str = "pay_1";
pub(crate) const ORDER: &str = "ord_1";

pub(crate) type Service<S = MemoryStore> = Payments<S, Psp<Wire>, ManualClock>;

/// The provider and the network to it.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) store: MemoryStore,
    /// The time of payments.
    pub(crate) clock: ManualClock,
    /// The time of the provider.
    pub(crate) provider_clock: ManualClock,
    network: Arc<Mutex<Network>>,
}

/// The state of the network.
#[derive(Default)]
pub(crate) struct Network {
    /// Webhooks that were sent and not received yet.
    pub(crate) webhooks: VecDeque<Request<Bytes>>,
    /// The number of next responses that are lost.
    pub(crate) lose_responses: u32,
    /// Whether the provider can't be reached.
    pub(crate) is_cut: bool,
    /// Whether the next request is delayed, so that its caller gets no response.
    pub(crate) delay_next: bool,
    /// Requests that have not arrived yet.
    delayed: Vec<Request<Bytes>>,
}

/// Receives the webhooks of the provider.
#[derive(Clone)]
pub(crate) struct Webhooks(Arc<Mutex<Network>>);

impl Outbound for Webhooks {
    async fn send(
        &self,
        request: Request<Bytes>,
        _timeout_ms: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        self.0.lock().unwrap().webhooks.push_back(request);
        Ok(Response::new(Bytes::new()))
    }
}

/// The ports of the provider.
pub(crate) type Provider = (MemoryStore, ManualClock, Webhooks, Tasks);

#[derive(Clone)]
pub(crate) struct Tasks;

impl Background for Tasks {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            clock: ManualClock::new(NOW_MS),
            provider_clock: ManualClock::new(NOW_MS),
            network: Arc::default(),
        }
    }

    pub(crate) fn network(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap()
    }

    pub(crate) fn cut(&self, is_cut: bool) {
        self.network().is_cut = is_cut;
    }

    pub(crate) fn lose_responses(&self, count: u32) {
        self.network().lose_responses = count;
    }

    pub(crate) fn delay_next(&self) {
        self.network().delay_next = true;
    }

    fn loses_response(&self) -> bool {
        let left = &mut self.network().lose_responses;
        let loses = *left > 0;
        *left = left.saturating_sub(1);
        loses
    }

    /// Delayed requests arrive at the provider.
    pub(crate) async fn arrive(&self) {
        let delayed = std::mem::take(&mut self.network().delayed);
        for request in delayed {
            self.exchange(request).await;
        }
    }

    async fn exchange(&self, request: Request<Bytes>) -> Response<Bytes> {
        let provider = Client::of(psp_sandbox::routes::router(self.sandbox()));
        let reply = provider.send(request.map(Body::from)).await;
        tokio::task::yield_now().await;
        Response::builder().status(reply.status).body(Bytes::from(reply.text)).unwrap()
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
            timer: self.provider_clock.clone(),
            outbound: Webhooks(self.network.clone()),
            background: Tasks,
        }
    }
}

impl Outbound for Wire {
    async fn send(
        &self,
        request: Request<Bytes>,
        timeout_ms: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        if self.network().is_cut {
            return Err(OutboundError::Connect("refused".to_owned()));
        }
        if std::mem::take(&mut self.network().delay_next) {
            self.network().delayed.push(request);
            return Err(OutboundError::Broken("no response".to_owned()));
        }
        let clock = &self.provider_clock;
        let before_ms = clock.now_ms();
        let response = self.exchange(request).await;
        if self.loses_response() {
            return Err(OutboundError::Broken("reset".to_owned()));
        }
        if clock.now_ms() - before_ms > timeout_ms {
            // The caller stopped waiting before the provider responded.
            clock.set(before_ms + timeout_ms);
            return Err(OutboundError::Timeout(timeout_ms));
        }
        Ok(response)
    }
}

/// A new provider, and payments that use it.
pub(crate) fn new() -> (Wire, Service) {
    let wire = Wire::new();
    let payments = service(MemoryStore::new(), &wire);
    (wire, payments)
}

pub(crate) fn service<S: Store>(store: S, wire: &Wire) -> Service<S> {
    Payments::new(store, Psp::new(wire.clone(), "http://psp.test/", "key"), wire.clock.clone())
}

pub(crate) fn euro(amount: i64) -> Money {
    Money::new(amount, "EUR")
}

pub(crate) async fn authorize<S: Store>(
    payments: &Service<S>,
    method: &str,
) -> Result<Status, Refusal> {
    let payment = payments.authorize(ID, ORDER, euro(500), method).await;
    payment.map(|payment| payment.status())
}

/// A new provider, and payments with one that was captured.
pub(crate) async fn captured() -> (Wire, Service) {
    let (wire, payments) = new();
    authorize(&payments, "tok_approved").await.unwrap();
    payments.capture(ID).await.unwrap();
    (wire, payments)
}

/// The ledger, including the whole provider statement.
pub(crate) async fn books<S: Store>(payments: &Service<S>) -> Vec<Posting> {
    payments.import_statement().await.unwrap();
    postings(payments).await
}

/// The known part of the ledger.
pub(crate) async fn postings<S: Store>(payments: &Service<S>) -> Vec<Posting> {
    payments.records().postings(None, 100).await.unwrap().0
}

/// Whether debits and credits add up to zero.
pub(crate) fn adds_up(postings: &[Posting]) -> bool {
    let sides = [Account::PspClearing, Account::CustomerFunds];
    sides.map(|side| balance(postings, side)).iter().sum::<i64>() == 0
}

pub(crate) fn balance(postings: &[Posting], account: Account) -> i64 {
    postings.iter().filter(|it| it.account == account).map(|it| it.amount.amount).sum()
}

/// What the provider has captured and not refunded.
pub(crate) async fn at_the_provider(wire: &Wire) -> i64 {
    match wire.sandbox().find_by_key(ID).await {
        Ok(charge) => charge.balance(),
        Err(_) => 0,
    }
}

/// A client of the HTTP routes.
pub(crate) fn client<S: Store>(payments: &Service<S>) -> Client {
    let keys = Issuer::new().key_set();
    Client::new(router(Api { payments: payments.clone(), keys, webhook_secret: SECRET.to_owned() }))
}
