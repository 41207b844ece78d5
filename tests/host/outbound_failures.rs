//! Outbound requests that fail: the error that the component gets, which is that of stock Spin, and
//! the reason in the log, which it does not get.

use crate::support::{Application, Backend, application, soon};
use harness::{Answer, Host};
use rcgen::{
    CertificateParams, CertifiedIssuer, CertifiedKey, DnType, KeyPair, generate_simple_self_signed,
};
use rustls::pki_types::PrivateKeyDer;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn app() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p2"
allowed_outbound_hosts = ["*://*:*"]
"#,
    )
}

async fn ask(host: &Host, query: &str) -> Answer {
    host.client().get(&format!("/outbound?path=/&{query}")).await
}

/// The request fails with this error, and the log has this reason.
async fn assert_fails(host: &Host, query: &str, error: &str, reason: &str) {
    let answer = ask(host, query).await.expect(502);
    assert!(answer.text().contains(error), "{query}: {}", answer.text());
    let line = host
        .log_line(|line| line["message"].as_str().is_some_and(|message| message.contains(reason)))
        .await;
    assert_eq!((&line["component"], &line["level"]), (&"guest".into(), &"WARN".into()), "{line}");
}

/// A server that does this with each connection.
async fn server<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket));
        }
    });
    address
}

/// A server that accepts connections and says nothing.
async fn silent() -> SocketAddr {
    server(|mut socket| async move {
        let mut read = [0; 1024];
        while socket.read(&mut read).await.is_ok_and(|length| length > 0) {}
    })
    .await
}

/// A server with TLS.
async fn with_certificate(certificate: &rcgen::Certificate, key: &KeyPair) -> SocketAddr {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    server(move |socket| {
        let acceptor = acceptor.clone();
        async move { drop(acceptor.accept(socket).await) }
    })
    .await
}

#[tokio::test]
async fn a_connection_to_a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let host = app().host().start().await;
    let reason = "nothing listens there";
    assert_fails(&host, &format!("authority={address}"), "ConnectionRefused", reason).await;
}

#[tokio::test]
async fn a_name_without_an_address_is_an_error_of_dns() {
    let host = app().host().start().await;
    // Too long for a label, so no server is asked for it.
    let query = format!("authority={}.test", "x".repeat(64));
    assert_fails(&host, &query, "DnsError", "its name has no address").await;
}

#[tokio::test]
async fn failures_of_tls_have_different_reasons() {
    let host = app().host().start().await;
    let plain = Backend::start().await.url("").replace("http://", "");
    let names = ["127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names.clone()).unwrap();
    let self_signed = with_certificate(&cert, &signing_key).await;
    let authority = CertificateParams::new(Vec::new()).unwrap();
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut issued = CertificateParams::new(names).unwrap();
    issued.distinguished_name.push(DnType::CommonName, "not the authority");
    let issued = issued.signed_by(&key, &authority).unwrap();
    let issued = with_certificate(&issued, &key).await;
    for (address, reason) in [
        (plain, "does not speak TLS on this port"),
        (self_signed.to_string(), "is self-signed"),
        (issued.to_string(), "by an authority that this host does not trust"),
    ] {
        let query = format!("scheme=https&authority={address}");
        assert_fails(&host, &query, "TlsProtocolError", reason).await;
    }
}

#[tokio::test]
async fn a_silent_tls_handshake_ends_with_the_time_for_a_connection() {
    let host = app().host().start().await;
    let query = format!("scheme=https&connect_ms=50&authority={}", silent().await);
    assert_fails(&host, &query, "ConnectionTimeout", "no connection within 50 ms").await;
}

#[tokio::test]
async fn a_response_may_not_begin_too_late() {
    let host = app().host().start().await;
    let query = format!("first_byte_ms=50&authority={}", silent().await);
    assert_fails(&host, &query, "ConnectionReadTimeout", "within 50 ms").await;
}

#[tokio::test]
async fn a_response_may_not_pause_too_long() {
    let address = server(|mut socket| async move {
        let mut read = [0; 1024];
        let _ = socket.read(&mut read).await;
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
        let _ = socket.write_all(head).await;
        while socket.read(&mut read).await.is_ok_and(|length| length > 0) {}
    })
    .await;
    let host = app().host().start().await;
    let answer = ask(&host, &format!("between_bytes_ms=50&authority={address}")).await.expect(502);
    assert!(answer.text().contains("the body broke"), "{}", answer.text());
}

#[tokio::test]
async fn a_server_that_breaks_off_is_an_error_of_the_protocol() {
    let address = server(|mut socket| async move {
        let mut read = [0; 1024];
        let _ = socket.read(&mut read).await;
    })
    .await;
    let host = app().host().start().await;
    let query = format!("authority={address}");
    assert_fails(&host, &query, "HttpProtocolError", "the connection failed").await;
}

#[tokio::test]
async fn without_timeouts_a_component_waits() {
    let mut backend = Backend::start().await;
    let host = app().host().start().await;
    let authority = backend.origin().replace("http://", "");
    let answer = host.client().spawn_get(format!("/outbound?path=/&authority={authority}"));
    backend.next().await.answer(200, "at last");
    assert_eq!(soon(answer).await.unwrap().expect(200).text(), "at last");
}
