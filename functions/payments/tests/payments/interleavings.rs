//! Every order in which two or three calls about one payment can meet, with one of them dying
//! anywhere. The provider here is honest and dull: its own faults are tried elsewhere.

use chassis::money::Money;
use chassis::store::interleavings::{End, SteppedStore, at_once, explore};
use chassis::store::{MemoryStore, Store};
use payments::domain::{Amounts, News, Standing, Statement, Status};
use payments::ports::{Charge, GiveBack, Hold, Provider, Trouble};
use payments::service::{Payments, Refusal};
use std::pin::Pin;

const ID: &str = "pay_1";
const ORDER: &str = "ord_1";

type Outcome = Result<Status, Refusal>;
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Keeps its one charge in the same store, so that the orders of its answers are tried too.
#[derive(Clone)]
struct Dull<S>(S);

impl<S: Store> Dull<S> {
    async fn change(&self, from: &[&str], to: fn(&str) -> &'static str) -> Result<News, Trouble> {
        let change = |state: Option<String>| {
            let state = state.unwrap_or_else(|| "new".to_owned());
            let next = if from.contains(&state.as_str()) { to(&state).to_owned() } else { state };
            Ok::<_, chassis::store::StoreError>((next.clone(), next))
        };
        let state = self.0.update("provider", change).await;
        state.map(|state| news(&state)).map_err(|error| Trouble::Unclear(error.to_string()))
    }
}

fn news(state: &str) -> News {
    let (standing, captured, refunded) = match state {
        "held" => (Standing::Held, 0, 0),
        "taken" => (Standing::Taken, 500, 0),
        "lifted" => (Standing::Ended, 0, 0),
        "returned" => (Standing::Ended, 500, 500),
        other => (Standing::Unknown(other.to_owned()), 0, 0),
    };
    let currency = "EUR".to_owned();
    let amounts = Amounts { currency, held: 500, captured, refunded, charged_back: 0 };
    News { payment_id: ID.to_owned(), reference: "charge".to_owned(), standing, amounts }
}

fn charge() -> Charge {
    Charge { key: ID.to_owned(), reference: "charge".to_owned() }
}

impl<S: Store> Provider for Dull<S> {
    async fn hold(&self, _: &Hold) -> Result<News, Trouble> {
        self.change(&["new"], |_| "held").await
    }

    async fn take(&self, _: &Charge) -> Result<News, Trouble> {
        self.change(&["held"], |_| "taken").await
    }

    async fn undo(&self, _: &Charge) -> Result<News, Trouble> {
        let undone = |state: &str| if state == "held" { "lifted" } else { "returned" };
        self.change(&["held", "taken"], undone).await
    }

    async fn give_back(&self, _: &Charge, _: &GiveBack) -> Result<News, Trouble> {
        Err(Trouble::NotDone("not here".to_owned()))
    }

    async fn statement(&self, after: u64) -> Result<Statement, Trouble> {
        Ok(Statement { lines: Vec::new(), next: after, more: false })
    }

    async fn ask(&self, _: &str) -> Result<Option<News>, Trouble> {
        let state: Result<Option<String>, _> = self.0.read("provider").await;
        let state = state.map_err(|error| Trouble::Unclear(error.to_string()))?;
        Ok(state.map(|state| news(&state)))
    }
}

fn payments<S: Store>(store: S) -> Payments<S, Dull<S>> {
    Payments::new(store.clone(), Dull(store), || 1_800_000_000_000)
}

fn now<R>(future: impl Future<Output = R>) -> R {
    at_once(future).unwrap()
}

async fn hold<S: Store>(store: S) -> Outcome {
    let money = Money::new(500, "EUR");
    payments(store).authorize(ID, ORDER, money, "card").await.map(|payment| payment.status())
}

