//! Operations on a host: the audit contracts of all functions and the platform's event log.

mod books;
mod log;

use axum::Router;
use bytes::Bytes;
use chassis::Clock;
use chassis::clock::now_ms;
use chassis::http::{Outbound, OutboundError, SpinOutbound};
use chassis::store::SpinStore;
use http::{Request, Response};

use crate::bindings::{self, IdentityKeys};
use crate::ports::Ports;

chassis::serve!(router);

async fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    Ok(bindings::complete(crate::routes::router(Host(store.clone())), store))
}

/// This application: its other functions, its log and the store of this function.
#[derive(Clone)]
struct Host(SpinStore);

impl Ports for Host {
    type Store = SpinStore;
    type Keys = IdentityKeys;

    fn store(&self) -> &SpinStore {
        &self.0
    }

    fn keys(&self) -> &IdentityKeys {
        &IdentityKeys
    }
}

impl Clock for Host {
    fn now_ms(&self) -> u64 {
        now_ms()
    }
}

impl Outbound for Host {
    async fn send(
        &self,
        request: Request<Bytes>,
        timeout_ms: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        SpinOutbound.send(request, timeout_ms).await
    }
}
