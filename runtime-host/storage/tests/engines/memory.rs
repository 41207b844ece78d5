//! The engine without a disk keeps the contract, and its bound.

use tessera_storage::{
    ErrorKind, Stores,
    memory::{Memory, Options},
};

mod contract {
    use super::{Memory, Stores};

    tessera_storage::contract_tests!((Memory::default().open("test").await.unwrap(), ()));

    tessera_storage::expiry_tests!({
        let engine = std::sync::Arc::new(Memory::default());
        let store = engine.open("test").await.unwrap();
        (engine, store, ())
    });
}

#[tokio::test]
async fn a_store_takes_no_more_than_its_bytes() {
    let engine = Memory::new(Options { store_bytes_max: 10, ..Options::default() });
    let store = engine.open("small").await.unwrap();
    store.set("a".into(), vec![0; 9]).await.unwrap();
    let full = store.set("b".into(), Vec::new()).await.unwrap_err();
    assert_eq!(full.kind, ErrorKind::Full);
    let batch = vec![("a".into(), Vec::new()), ("b".into(), vec![0; 9])];
    assert_eq!(store.set_many(batch).await.unwrap_err().kind, ErrorKind::Full);
    assert_eq!(store.get("a".into()).await, Ok(Some(vec![0; 9])), "none of the batch is stored");
    store.set("a".into(), vec![0; 5]).await.unwrap();
    store.set("b".into(), vec![0; 3]).await.unwrap();
    store.delete("a".into()).await.unwrap();
    store.set("c".into(), vec![0; 5]).await.unwrap();
}

#[tokio::test]
async fn expiry_times_take_space_until_they_have_passed() {
    let engine = Memory::new(Options { store_bytes_max: 18, ..Options::default() });
    let store = engine.open("small").await.unwrap();
    for key in ["a", "b", "a"] {
        store.expire_at(key.into(), 1).await.unwrap();
    }
    let full = store.expire_at("c".into(), 1).await.unwrap_err();
    assert_eq!(full.kind, ErrorKind::Full);
    assert_eq!(store.set("d".into(), Vec::new()).await.unwrap_err().kind, ErrorKind::Full);
    store.delete("a".into()).await.unwrap();
    store.set("d".into(), vec![0; 8]).await.unwrap();
    assert_eq!(engine.sweep_expired(1).await, Ok(1));
    store.set("e".into(), vec![0; 8]).await.unwrap();
}

#[tokio::test]
async fn labels_name_stores_and_close_ends_them() {
    let engine = Memory::default();
    let one = engine.open("one").await.unwrap();
    let two = engine.open("two").await.unwrap();
    one.set("key".into(), vec![1]).await.unwrap();
    assert_eq!(two.get("key".into()).await, Ok(None));
    assert_eq!(engine.open("one").await.unwrap().get("key".into()).await, Ok(Some(vec![1])));
    assert_eq!(engine.open("").await.err().unwrap().kind, ErrorKind::Invalid);
    engine.close().await.unwrap();
    let late = one.set("key".into(), vec![2]).await.unwrap_err();
    assert_eq!((late.kind, late.is_retryable()), (ErrorKind::Unavailable, true));
}
