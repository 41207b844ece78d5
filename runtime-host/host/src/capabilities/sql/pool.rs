//! Connections that wait for their next session, by component and address.

use super::{Driver, Refusal};
use crate::capabilities::outbound_http::Outbound;
use parking_lot::Mutex;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

/// How many connections a component may have to one address, as in stock Spin. Further ones wait.
const CONNECTIONS_PER_ADDRESS_MAX: usize = 64;
/// How many addresses of one component keep idle connections, as in stock Spin.
const ADDRESSES_MAX: usize = 16;
/// How long an idle connection is kept.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How often idle connections are looked at.
const IDLE_CHECK: Duration = Duration::from_secs(10);
/// How long a server may take until a connection is ready for statements.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// The pools of one component, the most recently used one last.
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub struct Pools<D: Driver>(Mutex<Vec<(String, Arc<Pool<D>>)>>);

/// The connections to one address.
pub(super) struct Pool<D: Driver> {
    address: D::Address,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle<D>>>,
}

struct Idle<D> {
    driver: D,
    since: Instant,
}

/// A connection that is in use.
pub(super) struct Pooled<D: Driver> {
    pub(super) driver: D,
    pool: Arc<Pool<D>>,
    _permit: OwnedSemaphorePermit,
}

impl<D: Driver> Default for Pools<D> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<D: Driver> Pools<D> {
    /// The pool of an address. The key has everything that distinguishes addresses.
    pub(super) fn of(&self, key: String, address: &D::Address) -> Arc<Pool<D>> {
        let mut pools = self.0.lock();
        let found = pools.iter().position(|(of, _)| *of == key);
        let pool = match found {
            Some(index) => pools.remove(index).1,
            None => Arc::new(Pool::new(address.clone())),
        };
        if pools.len() >= ADDRESSES_MAX {
            pools.remove(0);
        }
        pools.push((key, pool.clone()));
        pool
    }
}

impl<D: Driver> Pool<D> {
    fn new(address: D::Address) -> Self {
        let permits = Arc::new(Semaphore::new(CONNECTIONS_PER_ADDRESS_MAX));
        Self { address, permits, idle: Mutex::default() }
    }

    /// An idle connection that still works, or a new one.
    pub(super) async fn take(self: Arc<Self>, outbound: &Outbound) -> Result<Pooled<D>, D::Fault> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|error| Refusal::Connection(error.to_string()))?;
        let driver = within(CONNECT_MAX, self.connected(outbound)).await?;
        Ok(Pooled { driver, pool: self, _permit: permit })
    }

    async fn connected(&self, outbound: &Outbound) -> Result<D, D::Fault> {
        loop {
            let idle = self.idle.lock().pop();
            let Some(mut idle) = idle else {
                return D::connect(&self.address, outbound).await;
            };
            if idle.driver.is_alive().await {
                return Ok(idle.driver);
            }
        }
    }

    fn keep(self: &Arc<Self>, driver: D) {
        let mut idle = self.idle.lock();
        if idle.is_empty() {
            Handle::current().spawn(close_idle(Arc::downgrade(self)));
        }
        idle.push(Idle { driver, since: Instant::now() });
    }

    /// Takes out what has been idle for too long, and whether something is left.
    fn expired(&self) -> (Vec<Idle<D>>, bool) {
        let mut idle = self.idle.lock();
        let expired = idle.extract_if(.., |idle| idle.since.elapsed() >= IDLE_MAX).collect();
        (expired, !idle.is_empty())
    }
}

impl<D: Driver> Pooled<D> {
    /// Keeps the connection for another session.
    pub(super) fn give_back(self) {
        self.pool.keep(self.driver);
    }
}

/// Closes idle connections until none is left.
async fn close_idle<D: Driver>(pool: Weak<Pool<D>>) {
    let mut some_left = true;
    while some_left {
        sleep(IDLE_CHECK).await;
        let Some(pool) = pool.upgrade() else { return };
        let (expired, left) = pool.expired();
        for idle in expired {
            idle.driver.close().await;
        }
        some_left = left;
    }
}

async fn within<T, F: From<Refusal>>(
    max: Duration,
    work: impl Future<Output = Result<T, F>>,
) -> Result<T, F> {
    timeout(max, work).await.unwrap_or_else(|_| {
        let text = format!("the server has not accepted the connection within {max:?}");
        Err(Refusal::Connection(text).into())
    })
}
