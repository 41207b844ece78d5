//! Calls of an instance: an HTTP request, or an exported function.

mod failure;
mod function;
mod http;
mod streamed_body;

pub(crate) use failure::instantiation;
pub(crate) use function::{FunctionName, call as call_function};
pub(crate) use http::{Request, Response, call as call_http, full};
