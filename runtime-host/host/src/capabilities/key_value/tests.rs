//! The three interfaces over stores in memory, called the way that wasmtime calls them.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::{Handle, Operation, spin_v2};
use crate::calls::Loopback;
use crate::capabilities::bindings::fermyon::spin::key_value as v2;
use crate::capabilities::bindings::spin::key_value::key_value as v3;
use crate::capabilities::bindings::wasi::keyvalue::{atomics, batch, store};
use crate::capabilities::handles::OPEN_HANDLES_MAX;
use crate::capabilities::outbound_http::{
    Client, NetworkContext, Outbound, OutboundPolicy, OwnAddress, RequestPolicies,
};
use crate::capabilities::variables::Variables;
use crate::capabilities::{DatabaseServers, Grants, State};
use crate::engine::{ComponentContext, CurrentCall, InstanceBudget, Role};
use crate::telemetry::Telemetry;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tessera_resilience::Deadline;
use tessera_storage::{Stores, memory::Memory};
use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    FutureConsumer, HasSelf, Resource, Source, StreamConsumer, StreamResult,
};

type Own = HasSelf<State>;

/// One instance of a component that may open the store `cart`.
async fn instance() -> State {
    let stores = Memory::default();
    let cart = stores.open("cart").await.unwrap();
    let telemetry = Arc::<Telemetry>::default();
    let network = NetworkContext {
        registry: Arc::default(),
        client: Client::new(None, &OutboundPolicy::default()).unwrap(),
        own: OwnAddress { scheme: http::uri::Scheme::HTTP, socket: ([127, 0, 0, 1], 3000).into() },
        readiness: Arc::default(),
        is_traced: true,
        faults: None,
        loopback: Loopback::default(),
    };
    let component = ComponentContext {
        id: "cart".into(),
        limits: Default::default(),
        cycle: None,
        environment: Vec::new(),
        role: Role::default(),
        files: Vec::new(),
        output: Default::default(),
        telemetry,
        usage: Default::default(),
    };
    let grants = Grants {
        databases: BTreeMap::new(),
        models: BTreeSet::new(),
        llm: None,
        stores: BTreeMap::from([("cart".to_owned(), cart)]),
        variables: Variables::default(),
        outbound: Arc::new(Outbound::new(Vec::new(), RequestPolicies::none(), Arc::new(network))),
        servers: DatabaseServers::default(),
        redis: Default::default(),
    };
    State::new(&Arc::new(component), &Arc::new(grants), &InstanceBudget::of_test()).unwrap()
}

async fn opened() -> (State, Resource<Handle>) {
    let mut state = instance().await;
    let bucket = store::Host::open(&mut state, "cart".into()).await.unwrap().unwrap();
    (state, bucket)
}

/// Handles are owned by the guest's side; tests use one more than once.
fn again<T: 'static>(handle: &Resource<T>) -> Resource<T> {
    Resource::new_borrow(handle.rep())
}

fn own<T: 'static>(handle: &Resource<T>) -> Resource<T> {
    Resource::new_own(handle.rep())
}

fn outcomes(state: &State) -> Vec<(String, String)> {
    let spans = state.component.telemetry.traces.all();
    spans.into_iter().map(|span| (span.operation.to_string(), span.outcome)).collect()
}

#[tokio::test]
async fn only_stores_of_the_manifest_can_be_opened() {
    let mut state = instance().await;
    let denied = store::Host::open(&mut state, "orders".into()).await.unwrap();
    assert!(matches!(denied, Err(store::Error::AccessDenied)));
    let denied = v2::HostStore::open(&mut state, "orders".into()).await.unwrap();
    assert!(matches!(denied, Err(v2::Error::AccessDenied)));
    v2::HostStore::open(&mut state, "cart".into()).await.unwrap().unwrap();
}

#[tokio::test]
async fn open_handles_are_bounded_and_closing_makes_room() {
    let mut state = instance().await;
    let mut handles = Vec::new();
    for _ in 0..OPEN_HANDLES_MAX {
        handles.push(v2::HostStore::open(&mut state, "cart".into()).await.unwrap().unwrap());
    }
    let full = v2::HostStore::open(&mut state, "cart".into()).await.unwrap();
    assert!(matches!(full, Err(v2::Error::StoreTableFull)));
    let full = store::Host::open(&mut state, "cart".into()).await.unwrap();
    assert!(matches!(full, Err(store::Error::Other(text)) if text.contains("256")));
    v2::HostStore::drop(&mut state, handles.pop().unwrap()).await.unwrap();
    v2::HostStore::open(&mut state, "cart".into()).await.unwrap().unwrap();
}

