//! The server of the collector: requests of OTLP over HTTP and gRPC.

use super::{Received, Refusal, State};
use bytes::{Buf, Bytes};
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use std::convert::Infallible;
use std::io::Read;
use std::sync::Arc;

type ReplyBody = StreamBody<futures::stream::Iter<std::vec::IntoIter<ReplyFrame>>>;
type ReplyFrame = Result<Frame<Bytes>, Infallible>;

/// Keeps a request, and answers it.
pub(super) async fn serve(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<ReplyBody>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a whole request").to_bytes();
    let is_grpc = head.headers["content-type"] == "application/grpc";
    let refusal = state.refusals.lock().expect("the refusals").pop_front();
    let message = match is_grpc {
        true => {
            assert_eq!(head.version, http::Version::HTTP_2);
            assert_eq!(head.headers["te"], "trailers");
            of_grpc(body, &head.headers)
        }
        false => {
            assert_eq!(head.headers["content-type"], "application/x-protobuf");
            let is_gzip = head.headers.get("content-encoding").is_some_and(|value| value == "gzip");
            if is_gzip { unzipped(&body) } else { body }
        }
    };
    let is_accepted = matches!(refusal, None | Some(Refusal::Partial(_)));
    let received =
        Received { path: head.uri.path().to_owned(), headers: head.headers, is_accepted, message };
    state.requests.lock().expect("the requests").push(received);
    state.changed.send_modify(|count| *count += 1);
    Ok(match refusal {
        Some(Refusal::Never) => std::future::pending().await,
        Some(Refusal::Status(status, field)) => {
            let mut response = reply(vec![]);
            *response.status_mut() = status.try_into().expect("a status");
            if let Some((name, value)) = field {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        }
        Some(Refusal::Grpc(status)) => {
            let mut response = reply(vec![]);
            let headers = response.headers_mut();
            headers.insert("content-type", HeaderValue::from_static("application/grpc"));
            headers.insert("grpc-status", HeaderValue::from_static(status));
            response
        }
        // `partial_success` with a number of rejected items.
        Some(Refusal::Partial(count)) => accepted(is_grpc, &[0x0a, 2, 0x08, count]),
        None => accepted(is_grpc, &[]),
    })
}

fn accepted(is_grpc: bool, message: &[u8]) -> Response<ReplyBody> {
    if !is_grpc {
        return reply(vec![Frame::data(Bytes::copy_from_slice(message))]);
    }
    let prefix = [0, 0, 0, 0, u8::try_from(message.len()).expect("a short message")];
    let data = [&prefix, message].concat();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut response = reply(vec![Frame::data(data.into()), Frame::trailers(trailers)]);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", grpc);
    response
}

fn reply(frames: Vec<Frame<Bytes>>) -> Response<ReplyBody> {
    let frames: Vec<ReplyFrame> = frames.into_iter().map(Ok).collect();
    Response::new(StreamBody::new(futures::stream::iter(frames)))
}

/// The message of a unary call.
fn of_grpc(mut body: Bytes, headers: &HeaderMap) -> Bytes {
    let is_compressed = body.get_u8() == 1;
    let length = body.get_u32() as usize;
    assert_eq!(body.len(), length, "one message");
    match is_compressed {
        true => {
            assert_eq!(headers["grpc-encoding"], "gzip");
            unzipped(&body)
        }
        false => body,
    }
}

fn unzipped(bytes: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain.into()
}
