//! Every interleaving of two calls about one payment, in which one of them may crash at any step. The
//! provider here is simple and reliable; `any_order` has an unreliable one.

use chassis::money::Money;
use chassis::store::Store;
use chassis::store::interleavings::{End, SteppedStore, explore};
use chassis::testing::{ManualClock, MemoryStore, run};
use payments::domain::{Amounts, ChargeStatus, Payment, Report, Statement, Status};
use payments::ports::{Charge, Hold, PartialRefund, Provider, ProviderError};
use payments::service::{Payments, Refusal};
use std::pin::Pin;

const ID: &str = "pay_1";
const ORDER: &str = "ord_1";

type Outcome = Result<Status, Refusal>;
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A provider with one charge in the same store, so that its operations interleave, too.
#[derive(Clone)]
struct SimpleProvider<S>(S);

impl<S: Store> SimpleProvider<S> {
    async fn change(
        &self,
        from: &[&str],
        to: fn(&str) -> &'static str,
    ) -> Result<Report, ProviderError> {
        let change = |state: Option<String>| {
            let state = state.unwrap_or_else(|| "new".to_owned());
            let next = if from.contains(&state.as_str()) { to(&state).to_owned() } else { state };
            Ok::<_, chassis::store::StoreError>((next.clone(), next))
        };
        let state = self.0.update("provider", change).await;
        state
            .map(|state| report(&state))
            .map_err(|error| ProviderError::OutcomeUnknown(error.to_string()))
    }
}

fn report(state: &str) -> Report {
    let (status, captured, refunded) = match state {
        "held" => (ChargeStatus::Held, 0, 0),
        "captured" => (ChargeStatus::Captured, 500, 0),
        "released" => (ChargeStatus::Ended, 0, 0),
        "refunded" => (ChargeStatus::Ended, 500, 500),
        other => (ChargeStatus::Unknown(other.to_owned()), 0, 0),
    };
    let currency = "EUR".to_owned();
    let amounts = Amounts { currency, held: 500, captured, refunded, charged_back: 0 };
    Report { payment_id: ID.to_owned(), reference: "charge".to_owned(), status, amounts }
}

fn charge() -> Charge {
    Charge { key: ID.to_owned(), reference: "charge".to_owned() }
}

impl<S: Store> Provider for SimpleProvider<S> {
    async fn hold(&self, _: &Hold) -> Result<Report, ProviderError> {
        self.change(&["new"], |_| "held").await
    }

    async fn capture(&self, _: &Charge) -> Result<Report, ProviderError> {
        self.change(&["held"], |_| "captured").await
    }

    async fn reverse(&self, _: &Charge) -> Result<Report, ProviderError> {
        let reversed = |state: &str| if state == "held" { "released" } else { "refunded" };
        self.change(&["held", "captured"], reversed).await
    }

    async fn refund(&self, _: &Charge, _: &PartialRefund) -> Result<Report, ProviderError> {
        Err(ProviderError::NotExecuted("not here".to_owned()))
    }

    async fn statement(&self, after: u64) -> Result<Statement, ProviderError> {
        Ok(Statement { lines: Vec::new(), next: after, more: false })
    }

    async fn find(&self, _: &str) -> Result<Option<Report>, ProviderError> {
        let state: Result<Option<String>, _> = self.0.read("provider").await;
        let state = state.map_err(|error| ProviderError::OutcomeUnknown(error.to_string()))?;
        Ok(state.map(|state| report(&state)))
    }
}

fn payments<S: Store>(store: S) -> Payments<S, SimpleProvider<S>, ManualClock> {
    Payments::new(store.clone(), SimpleProvider(store), ManualClock::new(1_800_000_000_000))
}

async fn hold<S: Store>(store: S) -> Outcome {
    let money = Money::new(500, "EUR");
    payments(store).authorize(ID, ORDER, money, "card").await.map(|payment| payment.status())
}

fn held() -> MemoryStore {
    let store = MemoryStore::new();
    assert_eq!(run(hold(store.clone())), Ok(Status::Authorized));
    store
}

fn authorize(store: SteppedStore) -> Running {
    Box::pin(hold(store))
}

fn capture(store: SteppedStore) -> Running {
    Box::pin(async move { payments(store).capture(ID).await.map(|payment| payment.status()) })
}

fn cancel(store: SteppedStore) -> Running {
    Box::pin(async move { payments(store).cancel(ID, ORDER).await.map(|payment| payment.status()) })
}

/// A webhook of the provider.
fn notify(store: SteppedStore) -> Running {
    Box::pin(async move {
        if let Ok(Some(report)) = SimpleProvider(store.clone()).find(ID).await {
            payments(store).handle_hint(&report).await?;
        }
        Ok(Status::Unknown)
    })
}

