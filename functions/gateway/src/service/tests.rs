#![allow(clippy::unwrap_used)]
//! The gateway in front of functions that record their requests.

mod attacks;
mod health;
mod limits;
mod pages;
mod passing;
mod problems;
mod representation;

use super::*;
use crate::domain::table::routes;
use chassis::auth::KeySet;
use chassis::quota::{Check, Decision, Limiter, Quotas};
use chassis::store::StoreError;
use chassis::testing::{Issuer, ManualClock, MemoryStore, Reply};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A request that was forwarded to a function.
#[derive(Clone, Debug)]
struct Seen {
    method: Method,
    uri: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

type Respond = Arc<dyn Fn() -> Result<Response, OutboundError> + Send + Sync>;

#[derive(Clone)]
struct World {
    seen: Arc<Mutex<Vec<Seen>>>,
    respond: Arc<Mutex<Respond>>,
    settings: Arc<Mutex<Settings>>,
    calls: Arc<Mutex<HashMap<String, u32>>>,
    limiter_is_down: Arc<AtomicBool>,
    store: MemoryStore,
    store_is_broken: Arc<AtomicBool>,
    clock: ManualClock,
    keys: KeySet,
}

impl Upstream for World {
    async fn forward(
        &self,
        request: Request<Body>,
        _: u64,
    ) -> Result<Response<Body>, OutboundError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| OutboundError::Broken(error.to_string()))?;
        let body = body.to_bytes().to_vec();
        let (method, uri, headers) = (parts.method, parts.uri.to_string(), parts.headers);
        self.seen.lock().unwrap().push(Seen { method, uri, headers, body });
        let respond = self.respond.lock().unwrap().clone();
        respond()
    }
}

/// Counts calls and refuses those over the quota; windows never end.
impl Limiter for World {
    async fn check(&self, check: &Check) -> Result<Decision, String> {
        if self.limiter_is_down.load(Ordering::SeqCst) {
            return Err("down".to_owned());
        }
        let mut calls = self.calls.lock().unwrap();
        let count = calls.entry(format!("{}/{}", check.policy, check.key)).or_default();
        let allowed = *count + check.cost <= check.quota.limit;
        *count += if allowed { check.cost } else { 0 };
        let remaining = check.quota.limit - *count;
        let retry_after_ms = if allowed { 0 } else { 1500 };
        Ok(Decision { allowed, remaining, retry_after_ms, reset_after_ms: 30_000 })
    }
}

impl Environment for World {
    async fn settings(&self) -> Settings {
        self.settings.lock().unwrap().clone()
    }

    fn request_id(&self) -> String {
        "req_made".to_owned()
    }
}

impl Ports for World {
    type Upstream = Self;
    type Limiter = Self;
    type Keys = KeySet;
    type Environment = Self;
    type Clock = ManualClock;
    type Store = MemoryStore;

    fn store(&self) -> Result<MemoryStore, StoreError> {
        match self.store_is_broken.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("damaged".to_owned())),
            false => Ok(self.store.clone()),
        }
    }

    fn upstream(&self) -> &Self {
        self
    }

    fn limiter(&self) -> &Self {
        self
    }

    fn keys(&self) -> &KeySet {
        &self.keys
    }

    fn environment(&self) -> &Self {
        self
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }
}

impl World {
    fn new() -> Self {
        let issuer = "http://localhost:3000".to_owned();
        let settings = Settings { quotas: Some(Quotas::default()), issuer, ..Settings::default() };
        let world = Self {
            seen: Arc::default(),
            respond: Arc::new(Mutex::new(Arc::new(|| Ok("done".into_response())))),
            settings: Arc::new(Mutex::new(settings)),
            calls: Arc::default(),
            limiter_is_down: Arc::default(),
            store: MemoryStore::new(),
            store_is_broken: Arc::default(),
            clock: ManualClock::new(1_000_000),
            keys: Issuer::new().key_set(),
        };
        world.responds(|| Ok("done".into_response()));
        world
    }

    fn responds(
        &self,
        respond: impl Fn() -> Result<Response, OutboundError> + Send + Sync + 'static,
    ) {
        *self.respond.lock().unwrap() = Arc::new(respond);
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings.lock().unwrap());
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        Reply::read(Gateway::new(self.clone()).handle(request).await).await
    }

    async fn send_empty(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

/// The problem that the gateway has returned.
fn problem(reply: &Reply) -> &Value {
    assert_eq!(reply.problem()["request_id"], reply.header("x-request-id"));
    reply.problem()
}

fn claims(roles: &[&str]) -> Value {
    let now_s = chassis::clock::now_ms() / 1000;
    json!({
        "iss": "https://shop.test", "aud": "shop", "sub": "usr_1", "jti": "j", "roles": roles,
        "iat": now_s, "exp": now_s + 60, "scope": "",
    })
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"})
}

/// The value of `Authorization` for a user with these roles.
fn bearer(roles: &[&str]) -> String {
    format!("Bearer {}", Issuer::new().token("usr_1", roles))
}
