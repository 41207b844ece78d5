//! Opening sockets, with TLS where the address says so.
//!
//! The certificates of servers are verified with the roots of the system, as in stock Spin, and the
//! built-in ones. A system without a list of roots is usual in containers.

use crate::{Address, Error};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What a socket can do.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A socket with or without TLS.
pub(crate) type Socket = Box<dyn Stream>;

impl Address {
    /// Connects to the server.
    pub(crate) async fn connect(&self) -> Result<Socket, Error> {
        let failed = |cause: String| self.unreachable(cause);
        let addresses = self.resolve().await.map_err(|error| failed(error.to_string()))?;
        let tcp = TcpStream::connect(&*addresses).await;
        let tcp = tcp.map_err(|error| failed(error.to_string()))?;
        tcp.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        if !self.tls {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(self.host.clone());
        let name = name.map_err(|error| failed(error.to_string()))?;
        // The first connection reads the roots of the system from files.
        let config = tokio::task::spawn_blocking(tls).await;
        let config = config.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
        let tls = TlsConnector::from(config).connect(name, tcp).await;
        Ok(Box::new(tls.map_err(|error| failed(error.to_string()))?))
    }

    pub(crate) fn unreachable(&self, cause: impl Into<String>) -> Error {
        Error::Connect { address: self.to_string(), cause: cause.into() }
    }
}

fn tls() -> Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    CONFIG.get_or_init(make_tls).clone()
}

fn make_tls() -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
