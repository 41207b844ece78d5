//! Versions of WASI and HTTP, and TLS.

use crate::support::{application, certified, exchange, get, http1, http2, stock_application};
use harness::{Client, Host};
use http::{Method, Version};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use tokio::net::TcpStream;

const BOTH: &str = r#"
[[trigger.http]]
route = "/..."
component = "new"
[[trigger.http]]
route = "/old/..."
component = "old"
[component]
new.source = "$p3"
old.source = "$p2"
"#;

#[tokio::test]
async fn components_of_both_wasi_versions_work_in_one_application() {
    let host = application(BOTH).host().start().await;
    let client = host.client();
    assert_eq!(client.get("/old/").await.expect(200).text(), "hello from WASI 0.2");
    assert_eq!(client.get("/new").await.expect(200).json()["method"], "GET");
    let body = "x".repeat(200_000);
    let echoed =
        client.send(Method::POST, "/old/echo", None, body.clone().into()).await.expect(200);
    assert_eq!(echoed.text(), body, "a body passes a guest of WASI 0.2");
}

#[tokio::test]
async fn one_connection_of_http_1_serves_many_requests() {
    let host = application(BOTH).host().start().await;
    let mut connection = http1(host.address()).await;
    for n in 0..20 {
        let response = connection.send_request(get(&format!("/{n}"))).await.expect("an answer");
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_11));
        response.into_body().collect().await.expect("its body");
        connection.ready().await.expect("the connection stays");
    }
}

#[tokio::test]
async fn http_2_works_without_tls() {
    let host = application(BOTH).host().start().await;
    let connection = http2(host.address()).await;
    let url = format!("http://{}/x", host.address());
    let requests = (0..20).map(|_| {
        let mut connection = connection.clone();
        let mut request = get(&url);
        request.headers_mut().remove("host");
        async move { connection.send_request(request).await.expect("an answer") }
    });
    for response in futures::future::join_all(requests).await {
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
    }
}

#[tokio::test]
async fn tls_negotiates_http_2_and_the_component_sees_https() {
    let (certificate, host) = certified(application(BOTH)).await;
    let base = format!("https://{}", host.address());
    let answer = Client::trusting(&base, &[certificate]).get("/x").await.expect(200);
    assert_eq!(answer.version, Version::HTTP_2);
    assert_eq!(answer.json()["headers"]["spin-full-url"], format!("{base}/x"));
}

async fn handshake(
    host: &Host,
    certificate: CertificateDer<'static>,
    version: &'static rustls::SupportedProtocolVersion,
) -> std::io::Result<Option<rustls::ProtocolVersion>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let stream = TcpStream::connect(host.address()).await?;
    let stream = connector.connect(name, stream).await?;
    Ok(stream.get_ref().1.protocol_version())
}

#[tokio::test]
async fn tls_1_2_and_1_3_work() {
    let (certificate, host) = certified(application(BOTH)).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let agreed = handshake(&host, certificate.clone(), version).await;
        assert_eq!(agreed.expect("a connection"), Some(version.version));
    }
}

#[tokio::test]
async fn every_method_reaches_a_component() {
    let host = stock_application(BOTH).host().start().await;
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "lower"]
    {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = host.client().send(method.clone(), "/x", None, Default::default()).await;
        assert_eq!(answer.expect(200).json()["method"], method.as_str());
    }
}

#[tokio::test]
async fn path_and_query_arrive_byte_for_byte() {
    let host = stock_application(BOTH).host().start().await;
    for target in [
        "/",
        "//",
        "/a//b/",
        "/a%2Fb",
        "/%61",
        "/a?",
        "/a?b=c&b=%20+",
        "/a/./b/../c",
        "/a;b=c",
        "/~",
        "/a'b()*!",
        "/a?x={}|",
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = exchange(host.address(), request.as_bytes()).await;
        let json = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        let seen: serde_json::Value = serde_json::from_str(json).expect(&answer);
        assert_eq!(seen["uri"], format!("http://x{target}"));
        assert_eq!(seen["headers"]["spin-full-url"], format!("http://x{target}"));
    }
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let host = stock_application(BOTH).host().start().await;
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let frames = [Frame::data("a message".into()), Frame::trailers(trailers)];
    let frames = frames.map(Ok::<_, std::convert::Infallible>);
    let body = StreamBody::new(futures::stream::iter(frames)).boxed_unsync();
    let request = http::Request::post(format!("http://{}/echo", host.address()))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap();
    let response = http2(host.address()).await.send_request(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(body.to_bytes(), "a message");
}

#[tokio::test]
async fn an_upgrade_is_not_accepted() {
    let host = stock_application(BOTH).host().start().await;
    let request = "GET /x HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\n\
                   upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let answer = exchange(host.address(), request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "the component answers as usual: {answer}");
    assert!(!answer.to_lowercase().contains("upgrade: websocket\r\n"), "{answer}");
}
