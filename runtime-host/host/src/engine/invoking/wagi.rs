//! Serving an HTTP request with a command: Spin's Wagi.
//!
//! Each request is one run of the command. Its standard input is the body of the request, and its
//! standard output the response; both are whole.

use super::{cgi, whole_body};
use crate::engine::instances::{GuestState, Script, State};
use crate::message::{Request, Response, full_body};
use bytes::Bytes;
use futures::channel::oneshot;
use wasmtime::Store;
use wasmtime_wasi::I32Exit;

/// Runs the command, and sends its response to `reply`.
pub(super) async fn handle<G: GuestState>(
    store: &mut Store<State<G>>,
    script: &Script,
    request: Request,
    reply: oneshot::Sender<wasmtime::Result<Response>>,
) -> wasmtime::Result<()> {
    let (parts, body) = request.into_parts();
    let input = whole_body::read(body).await?;
    let variables: Vec<_> = cgi::variables(&parts, input.len()).into_iter().collect();
    let arguments = cgi::arguments(&script.arguments, &parts);
    let output = store.data_mut().become_script(&variables, &arguments, input)?;
    // Not concurrently: then the error of a command that exits would end the whole event loop.
    if !has_succeeded(script.run.call_async(&mut *store, ()).await)? {
        tracing::error!("a command ended without success; its output is sent all the same");
    }
    let output: Bytes = output.contents();
    let response = cgi::response(&output)?;
    // A caller that is gone needs no response.
    let _ = reply.send(Ok(response.map(full_body)));
    Ok(())
}

/// Whether a command says that it has succeeded. To exit with another code than 0 is a failure.
fn has_succeeded(ended: wasmtime::Result<(Result<(), ()>,)>) -> wasmtime::Result<bool> {
    match ended {
        Ok((result,)) => Ok(result.is_ok()),
        Err(error) => match error.downcast_ref() {
            Some(I32Exit(0)) => Ok(true),
            _ => Err(error),
        },
    }
}
