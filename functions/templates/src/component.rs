//! The component: the contract and the REST interface over the store of the host.

use axum::Router;
use bindings::exports::shop::templates::renderer::{Error, Guest, Rendered};

use crate::routes::App;
use crate::service::{self, Templates};

contracts::function!("templates");

struct Component;

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    let app = App { templates: Templates::new(store.clone()), keys: bindings::IdentityKeys };
    Ok(bindings::complete(crate::routes::router(app), store))
}

impl Guest for Component {
    async fn render(
        code: String,
        version: Option<u32>,
        language: String,
        variables: Vec<(String, String)>,
    ) -> Result<Rendered, Error> {
        let store = bindings::store().map_err(|error| Error::Unavailable(error.to_string()))?;
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
