//! Serving an HTTP request with a component.
//!
//! The guest runs inside the caller's own task for as long as nothing has to wait: pop an
//! instance, run it, collect its small answer, push it back. Only when the answer goes on
//! after its head (a stream, or work that the guest left behind) does the rest of the call
//! move to a task of its own. Dropping the future at any point drops the instance and
//! with it stops the guest.

use super::failure::classify;
use super::streamed_body::{self, ReaderGone};
use crate::calls::{self, Admitted, BodyFault, Call, CallError, Kind, Permit, run_until_reply};
use crate::engine::instances::{Instance, Revision, State};
use crate::engine::scheduling::{LazyTimeout, within};
use crate::message as framing;
use crate::registry::Slot;
use crate::telemetry::Outcome;
use bytes::{Bytes, BytesMut};
use futures::future::{Either, select};
use http::Method;
use http::header::CONTENT_LENGTH;
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use wasmtime::AsContextMut as _;
use wasmtime_wasi_http::handler::Prepared;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, WasiBody};

/// A request to a component.
pub(crate) type Request = http::Request<WasiBody>;
/// A component's answer.
pub(crate) type Response = http::Response<WasiBody>;
/// The error that a guest answered with instead of a response.
pub(crate) type GuestErrorCode = ErrorCode;

/// An answer of at most this size is sent whole, with its length.
const COLLECTED_BODY_MAX_BYTES: usize = 64 * 1024;
/// How long to wait for the end of an answer whose length is not known before it is
/// treated as a stream.
const COLLECT_GRACE: Duration = Duration::from_millis(2);
/// How long a guest may go on after its answer is complete.
const AFTERWORK_MAX: Duration = Duration::from_secs(30);

/// Serve one request.
pub(crate) async fn call(
    slot: Arc<Slot>,
    call: Call,
    request: Request,
) -> Result<Response, CallError> {
    let admitted = slot.admission.admit(call).await?;
    let revision = slot.revision.load_full();
    let background = revision.background.clone();
    run_until_reply(&background, |reply| perform(revision, admitted, request, Reply::new(reply)))
        .await
}

/// The whole of the call: ends when the guest has nothing left to do.
async fn perform(revision: Arc<Revision>, admitted: Admitted, request: Request, reply: Reply) {
    let mut admitted = admitted;
    let fault = request.extensions().get::<BodyFault>().cloned();
    let outcome = match perform_within(&revision, &mut admitted, request, &reply).await {
        Ok(outcome) => outcome,
        Err(error) => {
            // If a guest fails because of a faulty body, the body is the cause.
            let error = fault.and_then(|fault| fault.error()).unwrap_or(error);
            tracing::warn!(
                component = %revision.component.id,
                trace_id = %format_args!("{:032x}", admitted.span.context.trace_id),
                request_id = admitted.span.context.request_id.as_deref(),
                blame = error.kind.blame().name(),
                "{error}"
            );
            let failed = Outcome::Failed(error.kind);
            reply.send(Err(error));
            failed
        }
    };
    admitted.span.end(outcome);
}

async fn perform_within(
    revision: &Revision,
    admitted: &mut Admitted,
    request: Request,
    reply: &Reply,
) -> Result<Outcome, CallError> {
    let mut instance = revision.take(admitted).await?;
    let deadline = admitted.deadline.instant();
    let outcome = {
        let cpu = &instance.store.data().cpu;
        let (clock, turns) = (cpu.clock.clone(), cpu.turns.clone());
        let drive = drive(&mut instance, request, reply, &mut admitted.permit);
        let mut work = pin!(turns.run(clock.measure(drive)));
        let mut patience = LazyTimeout::until(deadline);
        let mut streaming = false;
        poll_fn(|cx| {
            // Late is late: what the guest waits for may have the same deadline, and the guest is
            // not to answer for that just now.
            if !reply.answer.sent() && patience.is_over() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(outcome));
            }
            loop {
                ready!(patience.poll(cx));
                // The deadline is about the head; a body that streams has its own.
                if streaming || !reply.answer.sent() {
                    return Poll::Ready(None);
                }
                streaming = true;
                let limit = revision.component.limits.stream_deadline;
                patience = LazyTimeout::until(Instant::now() + limit);
            }
        })
        .await
    };
    match outcome {
        Some(Ok(())) => {
            revision.give_back(instance);
            Ok(reply.status().map_or(Outcome::Ok, Outcome::Status))
        }
        Some(Err(error)) if error.is::<ReaderGone>() => Ok(Outcome::Cancelled),
        Some(Err(error)) => Err(classify(&error, instance.store.data_mut())),
        None => Err(CallError::new(Kind::DeadlineExceeded, "the answer did not come in time")),
    }
}

