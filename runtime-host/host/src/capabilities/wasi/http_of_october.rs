//! `wasi:http` as the snapshot of October 2023 had it: functions that have changed since, with the
//! names that the engine gives them.

use crate::capabilities::State;
use std::time::Duration;
use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi_http::p2::HeaderError;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode, Host as _, Method, Scheme};
use wasmtime_wasi_http::p2::body::{HostFutureTrailers, HostOutgoingBody};
use wasmtime_wasi_http::p2::types::{
    HostFutureIncomingResponse, HostOutgoingRequest, HostOutgoingResponse, HostResponseOutparam,
};
use wasmtime_wasi_http::{FieldMap, WasiHttpView as _};

/// The error of October, which had no codes.
#[derive(Debug, Clone, ComponentType, Lift, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "invalid-url")]
    InvalidUrl(String),
    #[component(name = "timeout-error")]
    Timeout(String),
    #[component(name = "protocol-error")]
    Protocol(String),
    #[component(name = "unexpected-error")]
    Unexpected(String),
}

/// The options of October, which were no resource. In milliseconds.
#[derive(Debug, Clone, Copy, ComponentType, Lift, Lower)]
#[component(record)]
struct RequestOptions {
    #[component(name = "connect-timeout-ms")]
    connect: Option<u32>,
    #[component(name = "first-byte-timeout-ms")]
    first_byte: Option<u32>,
    #[component(name = "between-bytes-timeout-ms")]
    between_bytes: Option<u32>,
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        let text = code.to_string();
        match code {
            ErrorCode::HttpRequestUriInvalid => Self::InvalidUrl(text),
            ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::DnsTimeout
            | ErrorCode::HttpResponseTimeout => Self::Timeout(text),
            ErrorCode::HttpProtocolError | ErrorCode::TlsProtocolError => Self::Protocol(text),
            _ => Self::Unexpected(text),
        }
    }
}

impl From<Error> for ErrorCode {
    fn from(error: Error) -> Self {
        let text = match error {
            Error::InvalidUrl(text) => format!("invalid URL: {text}"),
            Error::Timeout(text) => format!("timeout: {text}"),
            Error::Protocol(text) => format!("protocol error: {text}"),
            Error::Unexpected(text) => text,
        };
        Self::InternalError(Some(text))
    }
}

/// A header that is not allowed had no error, so it is a trap.
fn header_error(error: HeaderError) -> wasmtime::Error {
    match error.downcast() {
        Ok(error) => wasmtime::Error::new(error),
        Err(error) => error,
    }
}

type Store<'a> = StoreContextMut<'a, State>;
type Fields = Resource<FieldMap>;
type Values = Vec<Vec<u8>>;
type Request = (Method, Option<String>, Option<Scheme>, Option<String>, Fields);

/// Defines the functions in the instance of `wasi:http/types`.
pub(super) fn add_types(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    fields(instance)?;
    requests(instance)?;
    responses(instance)?;
    bodies(instance)
}

fn fields(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    instance.func_wrap(
        "[static]fields.new-october",
        |mut store: Store<'_>, (entries,): (Vec<(String, Vec<u8>)>,)| {
            Ok((types::HostFields::from_list(&mut store.data_mut().http(), entries)
                .map_err(header_error)?,))
        },
    )?;
    instance.func_wrap(
        "[method]fields.set-october",
        |mut store: Store<'_>, (fields, name, values): (Fields, String, Values)| {
            types::HostFields::set(&mut store.data_mut().http(), fields, name, values)
                .map_err(header_error)
        },
    )?;
    instance.func_wrap(
        "[method]fields.delete-october",
        |mut store: Store<'_>, (fields, name): (Fields, String)| {
            types::HostFields::delete(&mut store.data_mut().http(), fields, name)
                .map_err(header_error)
        },
    )?;
    instance.func_wrap(
        "[method]fields.append-october",
        |mut store: Store<'_>, (fields, name, value): (Fields, String, Vec<u8>)| {
            types::HostFields::append(&mut store.data_mut().http(), fields, name, value)
                .map_err(header_error)
        },
    )
}

