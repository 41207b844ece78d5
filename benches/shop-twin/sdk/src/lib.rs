//! The part of the Spin SDK that the shop's functions use, for a native process: requests are
//! axum's, tasks and timers are tokio's, variables come from the environment.

pub use bench_shop_twin_macros::http_service;

/// Requests and answers.
pub mod http {
    use axum::body::Body;
    use std::future::Future;

    pub use axum::Router;
    pub use axum::response::{IntoResponse, Response};

    /// A request as the server reads it.
    pub type Request = axum::extract::Request<Body>;

    /// A router that gives everything to one handler.
    pub fn router_of<F, Fut>(handler: F) -> Router
    where
        F: Fn(Request) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Response> + Send + 'static,
    {
        Router::new().fallback(handler)
    }
}

/// Timers.
pub mod time {
    pub use tokio::time::sleep;
}

/// Variables of the application: `SPIN_VARIABLE_<NAME>` in the environment.
pub mod variables {
    /// Why a variable can't be had.
    #[derive(Debug, thiserror::Error)]
    pub enum Error {
        /// It is not set.
        #[error("`{0}` is not set")]
        Undefined(String),
        /// It is not text.
        #[error("`{0}` is not UTF-8")]
        Invalid(String),
    }

    /// The value of a variable.
    ///
    /// # Errors
    /// When it is not set, or not text.
    #[expect(clippy::unused_async, reason = "the SDK's function is asynchronous")]
    pub async fn get(name: &str) -> Result<String, Error> {
        let variable = format!("SPIN_VARIABLE_{}", name.to_uppercase());
        std::env::var(variable).map_err(|error| match error {
            std::env::VarError::NotPresent => Error::Undefined(name.to_owned()),
            std::env::VarError::NotUnicode(_) => Error::Invalid(name.to_owned()),
        })
    }
}

/// What the SDK passes on of wit-bindgen.
pub mod wit_bindgen {
    use std::future::Future;

    pub use bench_shop_twin_macros::generate;

    /// Work that goes on after the answer.
    pub fn spawn(work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }
}
