//! CGI 1.1 (RFC 3875) in the form of Spin's Wagi: a request as environment variables and arguments,
//! and the output of a command as a response.

use crate::calls::{CallError, Kind};
use crate::message::spin_fields::{
    BASE_PATH, CLIENT_ADDR, COMPONENT, FULL_URL, MATCHED, PATH_INFO, PATH_MATCH_PREFIX,
    RAW_COMPONENT, is_reserved,
};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, LOCATION};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// The host of a request without one.
const HOST_DEFAULT: &str = "default_host";
/// The value of a field that is not text.
const NOT_TEXT: &str = "CORRUPT VALUE";

/// The environment variables of a request whose body has this length. The request has Spin's header
/// fields.
pub(super) fn variables(request: &Parts, body_bytes: usize) -> BTreeMap<String, String> {
    let field = |name: &HeaderName| {
        let value = request.headers.get(name);
        value
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .unwrap_or_default()
    };
    let (path_info, matched, client) = (field(&PATH_INFO), field(&MATCHED), field(&CLIENT_ADDR));
    let decoded = percent_decode_str(&path_info).decode_utf8_lossy().into_owned();
    let client_host = client.parse::<std::net::SocketAddr>().map(|client| client.ip().to_string());
    let client_host = client_host.unwrap_or_default();
    let (server_name, server_port) = server(request, &field(&HOST));
    let mut all = BTreeMap::from(
        [
            ("AUTH_TYPE", String::new()),
            ("CONTENT_LENGTH", body_bytes.to_string()),
            ("CONTENT_TYPE", field(&CONTENT_TYPE)),
            ("GATEWAY_INTERFACE", "CGI/1.1".to_owned()),
            ("PATH_INFO", path_info.clone()),
            ("PATH_TRANSLATED", decoded),
            ("QUERY_STRING", request.uri.query().unwrap_or_default().to_owned()),
            ("REMOTE_ADDR", client_host.clone()),
            ("REMOTE_HOST", client_host),
            ("REMOTE_USER", String::new()),
            ("REQUEST_METHOD", request.method.to_string()),
            ("SCRIPT_NAME", matched.strip_suffix("/...").unwrap_or(&matched).to_owned()),
            ("SERVER_NAME", server_name),
            ("SERVER_PORT", server_port),
            ("SERVER_PROTOCOL", format!("{:?}", request.version)),
            ("SERVER_SOFTWARE", "WAGI/1".to_owned()),
            ("X_BASE_PATH", field(&BASE_PATH)),
            ("X_CLIENT_ADDR", client),
            ("X_COMPONENT_ROUTE", field(&COMPONENT)),
            ("X_FULL_URL", field(&FULL_URL)),
            ("X_MATCHED_ROUTE", matched.clone()),
            ("X_RAW_COMPONENT_ROUTE", field(&RAW_COMPONENT)),
            ("X_RAW_PATH_INFO", path_info),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for (name, value) in &request.headers {
        let name = name.as_str();
        if let Some(parameter) = name.strip_prefix(PATH_MATCH_PREFIX) {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            all.insert(format!("X_PATH_MATCH_{}", as_variable(parameter)), value);
        } else if !is_reserved(name) && ![AUTHORIZATION, CONNECTION].iter().any(|it| it == name) {
            let value = value.to_str().unwrap_or(NOT_TEXT).to_owned();
            all.insert(format!("HTTP_{}", as_variable(name)), value);
        }
    }
    all
}

fn as_variable(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// Name and port of the server, as the client calls it.
fn server(request: &Parts, host: &str) -> (String, String) {
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let name = if name.is_empty() { HOST_DEFAULT } else { name };
    let port = match port {
        "" => request.uri.port_u16().unwrap_or(80).to_string(),
        port => port.to_owned(),
    };
    (name.to_owned(), port)
}

/// The arguments of the command: `${SCRIPT_NAME}` is the path of the request, and `${ARGS}` are the
/// parameters of its query.
pub(super) fn arguments(pattern: &str, request: &Parts) -> Vec<String> {
    let parameters = request.uri.query().unwrap_or_default().replace('&', " ");
    let line = pattern.replace("${SCRIPT_NAME}", request.uri.path());
    line.replace("${ARGS}", &parameters).split(' ').map(str::to_owned).collect()
}

/// The output of a command as a response: header fields, an empty line, and the body. `Status` and
/// `Location` decide about the status.
pub(super) fn response(output: &Bytes) -> Result<Response<Bytes>, CallError> {
    if output.is_empty() {
        return Err(invalid(WITHOUT_TYPE));
    }
    let Some((head, body)) = split(output) else { return Ok(without_type()) };
    let head = std::str::from_utf8(&head).map_err(|_| invalid("its header fields are no text"))?;
    let mut response = Response::new(body);
    let (mut status, mut is_sufficient) = (None, false);
    for line in head.lines() {
        let Some((name, value)) = line.split_once(':') else {
            tracing::warn!("the line {line:?} of a command's output is not a header field");
            continue;
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        is_sufficient |= ["content-type", "status", "location"].contains(&&*name);
        if name == "status" {
            status = Some(status_of(value));
            continue;
        }
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => drop(response.headers_mut().insert(name, value)),
            (Ok(name), Err(_)) => {
                return Err(invalid(&format!("the value of `{name}` is not valid")));
            }
            (Err(_), _) => tracing::warn!("a command's output has the invalid field {line:?}"),
        }
    }
    if !is_sufficient {
        return Ok(without_type());
    }
    let moved = response.headers().contains_key(LOCATION);
    let usual = if moved { StatusCode::FOUND } else { StatusCode::OK };
    *response.status_mut() = status.unwrap_or(usual);
    Ok(response)
}

const WITHOUT_TYPE: &str = "its output does not begin with `Content-Type`, `Location` or `Status`, \
                            and an empty line after the header fields";

/// The response to output that says neither what it is nor where it is. Its body is that of stock
/// Spin.
fn without_type() -> Response<Bytes> {
    tracing::error!("a component is called as a command; {WITHOUT_TYPE}");
    let body = "Exactly one of 'location' or 'content-type' must be specified";
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// `404 Not Found` → 404.
fn status_of(value: &str) -> StatusCode {
    let code = value.split(' ').next().unwrap_or(value);
    code.parse().unwrap_or_else(|_| {
        tracing::warn!("{value:?} is not a status: the response of a command has 502 instead");
        StatusCode::BAD_GATEWAY
    })
}

/// Header fields without carriage returns, and the body after the first empty line.
fn split(output: &Bytes) -> Option<(Vec<u8>, Bytes)> {
    let mut head = Vec::new();
    for (at, byte) in output.iter().enumerate() {
        match byte {
            b'\r' => {}
            b'\n' if head.last() == Some(&b'\n') => return Some((head, output.slice(at + 1..))),
            byte => head.push(*byte),
        }
    }
    None
}

fn invalid(reason: &str) -> CallError {
    CallError::new(Kind::InvalidAnswer, format!("The component is called as a command; {reason}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Parts {
        let request = http::Request::post("http://shop.test:8080/base/a%20b/c?x=1&y=2&y=3")
            .header("host", "shop.test:8080")
            .header("spin-path-info", "/a%20b/c")
            .header("spin-full-url", "http://shop.test:8080/base/a%20b/c?x=1&y=2&y=3")
            .header("spin-matched-route", "/base/...")
            .header("spin-component-route", "/base")
            .header("spin-raw-component-route", "/base/...")
            .header("spin-base-path", "/")
            .header("spin-client-addr", "[::1]:999")
            .header("spin-path-match-user-id", "7")
            .header("content-type", "text/plain")
            .header("authorization", "secret")
            .header("x-trace-id", "t");
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_request_is_described_by_variables() {
        let variables = variables(&request(), 12);
        for (name, value) in [
            ("CONTENT_LENGTH", "12"),
            ("CONTENT_TYPE", "text/plain"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("HTTP_HOST", "shop.test:8080"),
            ("HTTP_X_TRACE_ID", "t"),
            ("PATH_INFO", "/a%20b/c"),
            ("PATH_TRANSLATED", "/a b/c"),
            ("QUERY_STRING", "x=1&y=2&y=3"),
            ("REMOTE_ADDR", "::1"),
            ("REQUEST_METHOD", "POST"),
            ("SCRIPT_NAME", "/base"),
            ("SERVER_NAME", "shop.test"),
            ("SERVER_PORT", "8080"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("X_CLIENT_ADDR", "[::1]:999"),
            ("X_COMPONENT_ROUTE", "/base"),
            ("X_MATCHED_ROUTE", "/base/..."),
            ("X_PATH_MATCH_USER_ID", "7"),
            ("X_RAW_PATH_INFO", "/a%20b/c"),
        ] {
            assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
        }
        for absent in ["HTTP_AUTHORIZATION", "HTTP_SPIN_PATH_INFO"] {
            assert!(!variables.contains_key(absent), "{absent}");
        }
    }

    #[test]
    fn arguments_are_path_and_parameters() {
        let arguments = |pattern| arguments(pattern, &request());
        assert_eq!(arguments("${SCRIPT_NAME} ${ARGS}"), ["/base/a%20b/c", "x=1", "y=2", "y=3"]);
        assert_eq!(arguments("run --fast"), ["run", "--fast"]);
    }

    fn answer(output: &str) -> Result<Response<Bytes>, CallError> {
        response(&Bytes::copy_from_slice(output.as_bytes()))
    }

    #[test]
    fn output_is_header_fields_and_a_body() {
        let found = answer("Content-Type: text/plain\r\nX-A: 1\r\n\r\nline\r\n\nrest").unwrap();
        assert_eq!((found.status().as_u16(), &found.body()[..]), (200, &b"line\r\n\nrest"[..]));
        assert_eq!(found.headers()["x-a"], "1");
        for (output, status) in [
            ("Status: 404 Not Found\n\n", 404),
            ("Location: /x\n\n", 302),
            ("Status: 301\nLocation: /x\n\n", 301),
            ("Status: many\n\n", 502),
        ] {
            assert_eq!(answer(output).unwrap().status(), status, "{output:?}");
        }
    }

    #[test]
    fn output_without_a_type_is_a_fault_of_the_command() {
        for output in ["hello", "X-A: 1\n\nhello", "Content-Type: text/plain\n", "\n\nx"] {
            let answer = answer(output).unwrap();
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{output:?}");
            assert!(answer.body().starts_with(b"Exactly one of"), "{output:?}");
        }
        assert_eq!(answer("").unwrap_err().kind, Kind::InvalidAnswer);
    }
}
