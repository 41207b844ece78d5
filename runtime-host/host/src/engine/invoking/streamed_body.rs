//! A body that is streamed from a guest to its reader.
//!
//! The channel is short, so a slow reader slows the guest down. A body that stops before its end
//! is an error for the reader: a truncated response must not look complete.

use crate::message::{Body, BodyError};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;

/// Frames that wait between the guest and the reader.
const FRAMES_WAITING_MAX: usize = 4;

enum Message {
    Frame(Frame<Bytes>),
    End,
}

/// The writing side.
pub(crate) struct Writer(mpsc::Sender<Message>);

/// A body and the side that fills it.
pub(crate) fn channel() -> (Writer, Body) {
    let (sender, receiver) = mpsc::channel(FRAMES_WAITING_MAX);
    let frames = futures::stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Message::Frame(frame)) => Some((Ok(frame), Some(receiver))),
            Some(Message::End) => None,
            None => Some((Err(BodyError::HttpResponseIncomplete), None)),
        }
    });
    (Writer(sender), StreamBody::new(frames).boxed_unsync())
}

impl Writer {
    pub(crate) async fn data(&mut self, bytes: Bytes) -> wasmtime::Result<()> {
        self.frame(Frame::data(bytes)).await
    }

    pub(crate) async fn frame(&mut self, frame: Frame<Bytes>) -> wasmtime::Result<()> {
        self.send(Message::Frame(frame)).await
    }

    /// Ends when the reader has closed the body.
    pub(crate) async fn reader_gone(&self) -> wasmtime::Error {
        self.0.closed().await;
        reader_gone()
    }

    /// Without this the reader sees an error.
    pub(crate) async fn finish(self) -> wasmtime::Result<()> {
        let Self(sender) = self;
        sender.send(Message::End).await.map_err(|_| reader_gone())
    }

    async fn send(&mut self, message: Message) -> wasmtime::Result<()> {
        self.0.send(message).await.map_err(|_| reader_gone())
    }
}

/// The client has closed the response before its end, which is not a failure.
#[derive(Debug, thiserror::Error)]
#[error("client closed the response")]
pub(crate) struct ReaderGoneError;

pub(crate) fn reader_gone() -> wasmtime::Error {
    wasmtime::Error::new(ReaderGoneError)
}
