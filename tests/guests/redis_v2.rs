//! A guest of WASI 0.2 that uses Redis by `fermyon:spin/redis@2.0.0`, and handles messages by
//! `fermyon:spin/inbound-redis`. A request to `…?<address>` calls all functions; a message is an
//! address, a key and a value to set.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "generated bindings")]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        path: "../../runtime-host/host/wit/deps/fermyon-spin@2.0.0",
        inline: "
            package tessera-test:redis;
            world guest { import fermyon:spin/redis@2.0.0; }
        ",
        generate_all,
    });
}

mod inbound {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        inline: "
            package fermyon:spin;
            interface redis-types {
                enum error { success, error }
                type payload = list<u8>;
            }
            interface inbound-redis {
                use redis-types.{payload, error};
                handle-message: func(message: payload) -> result<_, error>;
            }
            world handler { export inbound-redis; }
        ",
        generate_all,
    });

    export!(Component with_types_in self);

    use super::Component;
}

use bindings::fermyon::spin::redis::{Connection, Error, RedisParameter};
use inbound::exports::fermyon::spin::inbound_redis;
use serde_json::{Value, json};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Component;

wasip2::http::proxy::export!(Component);

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let address = target.split_once('?').map(|(_, address)| address).unwrap_or_default();
        let text = match typed(address) {
            Ok(value) => value.to_string(),
            Err(error) => format!("{error:?}"),
        };
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        body.write().unwrap().blocking_write_and_flush(text.as_bytes()).unwrap();
        OutgoingBody::finish(body, None).unwrap();
    }
}

impl inbound_redis::Guest for Component {
    fn handle_message(message: Vec<u8>) -> Result<(), inbound_redis::Error> {
        let message = String::from_utf8(message).unwrap();
        let [address, key, value] = message.split(' ').collect::<Vec<_>>()[..] else {
            return Err(inbound_redis::Error::Error);
        };
        let set = Connection::open(address).and_then(|redis| redis.set(key, value.as_bytes()));
        set.map_err(|_| inbound_redis::Error::Error)
    }
}

fn typed(address: &str) -> Result<Value, Error> {
    let redis = Connection::open(address)?;
    let absent = redis.get("typed")?;
    redis.set("typed", b"value")?;
    let value = redis.get("typed")?.map(|bytes| String::from_utf8(bytes).unwrap());
    redis.publish("typed", b"message")?;
    let counted = (redis.incr("typed-n")?, redis.incr("typed-n")?);
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let added = redis.sadd("typed-set", &texts(&["a", "b"]))?;
    let removed = redis.srem("typed-set", &texts(&["b", "c"]))?;
    let members = redis.smembers("typed-set")?;
    let arguments = [RedisParameter::Binary(b"typed".to_vec()), RedisParameter::Int64(3)];
    redis.execute("APPEND", &arguments)?;
    let keys = texts(&["typed", "typed-n", "typed-set", "typed-none"]);
    let deleted = redis.del(&keys)?;
    Ok(json!([absent, value, counted, added, removed, members, deleted]))
}
