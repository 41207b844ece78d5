//! Components of the snapshots of WASI that were published before its releases. Each also imports
//! a release: the one that Rust's standard library uses.

use crate::sockets::udp_server;
use crate::support::{Application, application};
use bytes::Bytes;
use http::Method;
use std::net::SocketAddr;

/// Two requests get their own bodies back, and what the guest sees: a header field, and a variable
/// by the snapshot and by the release.
async fn serves(guest: &str) {
    let component = Application::GUEST.replace("$p3", guest);
    let manifest = format!("{component}environment = {{ PLACE = \"here\" }}\n");
    let host = application(&manifest).host().start().await;
    for text in ["one", "two"] {
        let client = host.client().with("x-sent", text);
        let body = Bytes::from(text.repeat(1000));
        let answer = client.send(Method::POST, "/", Some("text/plain"), body.clone()).await;
        let answer = answer.expect(200);
        assert_eq!(answer.header("x-seen"), format!("{text} here here"));
        assert_eq!(answer.body, body);
    }
}

#[tokio::test]
async fn the_snapshot_of_october_2023_is_served_beside_the_release() {
    serves("$october").await;
}

#[tokio::test]
async fn the_snapshot_of_november_2023_is_served_beside_the_release() {
    serves("$november").await;
}

#[tokio::test]
async fn the_release_candidate_of_march_2026_is_served_beside_the_release() {
    serves("$march").await;
}

#[tokio::test]
async fn datagrams_of_october_2023_are_sent_and_received() {
    let server = udp_server().await;
    let allowed = |to: SocketAddr| {
        let component = Application::GUEST.replace("$p3", "$october");
        application(&format!(
            "{component}allowed_outbound_hosts = [\"udp://{to}\"]\nenvironment = {{ PLACE = \"\" }}\n"
        ))
    };
    let host = allowed(server).host().start().await;
    for how in ["connected", "bound"] {
        let answer = host.client().get(&format!("/{how}?{server}")).await;
        assert_eq!(answer.expect(200).text(), "one two", "{how}");
        let text = host.client().get(&format!("/{how}?127.0.0.1:9")).await.expect(502).text();
        assert!(text.contains("access-denied"), "{how}: {text}");
    }
}
