//! The component: the contract and the REST interface over the store of the host.

use axum::Router;
use bindings::exports::shop::templates::renderer::{Error, Guest, Rendered};
use chassis::app::{Kept, readiness, router_with_problems, serve};
use chassis::store::{SpinStore, StoreError};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::routes::App;
use crate::service::{self, Templates};

contracts::function!("templates");

struct Component;

static ROUTER: Kept = Kept::new();

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    serve(ROUTER.router((), |()| router()), request).await
}

fn router() -> chassis::Result<Router> {
    let store = open()?;
    let app = App { templates: Templates::new(store.clone()), keys: bindings::IdentityKeys };
    let routes = crate::routes::router(app)
        .merge(chassis::rpc::router(bindings::dispatch))
        .merge(readiness(store));
    Ok(router_with_problems(routes))
}

fn open() -> Result<SpinStore, StoreError> {
    SpinStore::open("templates")
}

impl Guest for Component {
    async fn render(
        code: String,
        version: Option<u32>,
        language: String,
        variables: Vec<(String, String)>,
    ) -> Result<Rendered, Error> {
        let store = open().map_err(|error| Error::Unavailable(error.to_string()))?;
        let rendered = Templates::new(store).render(&code, version, &language, &variables).await;
        let (version, rendered) = rendered?;
        Ok(Rendered {
            version,
            language: rendered.language.to_string(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
        })
    }
}

impl From<service::Error> for Error {
    fn from(error: service::Error) -> Self {
        match error {
            service::Error::NotFound(detail) => Error::NotFound(detail),
            service::Error::MissingVariables(names) => Error::MissingVariables(names),
            other => Error::Unavailable(other.to_string()),
        }
    }
}
