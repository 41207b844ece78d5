//! Sockets of guests: which addresses and names they may use, and how many.

use crate::support::{Application, application, assert_problem, soon};
use harness::Host;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;

/// A guest that may use these addresses.
fn guest(allowed: &[&str], more: &str) -> Application {
    application(&format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n[component.guest]\n\
         source = \"$services\"\nallowed_outbound_hosts = {allowed:?}\n{more}"
    ))
}

/// A server that answers each connection with what it has sent first, and then closes it.
async fn tcp_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut message = [0; 1024];
                let length = stream.read(&mut message).await.unwrap_or(0);
                let _ = stream.write_all(&message[..length]).await;
            });
        }
    });
    address
}

/// A server that only accepts connections.
async fn silent_server() -> (SocketAddr, mpsc::UnboundedReceiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, accepted) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = sender.send(stream);
        }
    });
    (address, accepted)
}

/// A server that answers each datagram with the same.
pub(crate) async fn udp_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut datagram = [0; 1024];
        while let Ok((length, from)) = socket.recv_from(&mut datagram).await {
            let _ = socket.send_to(&datagram[..length], from).await;
        }
    });
    address
}

/// Waits until the log tells the operator this.
async fn warned(host: &Host, words: &str) {
    let told = |line: &serde_json::Value| {
        line["level"] == "WARN" && line["message"].as_str().is_some_and(|text| text.contains(words))
    };
    host.log_line(told).await;
}

#[tokio::test]
async fn a_guest_connects_to_an_allowed_address_by_both_generations_of_wasi() {
    let server = tcp_server().await;
    let host = guest(&[&format!("tcp://{server}")], "").host().start().await;
    for path in ["/tcp", "/tcp-0-3"] {
        let answer = host.client().get(&format!("{path}?to={server}&send=hello")).await;
        assert_eq!(answer.expect(200).text(), "hello", "{path}");
    }
}

#[tokio::test]
async fn datagrams_go_to_allowed_addresses_and_come_from_them() {
    let server = udp_server().await;
    let host = guest(&[&format!("udp://{server}")], "").host().start().await;
    for path in ["/udp", "/udp-0-3"] {
        let answer = host.client().get(&format!("{path}?to={server}&send=hello")).await;
        assert_eq!(answer.expect(200).text(), "hello", "{path}");
    }
}

#[tokio::test]
async fn another_address_is_denied_and_the_log_says_how_to_allow_it() {
    let (tcp, other, udp) = (tcp_server().await, tcp_server().await, udp_server().await);
    let allowed = [format!("tcp://{tcp}"), format!("http://{other}"), format!("tcp://{udp}")];
    let allowed: Vec<_> = allowed.iter().map(String::as_str).collect();
    let host = guest(&allowed, "").host().start().await;
    for path in ["/tcp", "/tcp-0-3"] {
        let answer = host.client().get(&format!("{path}?to={other}&send=hello")).await;
        let text = answer.expect(502).text();
        assert!(text.contains("Denied"), "{path}: {text}");
    }
    warned(&host, &format!("may not connect to `tcp://{other}`: add this address")).await;
    for path in ["/udp", "/udp-0-3"] {
        let answer = host.client().get(&format!("{path}?to={udp}&send=hello")).await;
        let text = answer.expect(502).text();
        assert!(text.contains("Denied"), "{path}: {text}");
    }
    warned(&host, &format!("may not connect to `udp://{udp}`")).await;
}

#[tokio::test]
async fn an_allowed_name_can_be_looked_up_and_connected_to() {
    let server = tcp_server().await;
    let port = server.port();
    let host = guest(&[&format!("tcp://localhost:{port}")], "").host().start().await;
    let get = async |target: &str| host.client().get(target).await;
    assert!(get("/lookup?name=localhost").await.expect(200).text().contains("127.0.0.1"));
    assert_ne!(get("/lookup-0-3?name=localhost").await.expect(200).text(), "0");
    let answer = get(&format!("/tcp?to=localhost:{port}&send=hello")).await;
    assert_eq!(answer.expect(200).text(), "hello");
    let other = tcp_server().await.port();
    get(&format!("/tcp?to=localhost:{other}&send=hello")).await.expect(502);
    for path in ["/lookup", "/lookup-0-3"] {
        get(&format!("{path}?name=other.example")).await.expect(502);
    }
    warned(&host, "may not look up the name `other.example`").await;
}

