//! A guest of WASI 0.3 that uses servers: sockets, message brokers, language models and databases.
//!
//! It answers with what a server gave, or with 502 and the error.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "generated bindings")]

mod databases;
mod models;
mod mqtt;
mod sockets;

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        path: "../../runtime-host/host/wit/deps/fermyon-spin@2.0.0",
        inline: "
            package tessera-test:services;
            world guest { import fermyon:spin/mqtt@2.0.0; }
        ",
        generate_all,
    });
}

use http::Uri;
use spin_sdk::http::{BoxBody, FullBody, IntoResponse, Request, Response, box_body};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> Result<impl IntoResponse, spin_sdk::http::Error> {
    let uri = request.uri().clone();
    let wanted = |name: &str| parameter(&uri, name);
    let done = match uri.path() {
        "/tcp" => sockets::tcp(&wanted("to"), &wanted("send")),
        "/udp" => sockets::udp(&wanted("to"), &wanted("send")),
        "/lookup" => sockets::lookup(&wanted("name")),
        "/listen" => sockets::listen(&wanted("on")),
        "/hold-tcp" => sockets::hold(&wanted("to"), wanted("count").parse().unwrap_or(0)),
        "/hold-udp" => sockets::hold_udp(wanted("count").parse().unwrap_or(0)),
        "/hold-tcp-0-3" => {
            sockets::hold_tcp_0_3(&wanted("to"), wanted("count").parse().unwrap_or(0)).await
        }
        "/hold-udp-0-3" => sockets::hold_udp_0_3(wanted("count").parse().unwrap_or(0)),
        "/tcp-0-3" => sockets::tcp_0_3(&wanted("to"), &wanted("send")).await,
        "/udp-0-3" => sockets::udp_0_3(&wanted("to"), &wanted("send")).await,
        "/lookup-0-3" => sockets::lookup_0_3(wanted("name")).await,
        "/hold-0-3" => sockets::hold_0_3(wanted("count").parse().unwrap_or(0)),
        "/mqtt" => mqtt::publish(&uri).await,
        "/mqtt-2" => mqtt::publish_2(&uri),
        "/mqtt-open" => mqtt::open(&wanted("address"), wanted("count").parse().unwrap_or(0)).await,
        "/infer" => models::infer_text(&wanted("model"), &wanted("prompt"), &wanted("tokens")),
        "/embed" => models::embed(&wanted("model"), &wanted("prompt")),
        "/sql" => databases::execute(request).await,
        "/rows" => databases::count(request).await,
        other => Err(format!("there is no {other}")),
    };
    Ok::<Response<BoxBody>, _>(match done {
        Ok(text) => respond(200, text),
        Err(error) => respond(502, error),
    })
}

/// A parameter of the query, empty without one. `%26` is an ampersand, and there are no other escapes.
fn parameter(uri: &Uri, name: &str) -> String {
    let query = uri.query().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| value);
    value.unwrap_or_default().replace("%26", "&").replace("%20", " ")
}

fn respond(status: u16, text: String) -> Response<BoxBody> {
    let mut response = Response::new(box_body(FullBody::new(text.into())));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    response
}

/// What the guest's functions return: text for the answer, or the error.
type Done = Result<String, String>;

fn debug(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
