//! Collectors with TLS.

use super::{assert_counts, guest, has};
use harness::collector::Collector;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Accepts TLS for the collector. Returns its URL and its certificate.
async fn encrypted(collector: &Collector, protocols: Vec<Vec<u8>>) -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let inner = collector.endpoint().replace("http://", "");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, inner) = (acceptor.clone(), inner.clone());
            tokio::spawn(async move {
                // A client that does not trust the certificate leaves.
                let Ok(mut outer) = acceptor.accept(socket).await else { return };
                let mut inner = TcpStream::connect(inner).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    (url, cert.pem())
}

#[tokio::test]
async fn a_collector_with_tls_is_trusted_by_its_certificate() {
    for (protocol, offered) in [("http/protobuf", vec![]), ("grpc", vec![b"h2".to_vec()])] {
        let collector = Collector::start().await;
        let (url, certificate) = encrypted(&collector, offered).await;
        let app = guest().with_file("ca.pem", certificate);
        let path = app.folder().join("ca.pem");
        let with = |name: &str, value: &str| {
            app.host()
                .environment("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
                .environment("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
                .environment("OTEL_BSP_SCHEDULE_DELAY", "10")
                .environment(name, value)
        };
        let name = "OTEL_EXPORTER_OTLP_CERTIFICATE";
        let host = with(name, path.to_str().unwrap()).start().await;
        host.client().get("/").await.expect(200);
        collector.spans_with(|spans| has(spans, "GET /...")).await;
        // Without it, the certificate is not trusted.
        let host = with("OTEL_BSP_EXPORT_TIMEOUT", "100").start().await;
        host.client().get("/").await.expect(200);
        assert_counts(&host, "traces", (0, 1)).await;
        assert_eq!(collector.spans().len(), 1, "{protocol}");
    }
    let app = guest();
    let host = app.host().environment("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1");
    let host = host.environment("OTEL_EXPORTER_OTLP_CERTIFICATE", "missing.pem");
    host.assert_fails(&["missing.pem"]).await;
}
