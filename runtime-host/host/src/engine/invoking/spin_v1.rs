//! Serving an HTTP request with a handler of Spin 1: `fermyon:spin/inbound-http`.
//!
//! Its requests and responses are values, so both bodies are whole.

use super::whole_body;
use crate::calls::{CallError, Kind};
use crate::engine::instances::spin_v1::{Handler, SpinMethod, SpinRequest, SpinResponse};
use crate::engine::instances::{GuestState, State};
use crate::message::{Request, Response, full_body};
use futures::channel::oneshot;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderMap, Method, StatusCode};
use wasmtime::component::Accessor;

/// Calls the handler, and sends its response to `reply`.
pub(super) async fn handle<G: GuestState>(
    accessor: &Accessor<State<G>>,
    handler: Handler,
    request: Request,
    reply: oneshot::Sender<wasmtime::Result<Response>>,
) -> wasmtime::Result<()> {
    let response = match method(request.method()) {
        None => refusal(StatusCode::METHOD_NOT_ALLOWED),
        Some(method) => {
            let request = to_guest(method, request).await?;
            let (response,) = handler.call_concurrent(accessor, (request,)).await?;
            from_guest(response)?
        }
    };
    // A caller that is gone needs no response.
    let _ = reply.send(Ok(response));
    Ok(())
}

/// The methods of the interface. Others are refused, as in stock Spin.
fn method(method: &Method) -> Option<SpinMethod> {
    Some(match *method {
        Method::GET => SpinMethod::Get,
        Method::POST => SpinMethod::Post,
        Method::PUT => SpinMethod::Put,
        Method::DELETE => SpinMethod::Delete,
        Method::PATCH => SpinMethod::Patch,
        Method::HEAD => SpinMethod::Head,
        Method::OPTIONS => SpinMethod::Options,
        _ => return None,
    })
}

fn refusal(status: StatusCode) -> Response {
    let mut response = http::Response::new(full_body(""));
    *response.status_mut() = status;
    response
}

/// The request as a value.
async fn to_guest(method: SpinMethod, request: Request) -> wasmtime::Result<SpinRequest> {
    let (parts, body) = request.into_parts();
    let body = whole_body::read(body).await?;
    let uri = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    // It concerns the host alone, and would break the requests of guests that pass on all fields.
    let headers = parts.headers.iter().filter(|(name, _)| **name != CONNECTION);
    let headers = headers.map(|(name, value)| (name.to_string(), text(value)));
    let (headers, params) = (headers.collect(), Vec::new());
    let body = Some(body.into());
    Ok(SpinRequest { method, uri, headers, params, body })
}

fn from_guest(response: SpinResponse) -> wasmtime::Result<Response> {
    let invalid = |what: String| CallError::new(Kind::InvalidAnswer, what);
    let status = StatusCode::from_u16(response.status)
        .map_err(|_| invalid(format!("{} is not an HTTP status", response.status)))?;
    let mut headers = HeaderMap::new();
    for (name, value) in response.headers.unwrap_or_default() {
        let field = (name.parse::<http::HeaderName>(), value.parse::<http::HeaderValue>());
        let (Ok(name), Ok(value)) = field else {
            return Err(invalid(format!("the header field {name:?} is not valid")).into());
        };
        // As in stock Spin, where the last one counts. Others may be repeated.
        if name == CONTENT_LENGTH {
            headers.insert(name, value);
        } else {
            headers.append(name, value);
        }
    }
    let mut built = http::Response::new(full_body(response.body.unwrap_or_default()));
    *built.status_mut() = status;
    *built.headers_mut() = headers;
    Ok(built)
}
