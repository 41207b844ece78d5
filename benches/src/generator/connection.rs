//! A connection that is kept: it writes a request and finds the end of the answer.

use anyhow::{Context as _, Result, bail};
use httparse::{Response, Status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of an answer that are held at once; a head must fit.
const BUFFER_BYTES: usize = 64 * 1024;
/// Header fields of an answer.
const HEADERS_MAX: usize = 64;

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
    /// The part of the buffer that is read and not yet used.
    filled: std::ops::Range<usize>,
}

/// How the length of a body is known.
enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: vec![0; BUFFER_BYTES].into(), filled: 0..0 })
    }

    /// Sends a request and reads its answer to the end: the status.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<u16> {
        let Connection { stream, buffer, filled } = self;
        let (reader, mut writer) = stream.split();
        let mut answer = Answer { reader, buffer, filled };
        // At the same time: who answers while it reads would wait for us otherwise.
        let (written, status) = tokio::join!(writer.write_all(request), answer.read());
        written?;
        status
    }
}

struct Answer<'a> {
    reader: tokio::net::tcp::ReadHalf<'a>,
    buffer: &'a mut [u8],
    filled: &'a mut std::ops::Range<usize>,
}

impl Answer<'_> {
    async fn read(&mut self) -> Result<u16> {
        let (status, length) = self.head().await?;
        match length {
            Length::Known(length) => self.skip(length).await?,
            Length::Chunked => while self.chunk().await? {},
        }
        Ok(status)
    }

    async fn head(&mut self) -> Result<(u16, Length)> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut head = Response::new(&mut headers);
            if let Status::Complete(end) = head.parse(&self.buffer[self.filled.clone()])? {
                let status = head.code.context("no status")?;
                let length = length(status, head.headers)?;
                self.filled.start += end;
                return Ok((status, length));
            }
            self.more().await?;
        }
    }

    /// Reads over one chunk; whether it was not the last.
    async fn chunk(&mut self) -> Result<bool> {
        loop {
            let found = httparse::parse_chunk_size(&self.buffer[self.filled.clone()]);
            if let Ok(Status::Complete((start, size))) = found {
                // After the data, and after the last chunk (where no trailers follow), a line end.
                self.skip(start + usize::try_from(size)? + 2).await?;
                return Ok(size > 0);
            }
            if found.is_err() {
                bail!("a malformed chunk");
            }
            self.more().await?;
        }
    }

    async fn skip(&mut self, mut length: usize) -> Result<()> {
        loop {
            let here = length.min(self.filled.len());
            self.filled.start += here;
            length -= here;
            if length == 0 {
                return Ok(());
            }
            self.more().await?;
        }
    }

    /// Reads what is there, behind what is not yet used.
    async fn more(&mut self) -> Result<()> {
        if self.filled.start == self.filled.end {
            *self.filled = 0..0;
        } else if self.filled.end == self.buffer.len() {
            self.buffer.copy_within(self.filled.clone(), 0);
            *self.filled = 0..self.filled.len();
        }
        let read = self.reader.read(&mut self.buffer[self.filled.end..]).await?;
        if read == 0 {
            bail!("the connection ends, or the head is too long");
        }
        self.filled.end += read;
        Ok(())
    }
}

fn length(status: u16, headers: &[httparse::Header<'_>]) -> Result<Length> {
    let value = |name: &str| {
        let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    if matches!(status, 204 | 304) {
        return Ok(Length::Known(0));
    }
    match (value("content-length"), value("transfer-encoding")) {
        (Some(length), _) => Ok(Length::Known(length.trim().parse()?)),
        (None, Some(_)) => Ok(Length::Chunked),
        (None, None) => bail!("an answer without a length"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::net::TcpListener;

    /// Answers with these pieces, each in a write of its own; what three requests see.
    async fn statuses(pieces: &'static [&'static [u8]]) -> Vec<Result<u16>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            stream.set_nodelay(true).unwrap();
            for piece in pieces {
                stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut connection = Connection::open(&address).await.unwrap();
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(connection.send(b"GET / HTTP/1.1\r\n\r\n").await);
        }
        statuses
    }

    #[tokio::test]
    async fn answers_end_where_they_say_however_they_are_cut() {
        let seen = statuses(&[
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHel",
            b"loHTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r",
            b"\nabc\r\n1",
            b"0\r\n0123456789abcdef\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        ]);
        let seen: Vec<u16> = seen.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(seen, [200, 404, 204]);
    }

    #[tokio::test]
    async fn a_lost_answer_is_an_error() {
        let seen = statuses(&[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHel"]).await;
        assert!(seen.iter().all(Result::is_err));
    }
}