#[tokio::test]
async fn all_interfaces_see_one_store_and_each_operation_is_a_span() {
    let (mut state, bucket) = opened().await;
    let handle = v2::HostStore::open(&mut state, "cart".into()).await.unwrap().unwrap();
    v2::HostStore::set(&mut state, handle, "a".into(), b"1".to_vec()).await.unwrap().unwrap();
    let value = store::HostBucket::get(&mut state, again(&bucket), "a".into()).await.unwrap();
    assert_eq!(value.unwrap(), Some(b"1".to_vec()));
    store::HostBucket::delete(&mut state, again(&bucket), "a".into()).await.unwrap().unwrap();
    let there = store::HostBucket::exists(&mut state, again(&bucket), "a".into()).await.unwrap();
    assert!(!there.unwrap());
    let spans = ["set", "get", "delete", "exists"].map(|name| (name.into(), "ok".into()));
    assert_eq!(outcomes(&state), spans);
}

#[tokio::test]
async fn of_two_swaps_on_an_absent_key_one_wins_and_the_other_gets_a_fresh_handle() {
    let (mut state, bucket) = opened().await;
    let state = &mut state;
    let one = atomics::HostCas::new(state, again(&bucket), "k".into()).await.unwrap().unwrap();
    let two = atomics::HostCas::new(state, again(&bucket), "k".into()).await.unwrap().unwrap();
    let current = atomics::HostCas::current(state, again(&two)).await.unwrap().unwrap();
    assert_eq!(current, None);
    atomics::Host::swap(state, own(&one), b"1".to_vec()).await.unwrap().unwrap();
    let lost = atomics::Host::swap(state, own(&two), b"2".to_vec()).await.unwrap();
    let Err(atomics::CasError::CasFailed(fresh)) = lost else { panic!("{lost:?}") };
    let current = atomics::HostCas::current(state, again(&fresh)).await.unwrap().unwrap();
    assert_eq!(current, Some(b"1".to_vec()));
    atomics::Host::swap(state, own(&fresh), b"2".to_vec()).await.unwrap().unwrap();
    let refused = outcomes(state).iter().filter(|(_, outcome)| outcome == "refused").count();
    assert_eq!(refused, 1, "a lost race is no failure of the store");
}

#[tokio::test]
async fn a_swap_compares_with_what_the_guest_has_seen_last() {
    let (mut state, bucket) = opened().await;
    let state = &mut state;
    let swap = atomics::HostCas::new(state, again(&bucket), "k".into()).await.unwrap().unwrap();
    atomics::HostCas::current(state, again(&swap)).await.unwrap().unwrap();
    store::HostBucket::set(state, again(&bucket), "k".into(), b"1".to_vec())
        .await
        .unwrap()
        .unwrap();
    let seen = atomics::HostCas::current(state, again(&swap)).await.unwrap().unwrap();
    assert_eq!(seen, Some(b"1".to_vec()));
    atomics::Host::swap(state, own(&swap), b"2".to_vec()).await.unwrap().unwrap();
    let sum = atomics::Host::increment(state, again(&bucket), "n".into(), 5).await.unwrap();
    assert_eq!(sum.unwrap(), 5);
}

#[tokio::test]
async fn batches_keep_the_order_of_keys() {
    let (mut state, bucket) = opened().await;
    let entries = vec![("a".into(), b"1".to_vec()), ("c".into(), b"3".to_vec())];
    batch::Host::set_many(&mut state, again(&bucket), entries).await.unwrap().unwrap();
    let keys: Vec<String> = ["c", "b", "a"].map(Into::into).to_vec();
    let values = batch::Host::get_many(&mut state, again(&bucket), keys.clone()).await.unwrap();
    let values = values.unwrap();
    assert_eq!(values[0], ("c".into(), Some(b"3".to_vec())));
    assert_eq!(values[1], ("b".into(), None));
    batch::Host::delete_many(&mut state, again(&bucket), keys).await.unwrap().unwrap();
    let page = store::HostBucket::list_keys(&mut state, again(&bucket), None).await.unwrap();
    assert!(page.unwrap().keys.is_empty());
}

