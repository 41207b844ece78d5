//! The runtime configuration file: stores, providers of variables, and outbound connections.

use crate::support::{Application, Backend, application};
use bytes::Bytes;
use harness::{Host, HostBuilder};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

fn guest(more: &str) -> Application {
    application(&format!("{}{more}\n", Application::GUEST))
}

fn with_config(app: &Application, config: &str) -> HostBuilder {
    std::fs::write(app.folder().join("runtime.toml"), config).unwrap();
    app.host().argument("--runtime-config-file").argument(app.folder().join("runtime.toml"))
}

async fn warning(host: &Host, words: &[&str]) {
    host.log_line(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        line["level"] == "WARN" && words.iter().all(|word| message.contains(word))
    })
    .await;
}

#[tokio::test]
async fn a_store_in_memory_is_warned_about() {
    let app = guest("key_value_stores = [\"default\"]\nsqlite_databases = [\"default\"]");
    let config =
        "[key_value_store.default]\ntype = \"spin\"\n[sqlite_database.default]\ntype = \"spin\"\n";
    let host = with_config(&app, config).start().await;
    warning(&host, &["the store `default` is in memory"]).await;
    warning(&host, &["the SQLite database `default` is in memory"]).await;
}

#[tokio::test]
async fn types_that_need_a_cloud_are_refused_by_name() {
    let app = guest("key_value_stores = [\"default\"]");
    for kind in ["azure_cosmos", "aws_dynamo"] {
        let config = format!("[key_value_store.default]\ntype = \"{kind}\"\n");
        with_config(&app, &config).assert_fails(&["`default`", kind, "no client"]).await;
    }
    let config = "[[variables_provider]]\ntype = \"azure_key_vault\"\nvault_url = \"x\"\n";
    let texts = ["runtime.toml:2:8", "`variables_provider[0].type`", "no client of Azure"];
    with_config(&app, config).assert_fails(&texts).await;
}

const VAULT: &str = "[[variables_provider]]\ntype = \"vault\"\nurl = \"$url\"\n\
                     token = \"t0ken\"\nmount = \"secret\"\nprefix = \"shop\"\n";

/// An application with three variables, of which the flag sets one.
fn with_variables(backend: &Backend) -> (Application, HostBuilder) {
    let app = application(&format!(
        "[variables]\na = {{ default = \"default\" }}\nb = {{ default = \"default\" }}\n\
         c = {{ default = \"default\" }}\n{}\
         variables = {{ all = \"{{{{ a }}}} {{{{ b }}}} {{{{ c }}}}\" }}\n",
        Application::GUEST
    ));
    let host = with_config(&app, &VAULT.replace("$url", &backend.url("/"))).variable("c", "flag");
    (app, host)
}

