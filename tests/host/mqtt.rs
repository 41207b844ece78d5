//! Messages for MQTT brokers, with Mosquitto.

use crate::support::{Application, application, assert_problem, soon};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use harness::{Answer, Host};
use servers::{MOSQUITTO, MOSQUITTO_WITH_PASSWORDS, MOSQUITTO_WITH_TLS, Server};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A guest that may use these addresses.
fn guest(allowed: &[&str], more: &str) -> Application {
    application(&format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n[component.guest]\n\
         source = \"$services\"\nallowed_outbound_hosts = {allowed:?}\n{more}"
    ))
}

/// A host with the guest, which may use this broker.
async fn started(broker: SocketAddr, more: &str) -> (Application, Host) {
    let app = guest(&[&format!("mqtt://{broker}")], more);
    let host = app.host().start().await;
    (app, host)
}

async fn publish(host: &Host, path: &str, broker: SocketAddr, more: &str) -> Answer {
    let client = path.trim_start_matches('/');
    let address = format!("mqtt://{broker}?client_id={client}");
    host.client().get(&format!("{path}?address={address}&topic=a/b&{more}")).await
}

/// A client that gets all messages of a broker.
struct Subscriber {
    stream: TcpStream,
    read: BytesMut,
}

impl Subscriber {
    async fn start(broker: SocketAddr) -> Self {
        let stream = TcpStream::connect(broker).await.unwrap();
        let mut subscriber = Self { stream, read: BytesMut::new() };
        let hello = b"\x10\x15\0\x04MQTT\x04\x02\0\0\0\x09the-tests";
        subscriber.stream.write_all(hello).await.unwrap();
        assert_eq!(subscriber.packet().await, (0x20, Bytes::from_static(b"\0\0")));
        // All topics, and at most the quality of the message.
        subscriber.stream.write_all(b"\x82\x06\0\x01\0\x01#\x02").await.unwrap();
        assert_eq!(subscriber.packet().await, (0x90, Bytes::from_static(b"\0\x01\x02")));
        subscriber
    }

    /// The next message: its quality, its topic and its payload.
    async fn next(&mut self) -> (u8, String, String) {
        loop {
            let (kind, mut body) = self.packet().await;
            if kind & 0xF0 != 0x30 {
                continue;
            }
            let quality = (kind >> 1) & 3;
            let length = usize::from(body.get_u16());
            let topic = String::from_utf8(body.split_to(length).to_vec()).unwrap();
            if quality > 0 {
                self.acknowledge(quality, body.get_u16()).await;
            }
            return (quality, topic, String::from_utf8(body.to_vec()).unwrap());
        }
    }

    async fn acknowledge(&mut self, quality: u8, number: u16) {
        let kinds: &[u8] = if quality == 1 { &[0x40] } else { &[0x50, 0x70] };
        for kind in kinds {
            let mut packet = BytesMut::from(&[*kind, 2][..]);
            packet.put_u16(number);
            self.stream.write_all(&packet).await.unwrap();
        }
    }

    async fn packet(&mut self) -> (u8, Bytes) {
        loop {
            if let [kind, length, ..] = self.read[..]
                && self.read.len() >= usize::from(length) + 2
            {
                assert!(length < 128, "messages of the tests are short");
                let packet = self.read.split_to(usize::from(length) + 2).freeze();
                return (kind, packet.slice(2..));
            }
            let read = soon(self.stream.read_buf(&mut self.read)).await;
            assert_ne!(read.unwrap(), 0, "the broker has closed the connection");
        }
    }
}