/// The invariant of all states: the ledger agrees with the payment, and no customer is charged twice.
fn adds_up(store: &MemoryStore) {
    let payments = payments(store.clone());
    let (postings, _) = run(payments.records().postings_after(0)).unwrap();
    let paid: i64 = postings.iter().map(|posting| posting.amount.amount).sum();
    assert!(postings.len() <= 2, "{postings:?}");
    let entries = run(payments.records().payments(0, 100)).unwrap().entries;
    let net: i64 = entries.iter().map(|(payment, _)| payment.net()).sum();
    assert_eq!(paid, -net, "{postings:?}");
    for (Payment { known, .. }, _) in entries {
        assert!(known.captured <= 500 && known.refunded <= known.captured, "{known:?}");
    }
}

fn at_the_provider(store: &MemoryStore) -> String {
    run(store.read("provider")).unwrap().unwrap_or_default()
}

/// The captured and the refunded amount in the books.
fn booked(store: &MemoryStore) -> (i64, i64) {
    let (payment, _) = run(payments(store.clone()).records().load(ID)).unwrap().unwrap();
    (payment.known.captured, payment.known.refunded)
}

/// The caller repeats a cancellation until it is done; then nothing is kept.
fn nothing_is_kept(store: &MemoryStore) {
    run(payments(store.clone()).cancel(ID, ORDER)).unwrap();
    run(payments(store.clone()).sweep()).unwrap();
    let (captured, refunded) = booked(store);
    assert_eq!(captured, refunded);
    let state = at_the_provider(store);
    assert!(["", "released", "refunded"].contains(&state.as_str()), "{state}");
    assert_eq!(captured == 500, state == "refunded", "the books agree with the provider");
    assert_eq!(
        run(payments(store.clone()).records().payments(0, 9)).unwrap().entries[0].0.held(),
        0
    );
}

#[test]
fn a_concurrent_capture_and_cancellation_leave_nothing_charged() {
    let explored = explore(held, &[capture, cancel], 1, adds_up, |store, ends| {
        if let End::Done(Ok(status)) = &ends[1] {
            assert!(matches!(status, Status::Voided | Status::Refunded), "{ends:?}");
        }
        nothing_is_kept(store);
        let after = run(payments(store.clone()).capture(ID));
        assert!(matches!(after, Err(Refusal::Conflict(_))), "{after:?}");
    });
    assert!(explored.unwrap().states > 100);
}

#[test]
fn two_captures_charge_once_and_both_succeed() {
    let explored = explore(held, &[capture, capture], 1, adds_up, |store, ends| {
        let succeeded =
            |end: &End<Outcome>| *end == End::Died || *end == End::Done(Ok(Status::Captured));
        assert!(ends.iter().all(succeeded), "{ends:?}");
        run(payments(store.clone()).capture(ID)).unwrap();
        assert_eq!((booked(store), at_the_provider(store).as_str()), ((500, 0), "captured"));
    });
    assert!(explored.unwrap().states > 100);
}

#[test]
fn a_capture_and_its_webhook_are_booked_once() {
    let explored = explore(held, &[capture, notify], 1, adds_up, |store, _| {
        run(payments(store.clone()).capture(ID)).unwrap();
        assert_eq!((booked(store), at_the_provider(store).as_str()), ((500, 0), "captured"));
    });
    assert!(explored.unwrap().states > 50);
}

#[test]
fn a_hold_and_its_cancellation_leave_nothing_held() {
    let explored = explore(MemoryStore::new, &[authorize, cancel], 1, adds_up, |store, ends| {
        let done = |end: &End<Outcome>| matches!(end, End::Done(Ok(_)));
        assert!(!(done(&ends[0]) && done(&ends[1]) && at_the_provider(store) == "held"));
        nothing_is_kept(store);
        let late = run(hold(store.clone()));
        assert!(matches!(late, Err(Refusal::Conflict(_))), "{late:?}");
    });
    assert!(explored.unwrap().states > 100);
}

#[test]
fn a_cancellation_and_the_webhook_of_the_capture_leave_nothing_charged() {
    // The provider has captured the money, and its response was lost.
    let captured = || {
        let store = held();
        run(SimpleProvider(store.clone()).capture(&charge())).unwrap();
        store
    };
    let explored = explore(captured, &[cancel, notify], 1, adds_up, |store, _| {
        nothing_is_kept(store);
        assert_eq!(booked(store), (500, 500));
    });
    assert!(explored.unwrap().states > 50);
}
