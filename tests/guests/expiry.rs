//! Keys that expire: `/put` takes `store` and `key`, `/expire` also `at` (milliseconds since the
//! epoch), and `/keys` lists the keys of `store`.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unused_qualifications)]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        world: "client",
        path: "../../wit/store",
        inline: "
            package tessera-test:store;
            world client { import tessera:store/expiry@1.0.0; }
        ",
        generate_all,
    });
}

use bindings::tessera::store::expiry;
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::key_value::Store;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let query = request.uri().query().unwrap_or_default();
    let wanted = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).unwrap()
    };
    match request.uri().path() {
        "/put" => {
            let store = Store::open(wanted("store")).await.unwrap();
            store.set(wanted("key"), b"value".to_vec()).await.unwrap();
            (StatusCode::NO_CONTENT, String::new())
        }
        "/keys" => {
            let store = Store::open(wanted("store")).await.unwrap();
            let mut keys = store.get_keys().await.collect().await.unwrap();
            keys.sort();
            (StatusCode::OK, keys.join(" "))
        }
        _ => {
            let at_ms = wanted("at").parse().unwrap();
            match expiry::expire_at(wanted("store"), wanted("key"), at_ms).await {
                Ok(()) => (StatusCode::NO_CONTENT, String::new()),
                Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:?}")),
            }
        }
    }
}
