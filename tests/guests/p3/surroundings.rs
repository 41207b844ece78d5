//! What the host gives or refuses: other hosts, variables, environment.

use super::{Answer, parameter, status, text};
use http_body_util::BodyExt;
use spin_sdk::experimental::wasi::config::store as config_store;
use spin_sdk::http::{Request, box_body};

/// The time between two variables that are read.
const PAUSE_MS: u64 = 2;

/// Send a request and read its answer to the end, whatever it is.
pub(crate) async fn fetch(url: &str) {
    if let Ok(response) = spin_sdk::http::get(url).await {
        let _ = response.into_body().collect().await;
    }
}

/// What another server answers; 502 and why, if it does not.
pub(crate) async fn outbound(url: &str) -> Answer {
    match spin_sdk::http::get(url).await {
        Err(error) => status(502, format!("{error:?}")),
        Ok(response) => {
            let code = response.status().as_u16();
            match response.into_body().collect().await {
                Ok(body) => status(code, body.to_bytes()),
                Err(error) => status(502, format!("the body broke: {error:?}")),
            }
        }
    }
}

/// The same request for `url`, its body and the answer's passed on as they come.
pub(crate) async fn forward(request: Request) -> Answer {
    let (mut parts, body) = request.into_parts();
    parts.uri = parameter(&parts.uri, "url").unwrap().parse().unwrap();
    parts.headers.remove("host");
    match spin_sdk::http::send(http::Request::from_parts(parts, body)).await {
        Ok(response) => response.map(box_body),
        Err(error) => status(502, format!("{error:?}")),
    }
}

pub(crate) async fn variable(name: &str) -> Answer {
    match spin_sdk::variables::get(name).await {
        Ok(value) => text(value),
        Err(error) => status(404, format!("{error:?}")),
    }
}

/// The values of several variables (`a.b`), read one after the other.
pub(crate) async fn variables(names: &str) -> Answer {
    let mut values = Vec::new();
    for name in names.split('.') {
        values.push(spin_sdk::variables::get(name).await.unwrap_or_default());
        crate::faults::sleep(PAUSE_MS).await;
    }
    text(values.join(" "))
}

pub(crate) fn config(name: &str) -> Answer {
    match config_store::get(name) {
        Ok(Some(value)) => text(value),
        Ok(None) => status(404, ""),
        Err(error) => status(500, format!("{error:?}")),
    }
}

pub(crate) fn environment(name: &str) -> Answer {
    std::env::var(name).map_or_else(|_| status(404, ""), text)
}

pub(crate) fn file(path: &str) -> Answer {
    std::fs::read(path).map_or_else(|error| status(404, error.to_string()), text)
}

/// Calls the first of the components `between` (`a.b`), which calls the next, and so on in a cycle.
/// Returns the error of `outbound` at the end.
pub(crate) async fn ping_pong(between: &str) -> Answer {
    let (callee, rest) = between.split_once('.').unwrap_or((between, between));
    let url = format!("http://{callee}.spin.internal/ping-pong?between={rest}.{callee}");
    outbound(&url).await
}

/// Calls itself recursively through the application's own address.
pub(crate) async fn call_self() -> Answer {
    outbound("http://self/call-self").await
}

/// Requests `bytes` random bytes. Returns how many it got.
pub(crate) fn random(bytes: u64) -> Answer {
    text(spin_sdk::wasip3::random::random::get_random_bytes(bytes).len().to_string())
}

pub(crate) fn write_file(path: &str, content: &str) -> Answer {
    let written = std::fs::write(path, content);
    written.map_or_else(|error| status(403, format!("{error:?}")), |()| status(204, ""))
}
