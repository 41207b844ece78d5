#![allow(clippy::unwrap_used)]
//! The routes against a store in memory.

mod deletion;
mod keys;
mod limits;
mod oauth;
mod passwords;
mod profiles;
mod sessions;
mod third_parties;
mod users;

use super::*;
use crate::domain::client::{Client, parse_clients};
use crate::domain::email::Email;
use crate::ports::{Admin, Busy, Passwords, Settings, Verdict};
use axum::body::Body;
use axum::response::Response;
use chassis::events::{Event, MemoryProducer};
use chassis::quota::{Check, Decision, Limiter, Quotas};
use chassis::sealed::{PersonKey, PersonKeys, Unreadable, readable};
use chassis::store::MemoryStore;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

const ISSUER: &str = "https://shop.test";
const CALLBACK: &str = "https://app.test/cb";

/// A clock that tests turn, settings that tests change.
#[derive(Clone)]
struct TestEnvironment {
    now_ms: Arc<AtomicU64>,
    /// What each look at the clock takes.
    stall_ms: Arc<AtomicU64>,
    admin: Arc<Mutex<Option<Admin>>>,
    log: MemoryProducer,
    quotas: Arc<Mutex<Option<Quotas>>>,
    /// The scopes that the application may have; all if none are named.
    scopes: Arc<Mutex<Option<Vec<&'static str>>>>,
    attempts: Arc<Mutex<BTreeMap<String, u32>>>,
    /// Whether the password function is overloaded.
    busy: Arc<AtomicBool>,
    /// The number of hashes and verifications.
    hashes: Arc<AtomicU64>,
}

/// The real hasher with a counter. It can be made busy.
impl Passwords for TestEnvironment {
    async fn weakness(&self, password: &str, about: &[&str]) -> Result<Option<String>, Busy> {
        Ok(::passwords::weakness(password, about).map(str::to_owned))
    }

    async fn hash(&self, password: &str) -> Result<String, Busy> {
        self.work()?;
        let mut salt = [0; ::passwords::SALT_BYTES];
        getrandom::fill(&mut salt).unwrap();
        Ok(::passwords::hash(password, &salt).unwrap())
    }

    async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict, Busy> {
        self.work()?;
        let verdict = ::passwords::verify(password, stored);
        Ok(Verdict { matches: verdict.matches, outdated: verdict.outdated })
    }
}

