//! Feature flags. `/boolean`, `/string`, `/integer`, `/double` and `/object` take `key` and `default`,
//! and the context as `user` and as an attribute `country` or `age`. `/twice` evaluates a flag, sends
//! a request to `wait`, and evaluates it again; `/count` does it `times` times.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unused_qualifications)]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        world: "client",
        path: "../../wit/flags",
        inline: "
            package tessera-test:evaluations;
            world client { import tessera:%flags/evaluation@1.0.0; }
        ",
        generate_all,
    });
}

use bindings::tessera::flags::evaluation::{
    Attribute, Context, Details, evaluate_boolean, evaluate_double, evaluate_integer,
    evaluate_object, evaluate_string,
};
use spin_sdk::http::{EmptyBody, IntoResponse, Request, StatusCode, send};
use spin_sdk::http_service;
use std::fmt::Display;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let given = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let wanted = |name: &str| given(name).unwrap();
    let context = || Context { targeting_key: given("user"), attributes: attributes(&given) };
    let key = || wanted("key");
    let text = match request.uri().path() {
        "/boolean" => {
            let got = evaluate_boolean(key(), wanted("default") == "true", context()).await;
            shown(got.value, &got.details)
        }
        "/string" => {
            let got = evaluate_string(key(), wanted("default"), context()).await;
            shown(got.value, &got.details)
        }
        "/integer" => {
            let default = wanted("default").parse().unwrap();
            let got = evaluate_integer(key(), default, context()).await;
            shown(got.value, &got.details)
        }
        "/double" => {
            let default = wanted("default").parse().unwrap();
            let got = evaluate_double(key(), default, context()).await;
            shown(got.value, &got.details)
        }
        "/object" => {
            let got = evaluate_object(key(), wanted("default"), context()).await;
            shown(got.value, &got.details)
        }
        "/count" => {
            for _ in 0..wanted("times").parse().unwrap() {
                evaluate_boolean(key(), false, context()).await;
            }
            String::new()
        }
        _ => {
            let before = evaluate_boolean(key(), false, context()).await;
            let request = http::Request::get(wanted("wait")).body(EmptyBody::new()).unwrap();
            send(request).await.unwrap();
            let after = evaluate_boolean(key(), false, context()).await;
            format!("{} {}", before.value, after.value)
        }
    };
    (StatusCode::OK, text)
}

fn attributes(given: &impl Fn(&str) -> Option<String>) -> Vec<(String, Attribute)> {
    let country = given("country").map(|text| ("country".to_owned(), Attribute::Text(text)));
    let age = given("age").map(|text| ("age".to_owned(), Attribute::Number(text.parse().unwrap())));
    // An attribute that is given twice is an error.
    let twice = given("twice").map(|text| ("country".to_owned(), Attribute::Text(text)));
    country.into_iter().chain(age).chain(twice).collect()
}

/// The value, the variant, the reason, and the error code.
fn shown(value: impl Display, details: &Details) -> String {
    let variant = details.variant.as_deref().unwrap_or("-");
    let error = details.error_code.map_or("-".to_owned(), |code| case(&code));
    format!("{value} {variant} {} {error}", case(&details.reason))
}

/// The case of an enumeration, without the name of the latter.
fn case(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.rsplit(':').next().unwrap_or_default().to_owned()
}
