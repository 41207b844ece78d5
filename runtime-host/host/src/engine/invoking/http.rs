//! Serving an HTTP request with a component.
//!
//! A small response is collected and sent at once, and the instance is then kept for another call.
//! A response that continues after its head is streamed, which may outlive the caller's task.
//! Dropping the future at any point drops the instance, which stops the guest.

use super::collected_body::{BodyEnd, COLLECT_GRACE, COLLECTED_BODY_MAX_BYTES, aborted, collect};
use super::invocation::{self, Invocation, afterwork};
use super::unsent_body::UnsentBody;
use super::{spin_v1, streamed_body, wagi};
use crate::calls::{self, Admitted, BodyFault, CallError, Permit};
use crate::engine::instances::{GuestState, HttpHandler, Instance, Revision, State};
use crate::engine::scheduling::within;
use crate::message::{
    Body, Pieces, Request, Response, check_length, check_status, full_body, is_bodiless,
    needs_length, without_body,
};
use crate::telemetry::Outcome;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{Either, select};
use http::Method;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::sync::oneshot;
use wasmtime::AsContextMut as _;
use wasmtime_wasi_http::handler::{Prepared, Proxy};

/// Serves a request. Ends when the guest has nothing left to do.
pub(super) async fn serve<G: GuestState>(
    revision: Arc<Revision<G>>,
    mut admitted: Admitted,
    request: Request,
    reply: calls::Reply<Response>,
) {
    let reply = Reply::new(reply);
    let fault = request.extensions().get::<BodyFault>().cloned();
    let result = run(&revision, &mut admitted, request, &reply).await;
    // If a guest fails because of a faulty body, the body is the cause.
    let result = result.map_err(|error| fault.and_then(|fault| fault.error()).unwrap_or(error));
    invocation::end(&revision.component.id, admitted, result, |error| reply.send(Err(error)));
}

async fn run<G: GuestState>(
    revision: &Revision<G>,
    admitted: &mut Admitted,
    request: Request,
    reply: &Reply,
) -> Result<Outcome, CallError> {
    let mut instance = revision.take(admitted).await?;
    let stream_deadline = revision.component.limits.stream_deadline;
    let invocation = Invocation::new(&instance, admitted, stream_deadline);
    let work = drive(&mut instance, request, reply, &mut admitted.permit);
    let ended = invocation.run(work, || reply.answer.sent()).await;
    let outcome = ended.map(|ended| ended.map(|()| reply.outcome()));
    invocation::release(revision, instance, outcome)
}

/// Runs the guest until its response is sent completely and its last task has ended.
async fn drive<G: GuestState>(
    instance: &mut Instance<G>,
    request: Request,
    reply: &Reply,
    permit: &mut Permit,
) -> wasmtime::Result<()> {
    let Instance { store, handler, .. } = instance;
    let handler =
        handler.as_ref().ok_or_else(|| wasmtime::format_err!("it exports no HTTP handler"))?;
    let (head_sender, head) = futures::channel::oneshot::channel();
    let (answered_sender, answered) = oneshot::channel::<()>();
    let method = request.method().clone();
    let guest = async {
        if let HttpHandler::Script(script) = handler {
            wagi::handle(store, script, request, head_sender).await?;
            // It may have ended by `exit`, and then nothing can be asked of it.
            let _ = answered.await;
            return Ok(());
        }
        store
            .run_concurrent(async |accessor| {
                match handler {
                    HttpHandler::SpinV1(handler) => {
                        spin_v1::handle(accessor, *handler, request, head_sender).await?;
                    }
                    // Above: a command is not called concurrently.
                    HttpHandler::Script(_) => {}
                    HttpHandler::Wasi(proxy) => {
                        let prepared = accessor.with(|mut access| {
                            // As in stock Spin, only guests of WASI 0.3 see it.
                            access.get().guest.show_host(matches!(proxy, Proxy::P3(_)));
                            let store = access.as_context_mut();
                            let view = State::<G>::http_view;
                            let prepared = Prepared::new(store, proxy, request, view, head_sender);
                            access.get().guest.show_host(false);
                            prepared
                        })?;
                        prepared.run(accessor, pending()).await?;
                        if !matches!(proxy, Proxy::P3(_)) {
                            accessor.with(|mut access| access.get().end_open_bodies());
                        }
                    }
                }
                accessor.with(|mut access| access.get().stream());
                // Closed means that the response failed; then no one needs the rest of the guest's work.
                let _ = answered.await;
                afterwork(accessor).await
            })
            .await?
    };
    // Not inside the guest's event loop, which polls nothing else while a guest of WASI 0.2 waits
    // in a host call, as it does until its output has been read.
    let answer = async {
        let head = head.await.map_err(|_| wasmtime::format_err!("it never answered"))??;
        deliver(head, &method, reply, permit).await?;
        drop(answered_sender);
        Ok::<(), wasmtime::Error>(())
    };
    match select(pin!(guest), pin!(answer)).await {
        Either::Left((guest, answer)) => {
            if guest.is_err() {
                // What it has responded before it failed counts, as far as that is complete.
                let _ = answer.now_or_never();
            }
            guest
        }
        // In the same poll: a call that has nothing left to do needs no separate task.
        Either::Right((answer, guest)) => {
            answer?;
            guest.await
        }
    }
}

