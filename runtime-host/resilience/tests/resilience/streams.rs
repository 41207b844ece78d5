use std::net::IpAddr;

use tessera_resilience::streams::{OpenError, Options, Streams};

fn streams(streams_max: usize, streams_per_client_max: usize) -> Streams {
    Streams::new(Options { streams_max, streams_per_client_max })
}

fn client(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn a_stream_over_the_limit_is_refused_until_another_one_ends() {
    let streams = streams(2, 2);
    let first = streams.open(None).unwrap();
    let _second = streams.open(client("192.0.2.1")).unwrap();
    assert_eq!(streams.open(None).err(), Some(OpenError::Full));
    assert_eq!(streams.running(), 2);
    drop(first);
    let _third = streams.open(client("192.0.2.1")).unwrap();
    assert_eq!(streams.running(), 2);
}

#[test]
fn one_client_cannot_take_all_streams() {
    let streams = streams(10, 2);
    let own = [(); 2].map(|()| streams.open(client("192.0.2.1")).unwrap());
    assert_eq!(streams.open(client("192.0.2.1")).err(), Some(OpenError::ClientFull));
    let _other = streams.open(client("192.0.2.2")).unwrap();
    let _unknown = streams.open(None).unwrap();
    drop(own);
    assert_eq!(streams.running(), 2);
    let _again = streams.open(client("192.0.2.1")).unwrap();
}

#[test]
fn the_addresses_of_one_network_are_one_client() {
    for (one, other) in
        [("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"), ("192.0.2.1", "::ffff:192.0.2.1")]
    {
        let streams = streams(10, 1);
        let _first = streams.open(client(one)).unwrap();
        assert_eq!(streams.open(client(other)).err(), Some(OpenError::ClientFull), "{one} {other}");
    }
    let streams = streams(10, 1);
    let _first = streams.open(client("2001:db8:0:1::1")).unwrap();
    let _second = streams.open(client("2001:db8:0:2::1")).unwrap();
}
