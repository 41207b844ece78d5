//! Where `tessera up` listens.

use crate::admin;
use crate::commands::listen;
use crate::triggers::http::{Listener, tls};
use clap::Args;
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::TcpListener;

/// Where `tessera up` listens.
#[derive(Debug, Args)]
pub(super) struct Addresses {
    /// The address of the application, as `HOST:PORT`; port 0 selects a free port.
    #[arg(
        long,
        env = "SPIN_HTTP_LISTEN_ADDR",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:3000",
        value_parser = listen::address
    )]
    listen: SocketAddr,
    /// If the port of `--listen` is in use, take the first free one of the nine after it.
    #[arg(long)]
    find_free_port: bool,
    /// The address of the admin listener; port 0 selects a free port.
    #[arg(
        long,
        env = "TESSERA_ADMIN_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:3001",
        value_parser = listen::address
    )]
    admin_listen: SocketAddr,
    /// An additional host name under which the admin listener serves all paths. Can be repeated;
    /// the names of the variable are separated by commas. IP addresses and `localhost` are always
    /// allowed. Health and metrics are served under every name.
    #[arg(long = "admin-allowed-host", env = "TESSERA_ADMIN_ALLOWED_HOSTS", value_name = "NAME",
          value_delimiter = ',', value_parser = admin::host_name)]
    admin_allowed_hosts: Vec<String>,
    /// The file with the token of the admin listener, which is only read: at least 32 characters
    /// [default: `admin-token` in the state directory, which is generated].
    // Without a variable: TESSERA_ADMIN_TOKEN_FILE says where clients find the token.
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// A PEM file with the certificate chain, to serve HTTPS (TLS 1.2 and 1.3).
    #[arg(long, env = "SPIN_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// A PEM file with the private key, to serve HTTPS (TLS 1.2 and 1.3).
    #[arg(long, env = "SPIN_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    tls_key: Option<PathBuf>,
}

/// The bound sockets.
pub(super) struct Listeners {
    pub(super) application: Listener,
    pub(super) admin: TcpListener,
    /// The token of the admin listener, if the operator has chosen it.
    pub(super) token: Option<admin::Token>,
    /// The certificate of the application's own address.
    pub(super) certificate: Option<CertificateDer<'static>>,
}

impl Addresses {
    pub(super) async fn bind(&self) -> anyhow::Result<Listeners> {
        let tls = self.tls_cert.as_deref().zip(self.tls_key.as_deref());
        let tls = tls.map(|(cert, key)| tls::identity(cert, key)).transpose()?;
        let (acceptor, certificate) = tls.map(|tls| (tls.acceptor, tls.certificate)).unzip();
        let token = self.admin_token_file.as_deref().map(admin::Token::in_file).transpose()?;
        let application = match self.find_free_port {
            true => Listener::bind_free(self.listen, acceptor).await?,
            false => Listener::bind(self.listen, acceptor).await?,
        };
        let admin = admin::bind(self.admin_listen).await?;
        Ok(Listeners { application, admin, token, certificate })
    }

    pub(super) fn tls(&self) -> bool {
        self.tls_cert.is_some()
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.tls() { "https" } else { "http" }
    }

    pub(super) fn allowed_hosts(&self) -> admin::AllowedHosts {
        admin::AllowedHosts::new(&self.admin_allowed_hosts)
    }
}
