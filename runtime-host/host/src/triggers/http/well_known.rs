//! The paths of Spin itself: `/.well-known/spin/health` and `/.well-known/spin/info`. No route is
//! asked for a path below `/.well-known/spin/`.

use crate::message::{Response, full_body};
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use tessera_manifest::App;

/// The prefix of these paths.
const PREFIX: &str = "/.well-known/spin/";

/// The answers, made once.
#[derive(Debug, Default)]
pub(crate) struct WellKnown {
    info: Bytes,
}

impl WellKnown {
    pub(crate) fn new(app: &App) -> Self {
        let mut info = Map::new();
        info.insert("name".to_owned(), app.name.clone().into());
        if let Some(version) = &app.version {
            info.insert("version".to_owned(), version.clone().into());
        }
        Self { info: format!("{:#}", Value::Object(info)).into() }
    }

    /// The answer for a path; `None` if it is not one of these.
    pub(super) fn answer(&self, path: &str) -> Option<Response> {
        match path.strip_prefix(PREFIX)? {
            "health" => Some(Response::new(full_body("OK"))),
            "info" => {
                let mut response = Response::new(full_body(self.info.clone()));
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                Some(response)
            }
            _ => None,
        }
    }

    /// Whether no route is asked for a path.
    pub(super) fn is_reserved(path: &str) -> bool {
        path.starts_with(PREFIX)
    }
}