#[tokio::test]
async fn an_expired_deadline_lets_no_operation_start() {
    let (mut state, bucket) = opened().await;
    state.call = CurrentCall::none(Deadline::after(Duration::ZERO));
    let set = store::HostBucket::set(&mut state, again(&bucket), "k".into(), Vec::new());
    let refused = set.await.unwrap();
    assert!(matches!(refused, Err(store::Error::Other(text)) if text.contains("deadline")));
    assert_eq!(outcomes(&state), [("set".into(), "deadline-exceeded".into())]);
    state.call.deadline = Deadline::after(Duration::from_secs(5));
    let there = store::HostBucket::exists(&mut state, again(&bucket), "k".into()).await.unwrap();
    assert!(!there.unwrap());
}

#[tokio::test]
async fn a_request_that_can_never_succeed_says_why() {
    let (mut state, bucket) = opened().await;
    let key = "k".repeat(100_000);
    let refused = store::HostBucket::get(&mut state, again(&bucket), key).await.unwrap();
    assert!(matches!(refused, Err(store::Error::Other(text)) if text.contains("the key has")));
}

#[tokio::test]
async fn a_listing_for_older_components_is_bounded() {
    let (mut state, bucket) = opened().await;
    let entries = (0..5).map(|n| (format!("k{n}"), Vec::new())).collect();
    batch::Host::set_many(&mut state, again(&bucket), entries).await.unwrap().unwrap();
    let cart = state.guest.grants.stores["cart"].clone();
    let listed = spin_v2::all_keys(&*cart, Operation::begin(&state, "get-keys"), 5).await;
    assert_eq!(listed.unwrap().len(), 5);
    let listed = spin_v2::all_keys(&*cart, Operation::begin(&state, "get-keys"), 4).await;
    assert!(format!("{listed:?}").contains("more than 4 keys"));
}

/// Reads a whole stream.
struct Collect(Arc<Mutex<Vec<String>>>);

impl<D> StreamConsumer<D> for Collect {
    type Item = String;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<D>,
        mut source: Source<'_, String>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut items: Vec<String> = Vec::with_capacity(100);
        source.read(store, &mut items)?;
        self.0.lock().unwrap().append(&mut items);
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

/// Reads a future.
struct Completion(Option<oneshot::Sender<Result<(), v3::Error>>>);

impl<D> FutureConsumer<D> for Completion {
    type Item = Result<(), v3::Error>;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<D>,
        mut source: Source<'_, Self::Item>,
        _: bool,
    ) -> Poll<wasmtime::Result<()>> {
        let mut outcome = None;
        source.read(store, &mut outcome)?;
        let sender = self.0.take().unwrap();
        sender.send(outcome.unwrap()).unwrap();
        Poll::Ready(Ok(()))
    }
}

fn concurrent_store(state: State) -> wasmtime::Store<State> {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    wasmtime::Store::new(&wasmtime::Engine::new(&config).unwrap(), state)
}

#[tokio::test]
async fn asynchronous_operations_and_a_stream_of_all_keys() {
    let mut store = concurrent_store(instance().await);
    let keys = Arc::new(Mutex::new(Vec::new()));
    let (sender, outcome) = oneshot::channel();
    let collected = keys.clone();
    let result = store.run_concurrent(async |accessor| {
        let accessor = &accessor.with_getter::<Own>(|state| state);
        let handle = <Own as v3::HostStoreWithStore<State>>::open(accessor, "cart".into());
        let handle = handle.await.unwrap().unwrap();
        for n in 0..700 {
            let key = format!("k{n:03}");
            v3::HostStoreWithStore::set(accessor, again(&handle), key, Vec::new())
                .await
                .unwrap()
                .unwrap();
        }
        let listing = v3::HostStoreWithStore::get_keys(accessor, again(&handle)).await;
        let (stream, future) = listing.unwrap();
        accessor.with(|mut access| {
            stream.pipe(&mut access, Collect(collected)).unwrap();
            future.pipe(&mut access, Completion(Some(sender))).unwrap();
        });
        outcome.await.unwrap()
    });
    result.await.unwrap().unwrap();
    let keys = keys.lock().unwrap();
    assert_eq!(keys.len(), 700);
    assert_eq!(keys.last().unwrap(), "k699");
    assert_eq!(outcomes(store.data()).last().unwrap(), &("get-keys".into(), "ok".into()));
}

#[tokio::test]
async fn everything_can_be_linked_side_by_side() {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    let engine = wasmtime::Engine::new(&config).unwrap();
    crate::capabilities::add_to_linker(&mut wasmtime::component::Linker::new(&engine)).unwrap();
}