#[tokio::test]
async fn variables_come_from_a_vault() {
    let mut backend = Backend::start().await;
    let (_app, host) = with_variables(&backend);
    let answer = async {
        for _ in 0..2 {
            let request = backend.next().await;
            assert_eq!(request.header("x-vault-token"), "t0ken");
            match request.request.uri().path() {
                "/v1/secret/data/shop/a" => {
                    request.answer(200, r#"{"data":{"data":{"value":"from the vault"}}}"#);
                }
                "/v1/secret/data/shop/b" => request.answer(404, r#"{"errors":[]}"#),
                other => panic!("{other}"),
            }
        }
    };
    let (host, ()) = tokio::join!(host.start(), answer);
    let all = host.client().get("/variable?name=all").await.expect(200).text();
    assert_eq!(all, "from the vault default flag");
    assert!(backend.idle(), "what a flag sets is not asked for");
}

#[tokio::test]
async fn a_vault_that_fails_prevents_the_start_and_its_secrets_are_not_shown() {
    for (status, body, words) in [
        (403, "", "refuses the `token`"),
        (500, "", "it answers 500"),
        (200, "s3cret", "no JSON"),
        (200, r#"{"data":{"data":{"value":["s3cret"]}}}"#, "no text in the key `value`"),
    ] {
        let mut backend = Backend::start().await;
        let (_app, host) = with_variables(&backend);
        let answer = async {
            loop {
                backend.next_or_never().await.answer(status, body);
            }
        };
        let texts = ["the Vault at http://127.0.0.1:", words];
        let text = tokio::select! {
            text = host.assert_fails(&texts) => text,
            _ = answer => unreachable!(),
        };
        assert!(!text.contains("s3cret") && !text.contains("t0ken"), "{text}");
    }
}

#[tokio::test]
async fn relative_paths_start_where_spin_has_them_start() {
    let app = application(&format!(
        "[variables]\na = {{ default = \"default\" }}\n{}\
         key_value_stores = [\"default\"]\nsqlite_databases = [\"other\"]\n\
         variables.a = \"{{{{ a }}}}\"\n",
        Application::GUEST
    ));
    let here = tempfile::TempDir::new().unwrap();
    std::fs::write(here.path().join("x.env"), "SPIN_VARIABLE_A=here\n").unwrap();
    let config = "[key_value_store.default]\ntype = \"spin\"\npath = \"store.db\"\n\
                  [sqlite_database.other]\ntype = \"spin\"\npath = \"data/other.db\"\n\
                  [[variables_provider]]\ntype = \"env\"\ndotenv_path = \"x.env\"\n";
    let host = with_config(&app, config).folder(here.path()).start().await;
    let value = host.client().get("/variable?name=a").await.expect(200).text();
    assert_eq!(value, "here");
    assert!(app.folder().join("store.db").exists());
    assert!(here.path().join("data").is_dir());
}

#[tokio::test]
async fn the_memory_of_instances_can_be_configured() {
    let app = guest("");
    let host = with_config(&app, "max_instance_memory = 20000000\n").start().await;
    host.client().get("/memory?mib=4").await.expect(200);
    host.client().get("/memory?mib=40").await.expect(500);
    let texts = ["runtime.toml:1:23", "write 65536 to 4294967296 bytes"];
    with_config(&app, "max_instance_memory = 128\n").assert_fails(&texts).await;
}

#[tokio::test]
async fn blocked_networks_are_not_reached_by_address_nor_by_name() {
    let backend = Backend::start().await;
    let port = backend.origin().rsplit_once(':').unwrap().1.to_owned();
    let app = guest("allowed_outbound_hosts = [\"http://*:*\"]");
    for networks in ["\"private\"", "\"127.0.0.0/8\", \"::1/128\""] {
        let config = format!("[outbound_networking]\nblock_networks = [{networks}]\n");
        let host = with_config(&app, &config).start().await;
        for name in ["127.0.0.1", "localhost"] {
            let path = format!("/outbound?url=http://{name}:{port}/");
            let answer = host.client().get(&path).await.expect(502).text();
            assert!(answer.contains("DestinationIpProhibited"), "{answer}");
        }
        warning(&host, &["http://localhost", "`block_networks`"]).await;
        // The application itself is not in a network.
        let itself = "/outbound?url=http://self/count";
        assert_eq!(host.client().get(itself).await.expect(200).text(), "1");
    }
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn outbound_connections_are_limited() {
    const REQUESTS: usize = 6;
    let mut backend = Backend::start().await;
    let app = guest(&format!("allowed_outbound_hosts = [\"{}\"]", backend.origin()));
    let host = with_config(&app, "[outbound_http]\nmax_connections = 2\n").start().await;
    let path = format!("/outbound?url={}", backend.url("/"));
    let client = host.client();
    let calls = futures::future::join_all((0..REQUESTS).map(|_| client.get(&path)));
    let answers = async {
        let mut open = backend.next_all(2).await;
        for _ in 2..REQUESTS {
            assert!(backend.idle(), "there is a third connection");
            open.remove(0).answer(200, "");
            open.push(backend.next().await);
        }
        open.into_iter().for_each(|last| last.answer(200, ""));
    };
    let (answers, ()) = tokio::join!(calls, answers);
    for answer in answers {
        answer.expect(200);
    }
    assert_eq!(backend.connections(), REQUESTS, "without a pool, each request has its own");
}

/// A server with this certificate, which says whether a client showed one that it trusts.
async fn tls_server(server: &CertifiedKey<KeyPair>, client: &CertifiedKey<KeyPair>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut trusted = RootCertStore::empty();
    trusted.add(client.cert.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), provider.clone())
        .allow_unauthenticated()
        .build()
        .unwrap();
    let key = PrivateKeyDer::try_from(server.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![server.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that trusts another certificate ends the handshake.
            let Ok(stream) = acceptor.accept(socket).await else { continue };
            let known = stream.get_ref().1.peer_certificates().is_some();
            let text = if known { "known client" } else { "unknown client" };
            let service = service_fn(move |_: http::Request<Incoming>| async move {
                Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(text))))
            });
            let builder = hyper::server::conn::http1::Builder::new();
            tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test]
async fn certificates_are_set_for_components_and_hosts() {
    let names = || ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let server = generate_simple_self_signed(names()).unwrap();
    let client = generate_simple_self_signed(names()).unwrap();
    let port = tls_server(&server, &client).await.port();
    let app = guest("allowed_outbound_hosts = [\"https://*:*\"]")
        .with_file("roots.pem", server.cert.pem())
        .with_file("client.pem", client.cert.pem())
        .with_file("client.key", client.signing_key.serialize_pem());
    let ask = async |config: &str, name: &str| {
        let host = with_config(&app, config).start().await;
        let path = format!("/outbound?url=https://{name}:{port}/");
        let answer = host.client().get(&path).await;
        (answer.status.as_u16(), answer.text())
    };
    let table = |component: &str, more: &str| {
        format!(
            "[[client_tls]]\ncomponent_ids = [\"{component}\"]\nhosts = [\"localhost\"]\n\
             ca_roots_file = \"roots.pem\"\n{more}"
        )
    };
    let identity = "client_cert_file = \"client.pem\"\nclient_private_key_file = \"client.key\"\n";
    let known = table("guest", identity);
    assert_eq!(ask(&known, "localhost").await, (200, "known client".to_owned()));
    let unknown = table("guest", "");
    assert_eq!(ask(&unknown, "localhost").await, (200, "unknown client".to_owned()));
    // The first table counts, and the others are for other components and hosts.
    let both = format!("{unknown}{known}");
    assert_eq!(ask(&both, "localhost").await.1, "unknown client");
    assert_eq!(ask(&known, "127.0.0.1").await.0, 502);
    assert_eq!(ask(&table("other", identity), "localhost").await.0, 502);
    // A key of another certificate.
    let app = app.with_file("client.key", server.signing_key.serialize_pem());
    with_config(&app, &known).assert_fails(&["runtime.toml", "private key"]).await;
}