fn requests(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    instance.func_wrap(
        "[static]outgoing-request.new-october",
        |mut store: Store<'_>, (method, path, scheme, authority, headers): Request| {
            let mut http = store.data_mut().http();
            let headers = types::HostFields::clone(&mut http, headers)?;
            let request = types::HostOutgoingRequest::new(&mut http, headers)?;
            let borrowed = || Resource::<HostOutgoingRequest>::new_borrow(request.rep());
            let set = types::HostOutgoingRequest::set_method(&mut http, borrowed(), method)?
                .is_ok()
                && types::HostOutgoingRequest::set_path_with_query(&mut http, borrowed(), path)?
                    .is_ok()
                && types::HostOutgoingRequest::set_scheme(&mut http, borrowed(), scheme)?.is_ok()
                && types::HostOutgoingRequest::set_authority(&mut http, borrowed(), authority)?
                    .is_ok();
            wasmtime::ensure!(set, "the method, path, scheme or authority of a request is invalid");
            Ok((request,))
        },
    )?;
    instance.func_wrap(
        "[method]outgoing-request.write",
        |mut store: Store<'_>, (request,): (Resource<HostOutgoingRequest>,)| {
            Ok((types::HostOutgoingRequest::body(&mut store.data_mut().http(), request)?,))
        },
    )
}

fn responses(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    type Answer = std::result::Result<Resource<HostOutgoingResponse>, Error>;
    instance.func_wrap(
        "[static]outgoing-response.new-october",
        |mut store: Store<'_>, (status, headers): (u16, Fields)| {
            let mut http = store.data_mut().http();
            let headers = types::HostFields::clone(&mut http, headers)?;
            let response = types::HostOutgoingResponse::new(&mut http, headers)?;
            let borrowed = Resource::new_borrow(response.rep());
            let set = types::HostOutgoingResponse::set_status_code(&mut http, borrowed, status)?;
            wasmtime::ensure!(set.is_ok(), "{status} is not an HTTP status");
            Ok((response,))
        },
    )?;
    instance.func_wrap(
        "[method]outgoing-response.write",
        |mut store: Store<'_>, (response,): (Resource<HostOutgoingResponse>,)| {
            Ok((types::HostOutgoingResponse::body(&mut store.data_mut().http(), response)?,))
        },
    )?;
    instance.func_wrap(
        "[static]response-outparam.set-october",
        |mut store: Store<'_>, (out, answer): (Resource<HostResponseOutparam>, Answer)| {
            let answer = answer.map_err(ErrorCode::from);
            types::HostResponseOutparam::set(&mut store.data_mut().http(), out, answer)
        },
    )?;
    instance.func_wrap(
        "[method]future-incoming-response.get-october",
        |mut store: Store<'_>, (future,): (Resource<HostFutureIncomingResponse>,)| {
            let found =
                types::HostFutureIncomingResponse::get(&mut store.data_mut().http(), future)?;
            Ok((found.map(|taken| taken.map(|answer| answer.map_err(Error::from))),))
        },
    )
}

fn bodies(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    instance.func_wrap(
        "[static]outgoing-body.finish-october",
        |mut store: Store<'_>, (body, trailers): (Resource<HostOutgoingBody>, Option<Fields>)| {
            let mut http = store.data_mut().http();
            types::HostOutgoingBody::finish(&mut http, body, trailers).or_else(|error| {
                // A body of another length than announced had no error.
                let code = http.convert_error_code(error)?;
                Err(wasmtime::Error::new(code))
            })
        },
    )?;
    instance.func_wrap(
        "[method]future-trailers.get-october",
        |mut store: Store<'_>, (future,): (Resource<HostFutureTrailers>,)| {
            let mut http = store.data_mut().http();
            let trailers = match types::HostFutureTrailers::get(&mut http, future)? {
                None => None,
                Some(Ok(Ok(Some(trailers)))) => Some(Ok(trailers)),
                Some(Ok(Ok(None))) => Some(Ok(types::HostFields::new(&mut http)?)),
                Some(Ok(Err(code))) => Some(Err(Error::from(code))),
                Some(Err(())) => wasmtime::bail!("the trailers were taken before"),
            };
            Ok((trailers,))
        },
    )
}

/// Defines the function in the instance of `wasi:http/outgoing-handler`.
pub(super) fn add_handler(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    type Sent = std::result::Result<Resource<HostFutureIncomingResponse>, Error>;
    type Handled = (Resource<HostOutgoingRequest>, Option<RequestOptions>);
    instance.func_wrap("handle-october", |mut store: Store<'_>, (request, options): Handled| {
        let mut http = store.data_mut().http();
        let options = options.map(|old| http.table.push(timeouts(old))).transpose()?;
        let sent: Sent = match http.handle(request, options) {
            Ok(future) => Ok(future),
            Err(error) => Err(http.convert_error_code(error)?.into()),
        };
        Ok((sent,))
    })
}

fn timeouts(old: RequestOptions) -> wasmtime_wasi_http::RequestOptions {
    let timeout = |ms: Option<u32>| ms.map(|ms| Duration::from_millis(ms.into()));
    wasmtime_wasi_http::RequestOptions {
        connect_timeout: timeout(old.connect),
        first_byte_timeout: timeout(old.first_byte),
        between_bytes_timeout: timeout(old.between_bytes),
    }
}
