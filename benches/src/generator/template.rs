//! Requests that are made once and written often.

use super::Arguments;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::io::Write as _;

/// What `{key}` is replaced in.
const KEY: &str = "{key}";

/// A request as it is described.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    method: String,
    path: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
}

impl Request {
    /// The one that the command line describes.
    pub(super) fn of(arguments: &Arguments, path: &str) -> Result<Request> {
        let header = |field: &String| {
            let (name, value) = field.split_once(':').context("a header field without a colon")?;
            Ok((name.to_owned(), value.trim().to_owned()))
        };
        let body = arguments.body.as_ref().map(std::fs::read_to_string).transpose()?;
        Ok(Request {
            method: arguments.method.clone(),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            headers: arguments.headers.iter().map(header).collect::<Result<_>>()?,
            body,
        })
    }
}

/// A request in pieces: a key comes between any two of them.
pub(super) struct Template(Vec<Vec<u8>>);

impl Template {
    pub(super) fn of(request: &Request, authority: &str) -> Template {
        let Request { method, path, headers, body } = request;
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let mut pieces: Vec<Vec<u8>> = text.split(KEY).map(Into::into).collect();
        // Its length is that of what is written: a key in a body would change it.
        if let (Some(last), Some(body)) = (pieces.last_mut(), body) {
            last.extend_from_slice(body.as_bytes());
        }
        Template(pieces)
    }

    pub(super) fn write(&self, request: &mut Vec<u8>, key: u64) {
        request.clear();
        for (index, piece) in self.0.iter().enumerate() {
            if index > 0 {
                // Writing to memory does not fail.
                let _ = write!(request, "{key}");
            }
            request.extend_from_slice(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_has_its_key_and_its_body() {
        let request = r#"{ "method": "POST", "path": "/k{key}", "headers": [["x", "a-{key}"]],
                           "body": "abc" }"#;
        let template = Template::of(&serde_json::from_str(request).unwrap(), "localhost:1");
        let mut request = Vec::new();
        template.write(&mut request, 42);
        let expected = "POST /k42 HTTP/1.1\r\nhost: localhost:1\r\nx: a-42\r\n\
                        content-length: 3\r\n\r\nabc";
        assert_eq!(String::from_utf8(request).unwrap(), expected);
    }

    #[test]
    fn the_command_line_describes_one_too() {
        use clap::Parser as _;
        let line = ["generator", "http://localhost:1", "--method", "PUT", "--header", "x: a:b"];
        let request = Request::of(&Arguments::parse_from(line), "").unwrap();
        assert_eq!((request.path.as_str(), request.body), ("/", None));
        assert_eq!(request.headers, [("x".to_owned(), "a:b".to_owned())]);
    }
}
