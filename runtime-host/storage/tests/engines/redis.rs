//! The engine of Redis keeps the contract, with the keys and values of stock Spin.

use std::sync::Arc;

use servers::{REDIS, Server};
use tessera_redis::{Address, Connection, cmd};
use tessera_storage::{
    ErrorKind, Stores, SwapError,
    redis::{Options, Redis},
};

/// A server with an empty database, and an engine on it.
async fn engine() -> Option<(Server, Arc<Redis>)> {
    let server = Server::start(&REDIS).await?;
    let redis = Redis::new(address(&server), Options::default());
    Some((server, Arc::new(redis)))
}

fn address(server: &Server) -> Address {
    Address::parse(&format!("redis://{}/3", server.address())).unwrap()
}

mod contract {
    use super::{Stores, engine};

    tessera_storage::contract_tests!({
        let Some((server, engine)) = engine().await else { return };
        (engine.open("test").await.unwrap(), (server, engine))
    });

    tessera_storage::expiry_tests!({
        let Some((server, engine)) = engine().await else { return };
        let store = engine.open("test").await.unwrap();
        (engine, store, server)
    });
}

#[tokio::test]
async fn stock_spin_and_the_engine_see_the_same_keys() {
    let Some((server, engine)) = engine().await else { return };
    let spin =
        Connection::open(&address(&server), tessera_redis::Options::default()).await.unwrap();
    spin.query::<()>(cmd("SET").arg("key").arg("spin")).await.unwrap();
    spin.query::<i64>(cmd("INCRBY").arg("count").arg(41)).await.unwrap();
    let store = engine.open("default").await.unwrap();
    assert_eq!(store.keys(None, 10).await.unwrap().keys, ["count", "key"]);
    assert_eq!(store.get("key".into()).await, Ok(Some(b"spin".to_vec())));
    assert_eq!(store.increment("count".into(), 1).await, Ok(42));
    assert_eq!(spin.query::<String>(cmd("GET").arg("count")).await.unwrap(), "42");
    store.set("key".into(), b"tessera".to_vec()).await.unwrap();
    assert_eq!(spin.query::<String>(cmd("GET").arg("key")).await.unwrap(), "tessera");
    let keys: Vec<String> = spin.query(cmd("KEYS").arg("*")).await.unwrap();
    assert_eq!(keys.len(), 2, "no other keys are needed: {keys:?}");
}

#[tokio::test]
async fn a_write_of_another_program_is_a_conflict() {
    let Some((server, engine)) = engine().await else { return };
    let other = Redis::new(address(&server), Options::default()).open("test").await.unwrap();
    let store = engine.open("test").await.unwrap();
    let absent = store.read_versioned("key".into()).await.unwrap();
    other.set("key".into(), b"1".to_vec()).await.unwrap();
    let conflict = store.compare_and_swap("key".into(), absent.version, b"2".to_vec()).await;
    let Err(SwapError::Conflict(found)) = conflict else { panic!("{conflict:?}") };
    assert_eq!(found.value, Some(b"1".to_vec()));
    other.set("key".into(), b"3".to_vec()).await.unwrap();
    let conflict = store.compare_and_swap("key".into(), found.version, b"4".to_vec()).await;
    let Err(SwapError::Conflict(found)) = conflict else { panic!("{conflict:?}") };
    store.compare_and_swap("key".into(), found.version, b"5".to_vec()).await.unwrap();
    assert_eq!(other.get("key".into()).await, Ok(Some(b"5".to_vec())));
}

#[tokio::test]
async fn keys_of_other_programs_do_no_harm() {
    let Some((server, engine)) = engine().await else { return };
    let other =
        Connection::open(&address(&server), tessera_redis::Options::default()).await.unwrap();
    other.query::<()>(cmd("SET").arg(&b"\xff"[..]).arg("not UTF-8")).await.unwrap();
    other.query::<()>(cmd("RPUSH").arg("list").arg("x")).await.unwrap();
    let store = engine.open("test").await.unwrap();
    assert_eq!(store.keys(None, 10).await.unwrap().keys, ["list"]);
    assert_eq!(store.get("list".into()).await.unwrap_err().kind, ErrorKind::Invalid);
    let many = store.get_many(vec!["list".into()]).await;
    assert_eq!(many.unwrap_err().kind, ErrorKind::Invalid);
    store.expire_at("list".into(), 1).await.unwrap();
    assert_eq!(store.keys(None, 10).await.unwrap().keys, ["list"]);
    let reserved = store.set("tessera:expiry".into(), vec![1]).await.unwrap_err();
    assert_eq!(reserved.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn a_store_is_unavailable_while_its_server_is_gone() {
    let Some((mut server, engine)) = engine().await else { return };
    let store = engine.open("test").await.unwrap();
    store.set("key".into(), b"value".to_vec()).await.unwrap();
    server.kill().await;
    while store.get("key".into()).await.is_ok() {}
    let error = store.get("key".into()).await.unwrap_err();
    assert_eq!((error.kind, error.is_retryable()), (ErrorKind::Unavailable, true));
    server.start_again().await;
    let value = loop {
        match store.get("key".into()).await {
            Ok(value) => break value,
            Err(error) => assert_eq!(error.kind, ErrorKind::Unavailable, "{error}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(value, Some(b"value".to_vec()), "the server has written it to its file");
    engine.close().await.unwrap();
    assert_eq!(store.get("key".into()).await.unwrap_err().kind, ErrorKind::Unavailable);
}
