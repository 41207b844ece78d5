//! Connections against a real server.

#![allow(clippy::unwrap_used, clippy::panic)]

use servers::{REDIS, Server};
use std::time::Duration;
use tessera_redis::{Address, Connection, Error, Message, Options, Shared, Subscription, cmd};

fn address(server: &Server) -> Address {
    Address::parse(&format!("redis://{}", server.address())).unwrap()
}

fn small() -> Options {
    Options { reply_max_bytes: 100_000, ..Options::default() }
}

#[tokio::test]
async fn a_reply_that_is_too_large_ends_the_connection_and_the_next_one_works() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let shared = Shared::new(address(&server), small());
    shared.query::<()>(cmd("SETRANGE").arg("large").arg(1_000_000).arg("x")).await.unwrap();
    let error = shared.query::<Vec<u8>>(cmd("GET").arg("large")).await.unwrap_err();
    assert_eq!(error, Error::TooLarge { max_bytes: 100_000 });
    let length: usize = shared.query(cmd("STRLEN").arg("large")).await.unwrap();
    assert_eq!(length, 1_000_001);
}

#[tokio::test]
async fn a_shared_connection_comes_back_with_its_server() {
    let Some(mut server) = Server::start(&REDIS).await else { return };
    let shared = Shared::new(address(&server), Options::default());
    shared.query::<()>(cmd("SET").arg("key").arg("value")).await.unwrap();
    server.kill().await;
    while shared.query::<String>(cmd("GET").arg("key")).await.is_ok() {}
    let error = shared.query::<String>(cmd("GET").arg("key")).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    server.start_again().await;
    let value = loop {
        // Attempts right after a failed one fail at once.
        match shared.query::<String>(cmd("GET").arg("key")).await {
            Ok(value) => break value,
            Err(Error::Connect { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(value, "value");
}

#[tokio::test]
async fn errors_of_the_server_are_told_apart() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let connection = Connection::open(&address(&server), Options::default()).await.unwrap();
    connection.query::<()>(cmd("SET").arg("key").arg("value")).await.unwrap();
    let error = connection.query::<i64>(cmd("LLEN").arg("key")).await.unwrap_err();
    assert!(matches!(&error, Error::Refused { code, .. } if code == "WRONGTYPE"), "{error:?}");
    let error = connection.query::<i64>(cmd("GET").arg("key")).await.unwrap_err();
    assert!(matches!(&error, Error::UnexpectedReply(_)), "{error:?}");
    assert!(connection.is_usable());
    let wrong = Address::parse("redis://:secret@127.0.0.1:1").unwrap();
    let error = Connection::open(&wrong, Options::default()).await.err().unwrap();
    assert!(error.to_string().contains("redis://127.0.0.1:1"), "{error}");
    let wrong = Address::parse(&format!("redis://u:secret@{}", server.address())).unwrap();
    let error = Connection::open(&wrong, Options::default()).await.err().unwrap().to_string();
    assert!(error.contains("127.0.0.1") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let Some(server) = Server::start(&REDIS).await else { return };
    server.pause();
    let options = Options { connect_timeout: Duration::from_millis(50), ..Options::default() };
    let error = Connection::open(&address(&server), options).await.err().unwrap();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    let opened = Subscription::open(&address(&server), &["news".into()], options).await;
    assert!(matches!(opened.err(), Some(Error::Connect { .. })));
    server.resume();
    let options = Options { response_timeout: Some(Duration::from_millis(50)), ..small() };
    let connection = Connection::open(&address(&server), options).await.unwrap();
    let error = connection.query::<()>(cmd("BLPOP").arg("none").arg(0)).await.unwrap_err();
    assert_eq!(error, Error::Timeout);
}

#[tokio::test]
async fn messages_of_all_channels_arrive_in_order_until_one_is_too_large() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let address = address(&server);
    let channels = ["a".to_owned(), "b".to_owned()];
    let mut subscription = Subscription::open(&address, &channels, small()).await.unwrap();
    let publisher = Connection::open(&address, Options::default()).await.unwrap();
    for (channel, payload) in [("a", "1"), ("c", "2"), ("b", "3"), ("a", "")] {
        publisher.query::<()>(cmd("PUBLISH").arg(channel).arg(payload)).await.unwrap();
    }
    for (channel, payload) in [("a", "1"), ("b", "3"), ("a", "")] {
        let expected = Message { channel: channel.into(), payload: payload.into() };
        assert_eq!(subscription.next().await, Ok(expected));
    }
    publisher.query::<()>(cmd("PUBLISH").arg("a").arg(vec![0_u8; 200_000])).await.unwrap();
    assert_eq!(subscription.next().await, Err(Error::TooLarge { max_bytes: 100_000 }));
}