#[tokio::test]
async fn a_guest_may_not_listen_even_where_all_addresses_are_allowed() {
    let host = guest(&["*://*:*"], "").host().start().await;
    for on in ["127.0.0.1:0", "0.0.0.0:0"] {
        let text = host.client().get(&format!("/listen?on={on}")).await.expect(502).text();
        assert!(text.contains("PermissionDenied"), "{on}: {text}");
    }
    warned(&host, "may not listen on").await;
}

#[tokio::test]
async fn the_sockets_of_an_instance_are_limited() {
    let (server, _accepted) = silent_server().await;
    let host = guest(&["*://*:*"], "").host().start().await;
    for target in [format!("/hold-tcp?to={server}&count=300"), "/hold-0-3?count=300".to_owned()] {
        let text = host.client().get(&target).await.expect(502).text();
        assert!(text.starts_with("128: "), "{target}: {text}");
        // They are closed when the call ends.
        host.client().get(&target.replace("300", "100")).await.expect(200);
    }
    warned(&host, "128 open sockets").await;
}

#[tokio::test]
async fn the_sockets_of_all_components_have_the_limit_of_the_operator() {
    let (server, mut accepted) = silent_server().await;
    for limit in ["max_socket_connections", "max_total_connections"] {
        let config = format!("[outbound_networking]\n{limit} = 2\n");
        let more = "[[trigger.http]]\nroute = \"/hold-udp\"\ncomponent = \"other\"\n\
                    [component.other]\nsource = \"$services\"\n\
                    allowed_outbound_hosts = [\"*://*:*\"]\n";
        let app = guest(&["*://*:*"], more).with_file("rc.toml", config);
        let config = app.folder().join("rc.toml");
        let host = app.host().argument("--runtime-config-file").argument(config).start().await;
        let get = async |target: &str| host.client().get(target).await;
        for kind in ["hold-tcp", "hold-udp", "hold-tcp-0-3", "hold-udp-0-3"] {
            // A socket of TCP counts when it connects, and one of UDP from the start.
            let target = |count| format!("/{kind}?to={server}&count={count}");
            let text = get(&target(3)).await.expect(502).text();
            assert!(text.starts_with("2: "), "{limit}: {kind}: {text}");
            if kind.ends_with("0-3") {
                assert!(text.contains("too many sockets are open"), "{text}");
            }
            // They are closed when the call ends.
            get(&target(2)).await.expect(200);
        }
        while accepted.try_recv().is_ok() {}
        // One component holds a connection, so another one has one less.
        let held = host.client().spawn_get(format!("/tcp?to={server}&send=hello"));
        let mut stream = soon(accepted.recv()).await.unwrap();
        soon(stream.read_exact(&mut [0; 5])).await.unwrap();
        let text = get("/hold-udp?count=2").await.expect(502).text();
        assert!(text.starts_with("1: "), "{limit}: {text}");
        warned(&host, limit).await;
        stream.write_all(b"bye").await.unwrap();
        drop(stream);
        assert_eq!(soon(held).await.unwrap().expect(200).text(), "bye");
        get("/hold-udp?count=2").await.expect(200);
    }
}

#[tokio::test]
async fn a_connection_ends_with_the_deadline_of_its_call() {
    let (server, mut accepted) = silent_server().await;
    let limits = "tool.tessera.limits = { deadline_ms = 500 }\n";
    let host = guest(&["*://*:*"], limits).host().start().await;
    for path in ["/tcp", "/tcp-0-3"] {
        let answer = host.client().get(&format!("{path}?to={server}&send=hello")).await;
        assert_problem(&answer, 504, "deadline-exceeded");
        let mut stream = soon(accepted.recv()).await.unwrap();
        let mut read = Vec::new();
        // The message, and then the end: an instance that was stopped holds nothing.
        let _ = soon(stream.read_to_end(&mut read)).await;
        assert_eq!(read, b"hello", "{path}");
    }
}
