//! Middleware: it answers `/blocked` itself, sends a request of its own for `/own?url=…`, and passes
//! everything else on. It adds a letter to `x-passed` of the request and of the response.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "generated bindings")]

use http::{HeaderMap, HeaderValue, StatusCode};
use spin_sdk::http::{BoxBody, EmptyBody, FullBody, IntoResponse, Request, Response, box_body};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> Result<impl IntoResponse, spin_sdk::http::Error> {
    Ok(match request.uri().path() {
        "/blocked" => answer(StatusCode::FORBIDDEN, "blocked".to_owned()),
        "/own" => own(request.uri().query().unwrap_or_default()).await,
        _ => pass(request).await?,
    })
}

async fn pass(mut request: Request) -> Result<Response<BoxBody>, spin_sdk::http::Error> {
    mark(request.headers_mut());
    request.headers_mut().remove("host");
    let mut response = spin_sdk::http::next(request).await?;
    mark(response.headers_mut());
    Ok(response.map(box_body))
}

async fn own(query: &str) -> Response<BoxBody> {
    let url = query.strip_prefix("url=").unwrap_or_default();
    let request = http::Request::get(url).body(EmptyBody::new()).unwrap();
    match spin_sdk::http::send(request).await {
        Ok(response) => answer(response.status(), "sent".to_owned()),
        Err(error) => answer(StatusCode::BAD_GATEWAY, format!("{error:?}")),
    }
}

fn answer(status: StatusCode, text: String) -> Response<BoxBody> {
    let mut answer = Response::new(box_body(FullBody::new(bytes::Bytes::from(text))));
    *answer.status_mut() = status;
    answer
}

fn mark(headers: &mut HeaderMap) {
    let passed = headers.get("x-passed").map_or(&b""[..], |value| value.as_bytes());
    let passed = [passed, b"m"].concat();
    headers.insert("x-passed", HeaderValue::from_bytes(&passed).unwrap());
}