fn held() -> MemoryStore {
    let store = MemoryStore::new();
    assert_eq!(now(hold(store.clone())), Ok(Status::Authorized));
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

/// The provider tells what it knows, by itself.
fn tell(store: SteppedStore) -> Running {
    Box::pin(async move {
        if let Ok(Some(news)) = Dull(store.clone()).ask(ID).await {
            payments(store).follow(&news).await?;
        }
        Ok(Status::Unknown)
    })
}

/// In every state, the ledger agrees with the payment, and no customer is charged twice.
fn adds_up(store: &MemoryStore) {
    let payments = payments(store.clone());
    let (postings, _) = now(payments.stretch(0)).unwrap();
    let paid: i64 = postings.iter().map(|posting| posting.amount.amount).sum();
    assert!(postings.len() <= 2, "{postings:?}");
    let entries = now(payments.entries(0, 100)).unwrap().entries;
    let net: i64 = entries.iter().map(|entry| entry.captured - entry.refunded).sum();
    assert_eq!(paid, -net, "{postings:?}");
    for entry in entries {
        assert!(entry.captured <= 500 && entry.refunded <= entry.captured, "{entry:?}");
    }
}

fn at_the_provider(store: &MemoryStore) -> String {
    now(store.read("provider")).unwrap().unwrap_or_default()
}

/// Captured and refunded, as the books say.
fn booked(store: &MemoryStore) -> (i64, i64) {
    let [entry] = now(payments(store.clone()).entries(0, 100)).unwrap().entries.try_into().unwrap();
    (entry.captured, entry.refunded)
}

/// Whoever asked for a cancellation goes on until it is done; then nothing is kept.
fn nothing_is_kept(store: &MemoryStore) {
    now(payments(store.clone()).cancel(ID, ORDER)).unwrap();
    now(payments(store.clone()).sweep()).unwrap();
    let (captured, refunded) = booked(store);
    assert_eq!(captured, refunded);
    let state = at_the_provider(store);
    assert!(["", "lifted", "returned"].contains(&state.as_str()), "{state}");
    assert_eq!(captured == 500, state == "returned", "the books say what the provider says");
    assert_eq!(now(payments(store.clone()).entries(0, 9)).unwrap().entries[0].held, 0);
}

#[test]
fn a_capture_and_a_cancellation_that_meet_leave_nothing_charged() {
    let explored = explore(held, &[capture, cancel], 1, adds_up, |store, ends| {
        if let End::Done(Ok(status)) = &ends[1] {
            assert!(matches!(status, Status::Voided | Status::Refunded), "{ends:?}");
        }
        nothing_is_kept(store);
        let after = now(payments(store.clone()).capture(ID));
        assert!(matches!(after, Err(Refusal::Conflict(_))), "{after:?}");
    });
    assert!(explored.unwrap().states > 100);
}

#[test]
fn two_captures_charge_once_and_both_hear_of_it() {
    let explored = explore(held, &[capture, capture], 1, adds_up, |store, ends| {
        let heard =
            |end: &End<Outcome>| *end == End::Died || *end == End::Done(Ok(Status::Captured));
        assert!(ends.iter().all(heard), "{ends:?}");
        now(payments(store.clone()).capture(ID)).unwrap();
        assert_eq!((booked(store), at_the_provider(store).as_str()), ((500, 0), "taken"));
    });
    assert!(explored.unwrap().states > 100);
}

#[test]
fn a_capture_and_the_news_of_it_are_booked_once() {
    let explored = explore(held, &[capture, tell], 1, adds_up, |store, _| {
        now(payments(store.clone()).capture(ID)).unwrap();
        assert_eq!((booked(store), at_the_provider(store).as_str()), ((500, 0), "taken"));
    });
    assert!(explored.unwrap().states > 50);
}

#[test]
fn a_hold_and_its_own_cancellation_leave_nothing_held() {
    let explored = explore(MemoryStore::new, &[authorize, cancel], 1, adds_up, |store, ends| {
        let done = |end: &End<Outcome>| matches!(end, End::Done(Ok(_)));
        assert!(!(done(&ends[0]) && done(&ends[1]) && at_the_provider(store) == "held"));
        nothing_is_kept(store);
        let late = now(hold(store.clone()));
        assert!(matches!(late, Err(Refusal::Conflict(_))), "{late:?}");
    });
    assert!(explored.unwrap().states > 100);
}

#[test]
fn a_cancellation_and_the_news_of_the_capture_leave_nothing_charged() {
    // The provider has taken the money, and the answer to that never came.
    let taken = || {
        let store = held();
        now(Dull(store.clone()).take(&charge())).unwrap();
        store
    };
    let explored = explore(taken, &[cancel, tell], 1, adds_up, |store, _| {
        nothing_is_kept(store);
        assert_eq!(booked(store), (500, 500));
    });
    assert!(explored.unwrap().states > 50);
}
