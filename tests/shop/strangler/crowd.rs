//! Customers who use the shop while its operators change modes.
//!
//! A phase is the time with one set of modes, or the time in which a mode changes. In each phase, each
//! customer makes one round of requests. A mode changes while all of them are in the middle of theirs.

use super::application::Application;
use super::client::Client;
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The phase that ends all customers.
const END: usize = usize::MAX;
const LEGACY: &str = "legacy";
const NEW: &str = "new";
const SHADOW: &str = "shadow";

/// A family of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Messages,
    Reads,
    Orders,
}

impl Kind {
    fn family(self) -> &'static str {
        match self {
            Kind::Messages => "notifications",
            Kind::Reads => "order-reads",
            Kind::Orders => "orders",
        }
    }
}

/// Who has answered in a phase: customer, kind, side. Only requests that began and ended in it.
type Seen = BTreeSet<(usize, u64, Kind, String)>;

/// What a customer has done.
struct Done {
    orders: Vec<String>,
    seen: Seen,
}

/// All customers.
pub(super) struct Crowd {
    clients: Vec<Client>,
    phase: watch::Sender<usize>,
    /// The last phase in which each customer has made a round.
    progress: Arc<Vec<AtomicUsize>>,
    running: Vec<JoinHandle<Done>>,
    orders: BTreeMap<u64, Vec<String>>,
    seen: Seen,
    /// What has changed with each phase: the mode of a kind.
    modes: Vec<(usize, Kind, &'static str)>,
}

impl Crowd {
    /// Registers this number of customers.
    pub(super) async fn register(application: &Application, count: usize) -> Self {
        let clients = (0..count).map(|number| Client::register(application.client(), number));
        Self {
            clients: join_all(clients).await,
            phase: watch::Sender::new(1),
            progress: Arc::new((0..count).map(|_| AtomicUsize::new(0)).collect()),
            running: Vec::new(),
            orders: BTreeMap::new(),
            seen: Seen::new(),
            modes: Vec::new(),
        }
    }

    pub(super) async fn place_one_order_each(&mut self) {
        let placed = self.clients.iter().map(|client| client.place("first"));
        for (client, (number, side)) in self.clients.iter().zip(join_all(placed).await) {
            assert_eq!(side, LEGACY);
            self.orders.entry(client.id).or_default().push(number);
        }
    }

    /// All customers begin.
    pub(super) fn begin(&mut self) {
        for (index, client) in self.clients.iter().enumerate() {
            let (client, phases) = (client.clone(), self.phase.subscribe());
            let progress = self.progress.clone();
            let finished = move |phase| progress[index].store(phase, Ordering::SeqCst);
            self.running.push(tokio::spawn(shop(client, phases, finished)));
        }
    }

    /// All customers end, and what they have done is checked.
    pub(super) async fn end(&mut self) {
        self.phase.send_replace(END);
        for (client, running) in self.clients.iter().zip(std::mem::take(&mut self.running)) {
            let done = running.await.expect("all requests of a customer succeed");
            self.orders.entry(client.id).or_default().extend(done.orders);
            self.seen.extend(done.seen);
        }
        self.check_cohorts();
    }

    /// Moves a kind through all modes: there, back, and there again.
    pub(super) async fn move_to_the_new_side(&mut self, application: &Application, kind: Kind) {
        let percent = |percent: u8| json!({"mode": "percent", "percent": percent});
        if kind != Kind::Orders {
            self.next_phase(application, kind, SHADOW, &json!({"mode": SHADOW})).await;
            check_comparisons(application, kind).await;
        }
        for (name, mode) in [
            ("10", percent(10)),
            ("50", percent(50)),
            (NEW, json!({"mode": NEW})),
            (LEGACY, json!({"mode": LEGACY})),
            (NEW, json!({"mode": NEW})),
        ] {
            self.next_phase(application, kind, name, &mode).await;
        }
    }

    async fn next_phase(
        &mut self,
        application: &Application,
        kind: Kind,
        name: &'static str,
        mode: &Value,
    ) {
        self.phase.send_modify(|phase| *phase += 1);
        application.set(kind.family(), mode.clone()).await;
        self.phase.send_modify(|phase| *phase += 1);
        let phase = *self.phase.borrow();
        self.modes.push((phase, kind, name));
        let what = format!("all customers make a round with {kind:?} at {name}");
        harness::eventually(&what, std::time::Duration::from_secs(60), async || {
            let failed = self.running.iter().any(JoinHandle::is_finished);
            assert!(!failed, "a request of a customer failed");
            let all = self.progress.iter().all(|last| last.load(Ordering::SeqCst) == phase);
            all.then_some(())
        })
        .await;
    }

    /// The sides that customers were served by, in this phase.
    fn sides(&self, phase: usize, kind: Kind) -> BTreeMap<u64, BTreeSet<&str>> {
        let mut sides: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
        for (_, customer, _, side) in
            self.seen.iter().filter(|seen| seen.0 == phase && seen.2 == kind)
        {
            sides.entry(*customer).or_default().insert(side.as_str());
        }
        sides
    }

