//! The shop's chassis with the adapters of a native process: SQLite for the host's store, a
//! pooled HTTP client for its links, the environment for its variables.

mod client;
#[path = "../../../../functions/chassis/src/config.rs"]
pub mod config;
#[path = "../../../../functions/chassis/src/recent.rs"]
mod recent;
mod registry;
mod sqlite;

pub use ::chassis::*;

/// The chassis' application, with a way to serve it.
pub mod app {
    pub use ::chassis::app::*;

    use crate::config::ConfigError;
    use crate::store::StoreError;
    use axum::Router;
    use axum::extract::Request;
    use axum::response::{IntoResponse, Response};
    use chassis::Problem;
    use tower_service::Service;

    /// What keeps a function from being set up.
    #[derive(Clone, Debug, thiserror::Error)]
    pub enum Unready {
        /// A variable is missing or wrong.
        #[error(transparent)]
        Config(#[from] ConfigError),
        /// The store can't be opened.
        #[error(transparent)]
        Store(#[from] StoreError),
    }

    impl From<Unready> for Problem {
        fn from(error: Unready) -> Self {
            match error {
                Unready::Config(error) => error.into(),
                Unready::Store(error) => error.into(),
            }
        }
    }

    /// Serve one request with this router.
    pub async fn serve(router: chassis::Result<Router>, request: Request) -> Response {
        match router {
            Ok(mut router) => match router.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Err(problem) => problem.into_response(),
        }
    }
}

/// The chassis' clock, with the timer of tokio.
pub mod clock {
    pub use ::chassis::clock::*;

    /// The clock of the process.
    #[derive(Clone, Copy, Debug)]
    pub struct SystemClock;

    impl Clock for SystemClock {
        fn now_ms(&self) -> u64 {
            now_ms()
        }
    }

    impl Timer for SystemClock {
        async fn sleep(&self, ms: u64) {
            tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
        }
    }
}

/// The chassis' port to other services, with a client behind it.
pub mod http {
    pub use crate::client::{SpinOutbound, forward, send};
    pub use ::chassis::http::*;
}

/// The chassis' remote calls, with the caller's side.
pub mod rpc {
    pub use crate::client::call;
    pub use ::chassis::rpc::*;
}

/// The chassis' port to its store, with SQLite behind it.
pub mod store {
    pub use crate::sqlite::SpinStore;
    pub use ::chassis::store::*;
}

/// Where the processes of the shop find each other.
pub mod discovery {
    pub use crate::registry::{announce, folder};
}