impl TestEnvironment {
    fn work(&self) -> Result<(), Busy> {
        if self.busy.load(Ordering::SeqCst) {
            return Err(Busy("the queue is full".to_owned()));
        }
        self.hashes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A limiter whose windows never end.
impl Limiter for TestEnvironment {
    async fn check(&self, check: &Check) -> Result<Decision, String> {
        let mut attempts = self.attempts.lock().unwrap();
        let count = attempts.entry(check.key.clone()).or_default();
        let allowed = *count < check.quota.limit;
        *count += u32::from(allowed);
        let remaining = check.quota.limit - *count;
        Ok(Decision { allowed, remaining, retry_after_ms: 1500, reset_after_ms: 30_000 })
    }
}

impl Environment for TestEnvironment {
    type Events = MemoryProducer;
    type Passwords = Self;
    type Limiter = Self;

    fn passwords(&self) -> Self {
        self.clone()
    }

    fn limiter(&self) -> Self {
        self.clone()
    }

    fn events(&self) -> MemoryProducer {
        self.log.clone()
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.fetch_add(self.stall_ms.load(Ordering::SeqCst), Ordering::SeqCst)
    }

    fn randomize(&self, buffer: &mut [u8]) -> bool {
        getrandom::fill(buffer).is_ok()
    }

    async fn settings(&self) -> Result<Settings, String> {
        let redirect_uris = vec![CALLBACK.to_owned()];
        let admin = self.admin.lock().unwrap().clone();
        let clients = match self.scopes.lock().unwrap().as_deref() {
            None => vec![Client::new("app", redirect_uris)],
            Some(scopes) => {
                let app =
                    json!({"client_id": "app", "redirect_uris": redirect_uris, "scopes": scopes});
                parse_clients(&json!([app]).to_string())?
            }
        };
        let quotas = *self.quotas.lock().unwrap();
        Ok(Settings { issuer: ISSUER.to_owned(), admin, clients, quotas })
    }
}

/// Identity with an empty store.
struct Shop {
    store: MemoryStore,
    environment: TestEnvironment,
}

impl Shop {
    fn new() -> Self {
        // Tokens are checked against the real clock: begin there.
        let now_ms = Arc::new(AtomicU64::new(chassis::clock::now_ms()));
        let (stall_ms, admin, log) = (Arc::default(), Arc::default(), MemoryProducer::new());
        let (quotas, scopes, attempts) = (Arc::default(), Arc::default(), Arc::default());
        let (busy, hashes) = (Arc::default(), Arc::default());
        let environment = TestEnvironment {
            now_ms,
            stall_ms,
            admin,
            log,
            quotas,
            scopes,
            attempts,
            busy,
            hashes,
        };
        Self { store: MemoryStore::new(), environment }
    }

    fn set_admin(&self, email: &str, password: &str) {
        let email = Email::parse(email).unwrap();
        *self.environment.admin.lock().unwrap() = Some(Admin { email, password: password.into() });
    }

    fn wait_ms(&self, ms: u64) {
        self.environment.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    fn has_key(&self, prefix: &str) -> bool {
        self.store.keys().iter().any(|key| key.starts_with(prefix))
    }

    fn identity(&self) -> Identity<MemoryStore, TestEnvironment> {
        Identity::new(self.store.clone(), self.environment.clone())
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let router = chassis::app::router_with_problems(router(self.identity()));
        Answer::read(router.oneshot(request).await.unwrap()).await
    }

    async fn patch(&self, token: &str, if_match: Option<&str>, body: Value) -> Answer {
        let mut request = Request::patch("/api/v1/users/me")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        if let Some(etag) = if_match {
            request = request.header("if-match", etag);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request =
            Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn register(&self, email: &str) -> Answer {
        let body = json!({"email": email, "password": "correct horse", "name": "Ada"});
        self.post("/api/v1/users", body).await
    }

    async fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.post("/api/v1/sessions", json!({"email": email, "password": password})).await
    }

    /// With a token.
    async fn call(&self, method: &str, path: &str, token: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn sweep(&self) {
        self.identity().sweep().await.unwrap();
    }

    /// The published events, opened as by consumers. Events of erased users have the data null.
    async fn told(&self) -> Vec<(String, u64, Value)> {
        let mut told = Vec::new();
        for event in self.environment.log.events() {
            assert_eq!(event.source, "/shop/identity");
            let opened: Option<Event> = readable(&event, &self.identity()).await.unwrap();
            let data =
                opened.map_or(Value::Null, |event| serde_json::from_str(&event.data).unwrap());
            let kind = event.kind.strip_prefix("com.shop.identity.user.").unwrap();
            told.push((kind.to_owned(), event.sequence().unwrap(), data));
        }
        told
    }

    /// The variables of the requested mails with this template.
    async fn mails(&self, template: &str) -> Vec<Value> {
        let told = self.told().await.into_iter();
        let mails =
            told.filter(|(kind, _, data)| kind == "mail.v1" && data["template"] == template);
        mails.map(|(_, _, data)| data["variables"].clone()).collect()
    }

    async fn refresh(&self, token: &str) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.form("/oauth2/token", &fields).await
    }
}

impl PersonKeys for Identity<MemoryStore, TestEnvironment> {
    async fn key(&self, user_id: &str) -> Result<Option<PersonKey>, Unreadable> {
        let key = self.person_key(user_id).await.unwrap();
        Ok(key.map(|text| chassis::sealed::key_from_text(&text).unwrap()))
    }
}

/// An answer, read to its end.
struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    text: String,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Self { status: head.status, headers: head.headers, text }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