    /// In each phase, each customer is served by one side; and who gets the new one with 10 % gets it
    /// with 50 %.
    fn check_cohorts(&self) {
        let mut cohorts: BTreeMap<(Kind, &str), BTreeSet<u64>> = BTreeMap::new();
        for (phase, kind, mode) in &self.modes {
            let sides = self.sides(*phase, *kind);
            assert!(!sides.is_empty(), "{kind:?} {mode}");
            let mixed: Vec<_> = sides.iter().filter(|(_, sides)| sides.len() > 1).collect();
            assert!(mixed.is_empty(), "{kind:?} {mode}: {mixed:?}");
            let new: BTreeSet<u64> =
                sides.iter().filter(|(_, sides)| sides.contains(NEW)).map(|it| *it.0).collect();
            match *mode {
                NEW => assert_eq!(new.len(), sides.len(), "{kind:?}"),
                LEGACY | SHADOW => assert!(new.is_empty(), "{kind:?} {mode}"),
                _ => {
                    assert!(!new.is_empty() && new.len() < sides.len(), "{kind:?} {mode}: {new:?}")
                }
            }
            cohorts.entry((*kind, *mode)).or_default().extend(new);
        }
        for kind in [Kind::Messages, Kind::Reads, Kind::Orders] {
            let (ten, fifty) = (&cohorts[&(kind, "10")], &cohorts[&(kind, "50")]);
            assert!(ten.is_subset(fifty), "{kind:?}: {ten:?} {fifty:?}");
        }
    }

    /// A client that has missed the response to its first order repeats it, in each mode.
    pub(super) async fn repeat_the_first_order(&self, application: &Application) {
        let client = &self.clients[0];
        for mode in [NEW, LEGACY] {
            application.set("orders", json!({ "mode": mode })).await;
            let (number, side) = client.place("first").await;
            assert_eq!((&number, side.as_str()), (&self.orders[&client.id][0], LEGACY));
        }
    }

    /// Both sides list each order and one message about it, and one mail was sent for each.
    pub(super) async fn check_that_nothing_is_lost_or_doubled(&self, application: &Application) {
        for side in [NEW, LEGACY] {
            for family in ["notifications", "order-reads"] {
                application.set(family, json!({ "mode": side })).await;
            }
            for client in &self.clients {
                let orders: BTreeSet<&str> =
                    self.orders[&client.id].iter().map(String::as_str).collect();
                assert_eq!(orders.len(), self.orders[&client.id].len(), "a number was given twice");
                assert_eq!(client.side_of("/legacy/api/orders").await, side);
                let is_whole = |list: &Value, name: &str| {
                    let listed = list[name].as_array().expect("a list");
                    let numbers: BTreeSet<&str> =
                        listed.iter().filter_map(|it| it["order"].as_str()).collect();
                    numbers == orders && listed.len() == orders.len()
                };
                client
                    .eventually_reads("/legacy/api/orders", |list| is_whole(list, "orders"))
                    .await;
                client
                    .eventually_reads("/legacy/api/notifications", |list| {
                        is_whole(list, "notifications")
                    })
                    .await;
            }
        }
        let mut mails: BTreeMap<String, usize> = BTreeMap::new();
        for to in application.mails().await {
            *mails.entry(to).or_default() += 1;
        }
        let expected: BTreeMap<String, usize> = self
            .clients
            .iter()
            .map(|client| (client.email.clone(), self.orders[&client.id].len()))
            .collect();
        assert_eq!(mails, expected);
    }

    /// An order that the older shop has numbered itself, with its customer.
    pub(super) fn an_order_of_the_older_shop(&self) -> (&Client, String) {
        let client = &self.clients[0];
        (client, self.orders[&client.id][0].clone())
    }
}

/// Nothing differed, and something was compared.
async fn check_comparisons(application: &Application, kind: Kind) {
    let status = application.status().await;
    let compared = &status["families"][kind.family()]["compared"];
    assert_eq!((&compared["different"], &compared["failed"]), (&0.into(), &0.into()), "{status:#}");
    let same = compared["same"].as_u64().unwrap_or(0) + compared["late"].as_u64().unwrap_or(0);
    assert!(same > 0, "{status:#}");
}

/// A customer: a round of requests in each phase, until the end.
async fn shop(
    client: Client,
    mut phases: watch::Receiver<usize>,
    finished: impl Fn(usize),
) -> Done {
    let mut done = Done { orders: Vec::new(), seen: Seen::new() };
    loop {
        let phase = *phases.borrow_and_update();
        if phase == END {
            return done;
        }
        round_of_requests(&client, &phases, phase, &mut done).await;
        finished(phase);
        phases.changed().await.expect("the crowd lives longer");
    }
}

async fn round_of_requests(
    client: &Client,
    phases: &watch::Receiver<usize>,
    phase: usize,
    done: &mut Done,
) {
    let (number, side) = client.place(&format!("phase-{phase}")).await;
    done.orders.push(number);
    let mut note = |kind, side| {
        // The phase may have ended before the request.
        if *phases.borrow() == phase {
            done.seen.insert((phase, client.id, kind, side));
        }
    };
    note(Kind::Orders, side);
    note(Kind::Reads, client.side_of("/legacy/api/orders").await);
    note(Kind::Messages, client.side_of("/legacy/api/notifications").await);
}