/// Run the guest until it has answered, its body has gone out and its last task is done.
async fn drive(
    instance: &mut Instance,
    request: Request,
    reply: &Reply,
    permit: &mut Permit,
) -> wasmtime::Result<()> {
    let Instance { store, proxy, .. } = instance;
    let proxy =
        proxy.as_ref().ok_or_else(|| wasmtime::format_err!("it exports no HTTP handler"))?;
    let (head_sender, head) = futures::channel::oneshot::channel();
    let (answered_sender, answered) = oneshot::channel::<()>();
    let method = request.method().clone();
    let guest = store.run_concurrent(async |accessor| {
        let prepared = accessor.with(|mut access| {
            let store = access.as_context_mut();
            Prepared::new(store, proxy, request, State::http_view, head_sender)
        })?;
        prepared.run(accessor, pending()).await?;
        accessor.with(|mut access| access.get().stream());
        // Gone means that the answer failed; then nobody waits for what is left of the guest.
        let _ = answered.await;
        let afterwork = poll_fn(|cx| accessor.poll_no_interesting_tasks(cx));
        within(AFTERWORK_MAX, afterwork)
            .await
            .ok_or_else(|| wasmtime::format_err!("it went on too long after its answer"))
    });
    // Not inside the guest's event loop, which polls nothing else while a guest of WASI 0.2
    // waits in a host call: as it does until somebody has read what it wrote.
    let answer = async {
        let head = head.await.map_err(|_| wasmtime::format_err!("it never answered"))??;
        deliver(head, &method, reply, permit).await?;
        drop(answered_sender);
        Ok::<(), wasmtime::Error>(())
    };
    match select(pin!(guest), pin!(answer)).await {
        Either::Left((guest, _)) => guest?,
        // In the same turn: a call that has nothing left to do needs no task of its own.
        Either::Right((answer, guest)) => {
            answer?;
            guest.await?
        }
    }
}

/// Hand the answer to the caller: whole if it is small and there, else as a stream.
async fn deliver(
    head: Response,
    to: &Method,
    reply: &Reply,
    permit: &mut Permit,
) -> wasmtime::Result<()> {
    framing::check_status(head.status())?;
    if framing::is_bodiless(to, head.status()) {
        return deliver_head(head, reply).await;
    }
    let (mut parts, mut body) = head.into_parts();
    let announced = announced_length(&parts.headers);
    if announced.is_some_and(|length| length > COLLECTED_BODY_MAX_BYTES) {
        permit.become_stream().map_err(wasmtime::Error::new)?;
        return stream(parts, Collected::default(), None, body, reply).await;
    }
    let mut collected = Collected::default();
    let collecting = collect(&mut body, &mut collected);
    let end = match announced {
        Some(_) => collecting.await?,
        None => within(COLLECT_GRACE, collecting).await.unwrap_or(Ok(End::NotYet(None)))?,
    };
    if let End::NotYet(next) = end {
        permit.become_stream().map_err(wasmtime::Error::new)?;
        return stream(parts, collected, next, body, reply).await;
    }
    let body = collected.into_bytes();
    framing::check_length(announced, body.len())?;
    parts.headers.entry(CONTENT_LENGTH).or_insert_with(|| body.len().into());
    reply.send(Ok(Response::from_parts(parts, full(body))));
    Ok(())
}

/// Send a head without a body. If the guest writes a body anyway, it is read for a short time, so
/// that a normal guest can finish; one that continues to write is stopped.
async fn deliver_head(head: Response, reply: &Reply) -> wasmtime::Result<()> {
    let (mut parts, mut body) = head.into_parts();
    let mut collected = Collected::default();
    let end = within(COLLECT_GRACE, collect(&mut body, &mut collected)).await;
    let whole = matches!(end, Some(Ok(End::Reached)));
    let written_bytes = if whole { collected.len() } else { 0 };
    framing::without_body(parts.status, &mut parts.headers, written_bytes);
    reply.send(Ok(Response::from_parts(parts, WasiBody::default())));
    // An error here means that the body is shorter than the length in the head, which is expected.
    let ended = whole || matches!(end, Some(Err(_)));
    if ended { Ok(()) } else { Err(streamed_body::reader_gone()) }
}

