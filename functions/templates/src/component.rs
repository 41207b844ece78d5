//! The component: the contract and the REST interface over the store of the host.

use bindings::exports::shop::templates::renderer::{Error, Guest, Rendered};
use chassis::store::SpinStore;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::routes::{App, router};
use crate::service::{Refusal, Templates};

contracts::function!("templates");

struct Component;

fn templates() -> Result<Templates<SpinStore>, chassis::store::StoreError> {
    SpinStore::open("templates").map(Templates::new)
}

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let templates = match templates() {
        Ok(templates) => templates,
        Err(error) => {
            return axum::response::IntoResponse::into_response(chassis::Problem::from(error));
        }
    };
    let rest = router(App { templates, keys: bindings::IdentityKeys });
    let routes = rest.merge(chassis::rpc::router(bindings::dispatch));
    chassis::app::serve(chassis::app::router_with_problems(routes), request).await
}

impl Guest for Component {
    async fn render(
        code: String,
        version: Option<u32>,
        language: String,
        variables: Vec<(String, String)>,
    ) -> Result<Rendered, Error> {
        let templates = templates().map_err(|error| Error::Unavailable(error.to_string()))?;
        let answer = templates.render(&code, version, &language, &variables).await;
        let (version, rendered) = answer.map_err(failure)?;
        Ok(Rendered {
            version,
            language: rendered.language.to_string(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
        })
    }
}

fn failure(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotFound(detail) => Error::NotFound(detail),
        Refusal::MissingVariables(names) => Error::MissingVariables(names),
        other => Error::Unavailable(other.to_string()),
    }
}
