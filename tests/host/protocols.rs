//! Versions of WASI and HTTP, and TLS.

use crate::support::{application, get, http1, http2};
use harness::{Client, Host};
use http::{Method, Version};
use http_body_util::BodyExt;
use rcgen::{CertifiedKey, generate_simple_self_signed};
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

struct Certified {
    certificate: CertificateDer<'static>,
    host: Host,
}

async fn start_with_tls() -> Certified {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let app = application(BOTH)
        .with_file("cert.pem", cert.pem())
        .with_file("key.pem", signing_key.serialize_pem());
    let path = |name| app.folder().join(name).into_os_string();
    let host = app
        .host()
        .argument("--tls-cert")
        .argument(path("cert.pem"))
        .argument("--tls-key")
        .argument(path("key.pem"))
        .start()
        .await;
    Certified { certificate: cert.der().clone(), host }
}

#[tokio::test]
async fn tls_negotiates_http_2_and_the_component_sees_https() {
    let Certified { certificate, host } = start_with_tls().await;
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
async fn tls_1_3_works_and_1_2_is_refused() {
    let Certified { certificate, host } = start_with_tls().await;
    let agreed = handshake(&host, certificate.clone(), &rustls::version::TLS13).await;
    assert_eq!(agreed.expect("TLS 1.3"), Some(rustls::ProtocolVersion::TLSv1_3));
    handshake(&host, certificate, &rustls::version::TLS12).await.expect_err("no TLS 1.2");
}
