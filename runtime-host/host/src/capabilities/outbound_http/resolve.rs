//! Names of servers that drivers connect to. What a name leads to is checked by the rules of the
//! operator before anything is connected: otherwise, a name would be a way around them.

use super::{BlockedNetworks, Outbound};
use crate::capabilities::connection_limits::Connections;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::lookup_host;

impl Outbound {
    /// The networks that the operator lets no component reach; `None` if there are none, and drivers
    /// may resolve names by themselves.
    pub(in crate::capabilities) fn blocked(&self) -> Option<Arc<BlockedNetworks>> {
        let blocked = self.network.client.blocked();
        (!blocked.is_empty()).then(|| blocked.clone())
    }

    /// What counts the connections of all components.
    pub(in crate::capabilities) fn connections(&self) -> &Connections {
        self.network.client.connections()
    }

    /// The addresses of a host that may be reached.
    pub(in crate::capabilities) async fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> io::Result<Vec<SocketAddr>> {
        self.network.client.blocked().resolve(host, port).await
    }
}

impl BlockedNetworks {
    /// The addresses of a host that may be reached.
    pub(in crate::capabilities) async fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> io::Result<Vec<SocketAddr>> {
        let found = lookup_host((host, port)).await?;
        self.without(found).map_err(|address| {
            tracing::warn!(
                "the operator blocks `{host}`, which has the address {address} (`block_networks`)"
            );
            io::Error::other(format!("the operator blocks {address}, an address of `{host}`"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_only_to_blocked_networks_is_refused() {
        let networks = |texts: &[&str]| BlockedNetworks {
            networks: texts.iter().map(|text| text.parse().unwrap()).collect(),
            private: false,
        };
        let all = networks(&["127.0.0.0/8", "::1/128"]);
        for host in ["localhost", "127.0.0.1", "::1"] {
            let error = all.resolve(host, 1).await.unwrap_err().to_string();
            assert!(error.contains("the operator blocks"), "{error}");
        }
        let other = networks(&["10.0.0.0/8"]);
        assert!(!other.resolve("localhost", 1).await.unwrap().is_empty());
    }
}