/// The answer's body broke off. It may be one that the guest has only handed on.
#[derive(Debug, thiserror::Error)]
#[error("its answer broke off: {0:?}")]
pub(crate) struct Broken(Error);

impl Broken {
    fn by(error: Error) -> wasmtime::Error {
        wasmtime::Error::new(Self(error))
    }

    /// What happened to the body at its source.
    pub(crate) fn kind(&self) -> Kind {
        match self.0 {
            Error::HttpRequestBodySize(_) => Kind::BodyTooLarge,
            // Somebody else's connection, or ours to the client.
            Error::Hyper(_) | Error::ConnectionReadTimeout => Kind::BodyIncomplete,
            _ => Kind::NoAnswer,
        }
    }
}

/// The beginning of a body. A small one comes in one piece, which is then not copied.
#[derive(Debug, Default)]
struct Collected {
    first: Bytes,
    /// All of it, as soon as there is a second piece.
    joined: BytesMut,
}

impl Collected {
    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.first);
        }
        self.joined.extend_from_slice(&data);
    }

    fn len(&self) -> usize {
        self.first.len().max(self.joined.len())
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

/// How far the collecting of a body has come.
#[derive(Debug)]
enum End {
    Reached,
    /// There is more, beginning with this frame if one was read that is no data.
    NotYet(Option<Frame<Bytes>>),
}

/// Read a body until its end, or until it is no small one or has trailers.
async fn collect(body: &mut WasiBody, collected: &mut Collected) -> wasmtime::Result<End> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Broken::by)?;
        match frame.into_data() {
            Ok(data) => collected.push(data),
            Err(trailers) => return Ok(End::NotYet(Some(trailers))),
        }
        if collected.len() > COLLECTED_BODY_MAX_BYTES {
            return Ok(End::NotYet(None));
        }
    }
    Ok(End::Reached)
}

async fn stream(
    parts: http::response::Parts,
    first: Collected,
    next: Option<Frame<Bytes>>,
    mut rest: WasiBody,
    reply: &Reply,
) -> wasmtime::Result<()> {
    let (mut writer, body) = streamed_body::channel();
    reply.send(Ok(Response::from_parts(parts, body)));
    if first.len() > 0 {
        writer.data(first.into_bytes()).await?;
    }
    if let Some(next) = next {
        writer.frame(next).await?;
    }
    loop {
        // A guest with nothing to say for a while would not notice by itself.
        let frame = tokio::select! {
            biased;
            frame = rest.frame() => frame,
            gone = writer.reader_gone() => return Err(gone),
        };
        let Some(frame) = frame else { return writer.finish().await };
        writer.frame(frame.map_err(Broken::by)?).await?;
    }
}

fn announced_length(headers: &http::HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body that is there already.
pub(crate) fn full(bytes: impl Into<Bytes>) -> WasiBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Where the answer goes, and what it was.
struct Reply {
    answer: calls::Reply<Response>,
    /// 0 until there is an answer.
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

    fn status(&self) -> Option<u16> {
        Some(self.status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::Background;
    use http::HeaderMap;
    use http_body_util::StreamBody;

    #[tokio::test]
    async fn trailers_are_kept_for_the_stream() {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        let frames = [Frame::data(Bytes::from_static(b"abc")), Frame::trailers(trailers)];
        let frames = frames.map(Ok::<_, Error>);
        let body = StreamBody::new(futures::stream::iter(frames)).boxed_unsync();
        let permit = Permit::of_test().await;
        let background = Background::of_test();
        let answer = run_until_reply(&background, |reply| async move {
            let mut permit = permit;
            let reply = Reply::new(reply);
            deliver(Response::new(body), &Method::GET, &reply, &mut permit).await.unwrap();
        });
        let sent = answer.await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(sent.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(sent.to_bytes(), "abc");
    }
}
