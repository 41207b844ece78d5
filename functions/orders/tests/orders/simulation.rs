//! A simulated environment of orders: participants that keep the promises of their contracts and
//! fail as a test specifies, and processes that stop at any point where they wait.

mod fixtures;
mod participants;
mod ports;
mod shop;

pub(crate) use chassis::testing::run;
pub(crate) use fixtures::{place, place_as, placed, shipment_event};
pub(crate) use participants::{Participants, Payment};
pub(crate) use shop::{ADA, Shop, body};

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use chassis::events::Event;
use chassis::testing::{MemoryProducer, MemoryStore, ScriptedStore};
use orders::domain::saga::{Action, Fault};
use orders::domain::{Order, ShipmentStatus, Status, Step};
use orders::ports::Cart;
use orders::records::{Loaded, MARK_AGE_MS, Records};
use orders::service::{CancelError, EventOutcome, Orders, ResumeError};

pub(crate) const ID: &str = "ord_01930000-0000-7000-8000-000000000001";
/// The ordered quantity of each order.
pub(crate) const QUANTITY: u32 = 2;
pub(crate) const PRICE: i64 = 1_250;

/// How a participant answers one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Normal,
    Refused,
    /// The effect differs from the request.
    Mismatch,
    /// No effect.
    Unavailable,
    /// The request has no effect, which the caller does not know.
    RequestLost,
    /// The request has its effect, which the caller does not know.
    ResponseLost,
    /// The same, and a courier picks up the parcel.
    ResponseLostAndPickedUp,
}

/// What may happen to any step.
pub(crate) const ANSWERS: [Answer; 5] = [
    Answer::Normal,
    Answer::Refused,
    Answer::Unavailable,
    Answer::ResponseLost,
    Answer::RequestLost,
];

#[derive(Default)]
pub(crate) struct State {
    pub(crate) now_ms: u64,
    /// The number of waits so far, of all processes.
    waits: usize,
    /// The wait at which a process stops.
    stop_at: Option<usize>,
    /// The answers to the next calls of each action; later calls are answered normally.
    pub(crate) answers: BTreeMap<String, Vec<Answer>>,
    /// By order.
    pub(crate) participants: BTreeMap<String, Participants>,
    /// How many reservations of each order expire before they are committed.
    pub(crate) expiring_reservations: u32,
    pub(crate) cart: Cart,
    /// How long it takes to read an order.
    pub(crate) order_read_ms: u64,
    /// The number of operations of the store so far.
    pub(crate) reads: usize,
    pub(crate) writes: usize,
}

impl State {
    pub(crate) fn participants(&mut self, order_id: &str) -> &mut Participants {
        let expiring_reservations = self.expiring_reservations;
        let new = || Participants::new(expiring_reservations);
        self.participants.entry(order_id.to_owned()).or_insert_with(new)
    }

    fn next_answer(&mut self, call: &str) -> Answer {
        let answers = self.answers.entry(call.to_owned()).or_default();
        if answers.is_empty() { Answer::Normal } else { answers.remove(0) }
    }

    fn perform(&mut self, action: Action, order: &Order) -> Result<(), Fault> {
        if action == Action::Do(Step::ClearCart) {
            if order.placed.cart_version == Some(self.cart.version) {
                self.cart.lines.clear();
            }
            return Ok(());
        }
        self.participants(&order.placed.id).perform(action, order)
    }
}

#[derive(Clone)]
pub(crate) struct Simulation {
    state: Arc<Mutex<State>>,
    /// The store, without stops.
    pub(crate) store: MemoryStore,
    pub(crate) log: MemoryProducer,
}

pub(crate) type Process = Orders<ScriptedStore, Simulation, Simulation>;