/// Sends the response to the caller: at once if it is small and complete, else as a stream.
async fn deliver(
    mut head: Response,
    to: &Method,
    reply: &Reply,
    permit: &mut Permit,
) -> wasmtime::Result<()> {
    check_status(head.status())?;
    // The host frames the response. Only guests of Spin 1 and commands can set this field: they
    // often pass on all fields of another response.
    head.headers_mut().remove(TRANSFER_ENCODING);
    if is_bodiless(to, head.status()) {
        return deliver_head(head, reply).await;
    }
    let (mut parts, mut body) = head.into_parts();
    let announced = announced_length(&parts.headers);
    let known = known_length(&body);
    if announced.is_some_and(|length| length > COLLECTED_BODY_MAX_BYTES) {
        permit.become_stream().map_err(wasmtime::Error::new)?;
        return stream(parts, Pieces::default(), None, body, reply).await;
    }
    let mut collected = Pieces::default();
    let collecting = collect(&mut body, announced, &mut collected);
    let end = match announced {
        Some(_) => collecting.await?,
        None => within(COLLECT_GRACE, collecting).await.unwrap_or(Ok(BodyEnd::NotReached(None)))?,
    };
    if let BodyEnd::NotReached(next) = end {
        if let Some(length) = known {
            parts.headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
        }
        permit.become_stream().map_err(wasmtime::Error::new)?;
        return stream(parts, collected, next, body, reply).await;
    }
    let body = collected.take();
    check_length(announced, body.len())?;
    parts.headers.entry(CONTENT_LENGTH).or_insert_with(|| body.len().into());
    reply.send(Ok(Response::from_parts(parts, full_body(body))));
    Ok(())
}

/// Sends a head without a body: at once, unless the length of a body that is not sent is part of
/// it. A guest may then fail when it ends a body that is shorter than the length that it has set.
async fn deliver_head(head: Response, reply: &Reply) -> wasmtime::Result<()> {
    let (parts, body) = head.into_parts();
    let send = |mut parts: http::response::Parts, written_bytes| {
        without_body(parts.status, &mut parts.headers, written_bytes);
        reply.send(Ok(Response::from_parts(parts, Body::default())));
    };
    if needs_length(parts.status, &parts.headers) {
        let known = known_length(&body);
        let unsent = UnsentBody::read(body).await;
        send(parts, known.or(unsent.whole_bytes).unwrap_or(0));
        // A body of a known length needs no guest any more.
        return if known.is_some() { Ok(()) } else { unsent.check() };
    }
    send(parts, 0);
    UnsentBody::read(body).await.check()
}