#[tokio::test]
async fn messages_of_every_quality_arrive_by_both_versions_of_the_interface() {
    let Some(broker) = Server::start(&MOSQUITTO).await else { return };
    let mut subscriber = Subscriber::start(broker.address()).await;
    let (_app, host) = started(broker.address(), "").await;
    for path in ["/mqtt", "/mqtt-2"] {
        for quality in 0..=2 {
            let more = format!("qos={quality}&count=2");
            publish(&host, path, broker.address(), &more).await.expect(200);
            for number in 0..2 {
                let expected = (quality, "a/b".to_owned(), format!("m{number}"));
                assert_eq!(subscriber.next().await, expected, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_broker_can_require_a_password() {
    let Some(broker) = Server::start(&MOSQUITTO_WITH_PASSWORDS).await else { return };
    let (_app, host) = started(broker.address(), "").await;
    for path in ["/mqtt", "/mqtt-2"] {
        let right = "qos=1&user=user&password=secret";
        publish(&host, path, broker.address(), right).await.expect(200);
        for wrong in ["qos=1&user=user&password=wrong", "qos=1"] {
            let text = publish(&host, path, broker.address(), wrong).await.expect(502).text();
            assert!(text.contains("ConnectionFailed") && text.contains("refused"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_broker_that_the_manifest_does_not_allow_is_refused() {
    let app = guest(&["mqtt://broker.example"], "");
    let host = app.host().start().await;
    let broker = SocketAddr::from(([127, 0, 0, 1], 1883));
    for path in ["/mqtt", "/mqtt-2"] {
        let text = publish(&host, path, broker, "qos=1").await.expect(502).text();
        assert!(text.contains("ConnectionFailed") && text.contains("not permitted"), "{text}");
    }
    let warned = |line: &serde_json::Value| {
        let text = line["message"].as_str().unwrap_or_default();
        text.contains("`mqtt://127.0.0.1:1883`") && text.contains("allowed_outbound_hosts")
    };
    host.log_line(warned).await;
}

#[tokio::test]
async fn wrong_addresses_and_topics_are_errors_of_their_own() {
    let app = guest(&["*://*:*"], "");
    let host = app.host().start().await;
    let get = async |target: &str| host.client().get(target).await.expect(502).text();
    for address in ["broker.example", "http://broker.example", "mqtt://b?no_such=1"] {
        let text = get(&format!("/mqtt?address={address}&topic=a&qos=1")).await;
        assert!(text.contains("InvalidAddress"), "{address}: {text}");
    }
    let text = get("/mqtt?address=mqtt://127.0.0.1:1?client_id=a&topic=a&qos=1").await;
    assert!(text.contains("ConnectionFailed"), "{text}");
    let text = get("/mqtt?address=mqtt://127.0.0.1:1?client_id=a&topic=a/+&qos=1").await;
    assert!(text.contains("Other") && text.contains("wildcard"), "{text}");
}

#[tokio::test]
async fn a_broker_that_has_started_again_gets_the_next_message() {
    let Some(mut broker) = Server::start(&MOSQUITTO).await else { return };
    let (_app, host) = started(broker.address(), "").await;
    publish(&host, "/mqtt", broker.address(), "qos=2").await.expect(200);
    broker.kill().await;
    let text = publish(&host, "/mqtt", broker.address(), "qos=2").await.expect(502).text();
    assert!(text.contains("ConnectionFailed"), "{text}");
    broker.start_again().await;
    publish(&host, "/mqtt", broker.address(), "qos=2").await.expect(200);
}

#[tokio::test]
async fn a_broker_without_an_answer_costs_no_more_than_the_call() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let broker = listener.local_addr().unwrap();
    let (_app, host) = started(broker, "tool.tessera.limits = { deadline_ms = 500 }\n").await;
    for path in ["/mqtt", "/mqtt-2"] {
        let (answer, accepted) =
            tokio::join!(publish(&host, path, broker, "qos=1"), listener.accept());
        if answer.status.as_u16() == 504 {
            assert_problem(&answer, 504, "deadline-exceeded");
        } else {
            assert!(answer.expect(502).text().contains("deadline"));
        }
        // The connection is closed, not only forgotten.
        let (mut stream, _) = accepted.unwrap();
        let mut hello = Vec::new();
        let _ = soon(stream.read_to_end(&mut hello)).await;
        assert_eq!(hello[0], 0x10);
    }
}

#[tokio::test]
async fn an_encrypted_connection_is_not_made_to_a_plain_broker() {
    let Some(broker) = Server::start(&MOSQUITTO).await else { return };
    let app = guest(&[&format!("mqtts://{}", broker.address())], "");
    let host = app.host().start().await;
    let target = format!("/mqtt?address=mqtts://{}?client_id=a&topic=a&qos=1", broker.address());
    let text = host.client().get(&target).await.expect(502).text();
    assert!(text.contains("ConnectionFailed"), "{text}");
}

#[tokio::test]
async fn the_certificate_of_a_broker_is_verified_with_the_roots_of_the_system() {
    let Some(broker) = Server::start(&MOSQUITTO_WITH_TLS).await else { return };
    let app = guest(&[&format!("mqtts://{}", broker.address())], "");
    let target = |path: &str| {
        format!("{path}?address=mqtts://{}?client_id=a&topic=a&qos=1", broker.address())
    };
    let certificate = broker.folder().join("server.crt");
    let trusting = app.host().environment("SSL_CERT_FILE", certificate.to_str().unwrap());
    let host = trusting.start().await;
    for path in ["/mqtt", "/mqtt-2"] {
        host.client().get(&target(path)).await.expect(200);
    }
    let host = app.host().start().await;
    let text = host.client().get(&target("/mqtt")).await.expect(502).text();
    assert!(text.contains("ConnectionFailed") && text.contains("certificate"), "{text}");
}

#[tokio::test]
async fn the_connections_of_an_instance_are_limited() {
    let app = guest(&["*://*:*"], "");
    let host = app.host().start().await;
    let target = "/mqtt-open?address=mqtt://127.0.0.1:1&count=300";
    let text = host.client().get(target).await.expect(502).text();
    assert_eq!(text, "256: Error::TooManyConnections");
}
