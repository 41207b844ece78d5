//! The component: HTTP requests, and the calls that they lead to.

use self::{{namespace_crate}}::{{crate}}::{{crate}}::{Error, words};
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{IntoResponse, Method, Request, StatusCode};
use spin_sdk::http_service;

wit_bindgen::generate!({
    world: "{{namespace}}:{{name}}-caller/service@1.0.0",
    path: ["../../wit/{{name}}", "../../wit/{{name}}-caller"],
    generate_all,
});

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    if request.method() != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, String::new());
    }
    let Ok(body) = request.into_body().bytes().await else {
        return (StatusCode::BAD_REQUEST, "the body can't be read\n".to_owned());
    };
    let Ok(text) = String::from_utf8(body.to_vec()) else {
        return (StatusCode::BAD_REQUEST, "the body is no text\n".to_owned());
    };
    match words(text).await {
        Ok(count) => (StatusCode::OK, format!("{count} words\n")),
        Err(Error::Empty) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "there are no words in it\n".to_owned())
        }
        Err(Error::Unavailable(reason)) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}