async fn stream(
    parts: http::response::Parts,
    mut first: Pieces,
    next: Option<Frame<Bytes>>,
    mut rest: Body,
    reply: &Reply,
) -> wasmtime::Result<()> {
    let (mut writer, body) = streamed_body::channel();
    reply.send(Ok(Response::from_parts(parts, body)));
    if first.len() > 0 {
        writer.data(first.take()).await?;
    }
    if let Some(next) = next {
        writer.frame(next).await?;
    }
    loop {
        // A guest that writes nothing for a while would not notice by itself.
        let frame = tokio::select! {
            biased;
            frame = rest.frame() => frame,
            gone = writer.reader_gone() => return Err(gone),
        };
        let Some(frame) = frame else { return writer.finish().await };
        writer.frame(frame.map_err(aborted)?).await?;
    }
}

fn announced_length(headers: &http::HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The length of a body that is complete before it is sent, such as one of a guest of Spin 1.
fn known_length(body: &Body) -> Option<usize> {
    body.size_hint().exact().and_then(|length| usize::try_from(length).ok())
}

/// Sends the response, and remembers its status.
struct Reply {
    answer: calls::Reply<Response>,
    /// 0 until there is a response.
    status: AtomicU16,
}

impl Reply {
    fn new(answer: calls::Reply<Response>) -> Self {
        Self { answer, status: AtomicU16::new(0) }
    }

    fn send(&self, answer: Result<Response, CallError>) {
        let status = answer.as_ref().map_or_else(|e| e.kind.status(), |a| a.status().as_u16());
        self.status.store(status, Ordering::Relaxed);
        self.answer.send(answer);
    }

    fn outcome(&self) -> Outcome {
        match self.status.load(Ordering::Relaxed) {
            0 => Outcome::Ok,
            status => Outcome::Status(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::BodyError;
    use http::HeaderMap;
    use http_body_util::StreamBody;

    /// What a client gets that sends a request with this method.
    #[expect(clippy::disallowed_methods, reason = "the test awaits its reply")]
    async fn delivered(answer: Response, to: Method) -> Response {
        let permit = Permit::of_test().await;
        let (reply, result) = calls::Reply::of_test();
        tokio::spawn(async move {
            let (reply, mut permit) = (Reply::new(reply), permit);
            deliver(answer, &to, &reply, &mut permit).await.unwrap();
        });
        result.await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_large_body_of_known_length_is_sent_with_it() {
        const BYTES: usize = 2 * COLLECTED_BODY_MAX_BYTES;
        for method in [Method::GET, Method::HEAD] {
            let answer = Response::new(full_body(vec![0; BYTES]));
            let answer = delivered(answer, method.clone()).await;
            assert_eq!(answer.headers()[CONTENT_LENGTH], BYTES.to_string(), "{method}");
            let sent = answer.into_body().collect().await.unwrap().to_bytes().len();
            assert_eq!(sent, if method == Method::GET { BYTES } else { 0 });
        }
    }

    #[tokio::test]
    async fn the_framing_of_a_guest_is_not_passed_on() {
        let mut answer = Response::new(full_body("abc"));
        answer.headers_mut().insert(TRANSFER_ENCODING, "chunked".parse().unwrap());
        let answer = delivered(answer, Method::GET).await;
        assert_eq!(answer.headers()[CONTENT_LENGTH], "3");
        assert!(!answer.headers().contains_key(TRANSFER_ENCODING));
    }

    #[tokio::test]
    async fn trailers_are_kept_for_the_stream() {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        let frames = [Frame::data(Bytes::from_static(b"abc")), Frame::trailers(trailers)];
        let frames = frames.map(Ok::<_, BodyError>);
        let body = StreamBody::new(futures::stream::iter(frames)).boxed_unsync();
        let response = delivered(Response::new(body), Method::GET).await;
        let sent = response.into_body().collect().await.unwrap();
        assert_eq!(sent.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(sent.to_bytes(), "abc");
    }
}