impl Simulation {
    pub(crate) fn new() -> Self {
        let state = State { now_ms: 1_800_000_000_000, ..State::default() };
        let (store, log) = (MemoryStore::new(), MemoryProducer::new());
        Self { state: Arc::new(Mutex::new(state)), store, log }
    }

    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.lock().unwrap())
    }

    pub(crate) fn script(&self, call: &str, answers: &[Answer]) {
        self.with(|state| state.answers.insert(call.to_owned(), answers.to_vec()));
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.with(|state| state.now_ms += ms);
    }

    pub(crate) fn set_parcel(&self, order_id: &str, status: ShipmentStatus) {
        self.with(|state| state.participants(order_id).parcel = Some(status));
    }

    pub(crate) fn parcel(&self, order_id: &str) -> Option<ShipmentStatus> {
        self.with(|state| state.participants(order_id).parcel)
    }

    /// The service in a new process.
    pub(crate) fn process(&self) -> Process {
        self.named_process(&chassis::id::new("run"))
    }

    pub(crate) fn named_process(&self, owner: &str) -> Process {
        Orders::new(self.stopping_store(), self.clone(), self.clone(), owner.to_owned())
    }

    /// A point where a process waits, and may be stopped. Time passes.
    fn wait(&self) -> impl Future<Output = ()> + Send + use<> {
        let simulation = self.clone();
        let own = self.with(|state| {
            state.waits += 1;
            state.now_ms += 1;
            state.waits
        });
        std::future::poll_fn(move |_| {
            let stopped = simulation.with(|state| state.stop_at == Some(own));
            if stopped { Poll::Pending } else { Poll::Ready(()) }
        })
    }

    /// Stops the process that reaches the `wait`th wait from now.
    pub(crate) fn stop_after(&self, wait: usize) {
        self.with(|state| state.stop_at = Some(state.waits + wait));
    }

    pub(crate) fn release(&self) {
        self.with(|state| state.stop_at = None);
    }

    /// Performs these steps before the test starts.
    pub(crate) fn perform_steps(&self, order: &Order, steps: &[Step]) {
        let perform = |step: &Step| self.with(|it| it.perform(Action::Do(*step), order).unwrap());
        steps.iter().for_each(perform);
    }

    pub(crate) fn place(&self) -> Order {
        run(place(self.process()))
    }

    pub(crate) fn cancel(&self) -> Result<Order, CancelError> {
        run(self.process().cancel(ID, None)).map(|loaded| loaded.order)
    }

    pub(crate) fn resume(&self) -> Result<Order, ResumeError> {
        run(self.process().resume(ID, "usr_admin")).map(|loaded| loaded.order)
    }

    /// Reads the order, which continues it.
    pub(crate) fn touch(&self) -> Order {
        run(self.process().touch(ID)).unwrap().unwrap().order
    }

    /// Processes an event of shipping.
    pub(crate) fn receive(&self, event: &Event) {
        assert_eq!(run(self.process().process(event)).unwrap(), EventOutcome::Done);
    }

    /// Runs sweeps while time passes, until nothing is left to do.
    pub(crate) fn settle(&self, id: &str) -> Order {
        for round in 0..200 {
            if run(self.process().sweep()).unwrap().unfinished == 0 {
                break;
            }
            self.advance(31_000 + 60_000 * round);
        }
        // The marks of dead requests are removed when they are old.
        self.advance(MARK_AGE_MS + 1);
        run(self.process().sweep()).unwrap();
        self.loaded(id).order
    }

    pub(crate) fn loaded(&self, id: &str) -> Loaded {
        run(self.records().load(id)).unwrap().expect("the order exists")
    }

    pub(crate) fn records(&self) -> Records<MemoryStore> {
        Records::new(self.store.clone(), "test")
    }

    /// The types of the published events, abbreviated.
    pub(crate) fn published(&self) -> Vec<String> {
        let short = |event: Event| {
            let name = event.kind.strip_prefix("com.shop.orders.").unwrap();
            name.strip_suffix(".v1").unwrap().to_owned()
        };
        self.log.events().into_iter().map(short).collect()
    }

    /// Checks everything that must hold for a settled order.
    pub(crate) fn check(&self, order: &Order) {
        use Status::{Cancelled, Confirmed, Delivered, Rejected, Returned, Shipped};
        let served = matches!(order.status, Confirmed | Shipped | Delivered | Returned);
        assert!(served || matches!(order.status, Cancelled | Rejected), "not settled: {order:?}");
        let it = self.with(|state| state.participants(&order.placed.id).clone());
        assert_eq!(it.payment == Payment::Captured, served, "{it:?}: {order:?}");
        assert_ne!(it.payment, Payment::Authorized, "{order:?}");
        assert_eq!((it.is_sold(), it.is_reserved()), (served, false), "{it:?}: {order:?}");
        let is_shipped = it.parcel.is_some_and(|parcel| parcel != ShipmentStatus::Cancelled);
        assert_eq!(is_shipped, served, "{it:?}: {order:?}");
        assert!(it.captures <= 1, "{order:?}");
        assert_eq!(order.rejection.is_some(), order.status == Rejected);
        self.check_events(order);
        assert_eq!(run(self.records().unfinished().entries()), Ok(vec![]), "{order:?}");
        let audited = run(self.process().audit(0, 100)).unwrap().entries;
        let mut own = audited.iter().filter(|entry| entry.id == order.placed.id);
        let entry = own.next().expect("in the register");
        assert!(own.next().is_none(), "twice in the register");
        assert!(entry.settled && entry.faults.is_empty(), "{entry:?}");
    }

    /// Each change of the status was published once, in order, and nothing else.
    pub(crate) fn check_events(&self, order: &Order) {
        let events = self.log.events();
        let events = events.iter().filter(|it| it.subject.as_ref() == Some(&order.placed.id));
        let numbers: Vec<u64> = events.clone().map(|event| event.sequence().unwrap()).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{order:?}");
        let kinds: Vec<String> = events.map(|event| event.kind.clone()).collect();
        let kind = |name: &str| format!("com.shop.orders.order.{name}.v1");
        assert_eq!(
            (&kinds[0], kinds.last()),
            (&kind("placed"), Some(&kind(order.status.as_str())))
        );
        for name in ["confirmed", "rejected", "cancelled", "shipped", "delivered", "returned"] {
            assert!(kinds.iter().filter(|it| **it == kind(name)).count() <= 1, "{kinds:?}");
        }
        let outbox = self.loaded(&order.placed.id).record.outbox;
        assert_eq!((outbox.len(), outbox.last_sequence()), (0, numbers.len() as u64));
    }
}

/// Stops a new process at each of its waits in turn, until it ends before the stop. `work` is what
/// the process does; `while_stopped` happens while it is stopped, and may continue it to its end.
/// Returns the number of the waits.
pub(crate) fn at_every_wait<T>(
    prepare: impl Fn() -> Simulation,
    work: impl AsyncFn(Process) -> T,
    mut while_stopped: impl FnMut(&Simulation, &mut dyn FnMut() -> T),
) -> usize {
    for wait in 1..2_000 {
        let simulation = prepare();
        simulation.stop_after(wait);
        let mut work = pin!(work(simulation.process()));
        if step(work.as_mut()).is_ready() {
            return wait;
        }
        while_stopped(&simulation, &mut || {
            simulation.release();
            match step(work.as_mut()) {
                Poll::Ready(result) => result,
                Poll::Pending => panic!("stopped twice"),
            }
        });
    }
    panic!("the process does not end")
}

/// Continues a process until it ends or is stopped.
pub(crate) fn step<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
