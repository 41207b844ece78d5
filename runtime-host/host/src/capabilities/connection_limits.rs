//! Connections to other servers that all components may have at the same time: the operator's choice.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The operator's limits. `None` means that there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    /// Connections of all kinds together.
    pub(crate) total: Option<usize>,
    /// Those included that are kept to be used again.
    pub(crate) http: Option<usize>,
    pub(crate) mqtt: Option<usize>,
    pub(crate) mysql: Option<usize>,
    pub(crate) postgres: Option<usize>,
    pub(crate) redis: Option<usize>,
    /// TCP connections and UDP sockets of `wasi:sockets`.
    pub(crate) sockets: Option<usize>,
    /// The size of a message, in bytes.
    pub(crate) mqtt_payload_max_bytes: Option<usize>,
}

/// What counts the connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections {
    pub(super) http: Counter,
    pub(super) mqtt: Counter,
    pub(super) mysql: Counter,
    pub(super) postgres: Counter,
    pub(super) redis: Counter,
    pub(super) sockets: Counter,
    pub(super) mqtt_payload_max_bytes: Option<usize>,
}

/// Counts connections of one kind, by permits.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    own: Option<Arc<Semaphore>>,
    total: Option<Arc<Semaphore>>,
}

/// Counts one connection until it is dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "held to be counted")]
pub(super) struct Counted {
    own: Option<OwnedSemaphorePermit>,
    total: Option<OwnedSemaphorePermit>,
}

impl ConnectionLimits {
    pub(super) fn connections(&self) -> Connections {
        let semaphore = |most: Option<usize>| {
            most.map(|most| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))))
        };
        let total = semaphore(self.total);
        let counter = |most| Counter { own: semaphore(most), total: total.clone() };
        Connections {
            http: counter(self.http),
            mqtt: counter(self.mqtt),
            mysql: counter(self.mysql),
            postgres: counter(self.postgres),
            redis: counter(self.redis),
            sockets: counter(self.sockets),
            mqtt_payload_max_bytes: self.mqtt_payload_max_bytes,
        }
    }
}

impl Counter {
    /// Waits until there may be one more connection.
    pub(super) async fn count(&self) -> Counted {
        // In this order, a connection that waits for a permit of its kind holds none of the total.
        let own = permit(self.own.as_ref()).await;
        Counted { own, total: permit(self.total.as_ref()).await }
    }

    /// Counts one more connection at once; `None` if there may be no more now.
    pub(super) fn try_count(&self) -> Option<Counted> {
        let free = |semaphore: &Option<Arc<Semaphore>>| match semaphore {
            Some(semaphore) => semaphore.clone().try_acquire_owned().ok().map(Some),
            None => Some(None),
        };
        Some(Counted { own: free(&self.own)?, total: free(&self.total)? })
    }
}

async fn permit(semaphore: Option<&Arc<Semaphore>>) -> Option<OwnedSemaphorePermit> {
    semaphore?.clone().acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use futures::poll;
    use std::pin::pin;

    #[tokio::test]
    async fn connections_count_among_those_of_their_kind_and_among_all() {
        let limits =
            ConnectionLimits { total: Some(2), redis: Some(1), ..ConnectionLimits::default() };
        let connections = limits.connections();
        let redis = connections.redis.count().await;
        let mut second = pin!(connections.redis.count());
        assert!(poll!(&mut second).is_pending());
        // The one that waits takes no place among all.
        let mysql = connections.mysql.count().await;
        let mut third = pin!(connections.mqtt.count());
        assert!(poll!(&mut third).is_pending());
        drop(mysql);
        third.await;
        drop(redis);
        second.await;
    }

    #[tokio::test]
    async fn a_socket_is_refused_where_a_connection_of_a_driver_waits() {
        let limits =
            ConnectionLimits { total: Some(2), sockets: Some(1), ..ConnectionLimits::default() };
        let connections = limits.connections();
        let socket = connections.sockets.try_count().unwrap();
        assert!(connections.sockets.try_count().is_none());
        drop(socket);
        let redis = [connections.redis.count().await, connections.redis.count().await];
        assert!(connections.sockets.try_count().is_none(), "the total is used up");
        drop(redis);
        let socket = connections.sockets.try_count();
        assert!(socket.is_some(), "what was refused holds nothing");
    }

    #[tokio::test]
    async fn without_limits_nothing_waits() {
        let connections = ConnectionLimits::default().connections();
        let mut held = Vec::new();
        for _ in 0..1000 {
            held.push(connections.postgres.count().await);
            held.push(connections.sockets.try_count().unwrap());
        }
    }
}
