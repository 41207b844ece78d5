//! Bodies: large ones, slow ones, ones that break off, and work that goes on afterwards.

use super::{Answer, parameter, stores, surroundings, text};
use bytes::Bytes;
use futures::SinkExt;
use http::{StatusCode, Uri};
use http_body_util::BodyExt;
use spin_sdk::http::body::stream as channel;
use spin_sdk::http::{Request, Response, box_body};
use spin_sdk::wasip3::spawn;

/// More than the host sends in one piece.
const STREAMED_MIN_BYTES: usize = 80 * 1024;

/// The request's body, as it comes.
pub(crate) fn echo(request: Request) -> Answer {
    let kind = request.headers().get("content-type").cloned();
    let mut answer = Response::new(box_body(request.into_body()));
    if let Some(kind) = kind {
        answer.headers_mut().insert("content-type", kind);
    }
    answer
}

/// The number of bytes in the request's body, or why it could not be read.
pub(crate) async fn length(request: Request) -> Answer {
    let mut body = request.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => length += frame.data_ref().map_or(0, Bytes::len),
            Err(error) => return text(format!("after {length} bytes: {error:?}")),
        }
    }
    text(length.to_string())
}

/// The `status`, a `content-length` if there is a `length`, and a body of `bytes`.
pub(crate) fn answer(uri: &Uri) -> Answer {
    let number = |name| parameter(uri, name).map(|text| text.parse().unwrap());
    let mut answer = text(vec![b'x'; number("bytes").unwrap_or(0)]);
    *answer.status_mut() = StatusCode::from_u16(number("status").unwrap_or(200) as u16).unwrap();
    if let Some(length) = number("length") {
        answer.headers_mut().insert("content-length", length.into());
    }
    answer
}

/// One chunk at once, and another one when the answer to `url` is there.
pub(crate) fn stream(url: String) -> Answer {
    let (mut chunks, body) = channel::<Bytes>();
    spawn(async move {
        let _ = chunks.send(Bytes::from_static(b"data: first\n\n")).await;
        surroundings::fetch(&url).await;
        let _ = chunks.send(Bytes::from_static(b"data: second\n\n")).await;
    });
    let mut answer = Response::new(box_body(body));
    answer.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
    answer
}

/// One chunk at once, and then nothing, and no end.
pub(crate) fn endless() -> Answer {
    let (mut chunks, body) = channel::<Bytes>();
    spawn(async move {
        let _ = chunks.send(Bytes::from_static(b"data: first\n\n")).await;
        super::faults::sleep(u64::from(u32::MAX)).await;
        drop(chunks);
    });
    Response::new(box_body(body))
}

/// A body of this many KiB.
pub(crate) fn big(kib: usize) -> Answer {
    let (mut chunks, body) = channel::<Bytes>();
    spawn(async move {
        for _ in 0..kib {
            if chunks.send(Bytes::from_static(&[b'x'; 1024])).await.is_err() {
                return;
            }
        }
    });
    Response::new(box_body(body))
}

/// A part of an answer, and then a trap, when the answer to `url` is there.
pub(crate) fn abort(url: String) -> Answer {
    let (mut chunks, body) = channel::<Bytes>();
    spawn(async move {
        let _ = chunks.send(Bytes::from(vec![b'x'; STREAMED_MIN_BYTES])).await;
        surroundings::fetch(&url).await;
        super::faults::trap();
    });
    Response::new(box_body(body))
}

/// A whole answer; then, when the answer to `url` is there, a write to the store.
pub(crate) fn after(url: String, key: String) -> Answer {
    spawn(async move {
        surroundings::fetch(&url).await;
        stores::set("default", &key, "written after the answer").await;
    });
    text("done")
}
