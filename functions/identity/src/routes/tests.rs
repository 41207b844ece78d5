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
use crate::domain::client::Client as Application;
use crate::domain::email::Email;
use crate::ports::{Admin, Busy, Passwords, Settings, Verdict};
use crate::service::Registration;
use chassis::Clock;
use chassis::events::Event;
use chassis::quota::{Check, Decision, Limiter};
use chassis::sealed::{PersonKey, PersonKeys, Unreadable, readable};
use chassis::testing::{Client, ManualClock, MemoryProducer, MemoryStore, Reply, ScriptedStore};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

const ISSUER: &str = "https://shop.test";
const CALLBACK: &str = "https://app.test/cb";
const ADA: &str = "ada@example.org";
const ROOT: &str = "root@example.org";
const PASSWORD: &str = "correct horse";
const ME: &str = "/api/v1/users/me";

/// An environment whose settings tests change.
#[derive(Clone)]
struct TestEnvironment {
    clock: ManualClock,
    log: MemoryProducer,
    settings: Arc<Mutex<Settings>>,
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

impl Clock for TestEnvironment {
    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
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

    fn events(&self) -> MemoryProducer {
        self.log.clone()
    }

    fn randomize(&self, buffer: &mut [u8]) -> bool {
        getrandom::fill(buffer).is_ok()
    }

    async fn settings(&self) -> Result<Settings, String> {
        Ok(self.settings.lock().unwrap().clone())
    }
}

/// Identity with an empty store.
struct Shop {
    store: MemoryStore,
    environment: TestEnvironment,
}

impl Shop {
    fn new() -> Self {
        let settings = Settings {
            issuer: ISSUER.to_owned(),
            admin: None,
            clients: vec![Application::new("app", vec![CALLBACK.to_owned()])],
            quotas: None,
        };
        let environment = TestEnvironment {
            // Tokens are verified against the real clock.
            clock: ManualClock::new(chassis::clock::now_ms()),
            log: MemoryProducer::new(),
            settings: Arc::new(Mutex::new(settings)),
            attempts: Arc::default(),
            busy: Arc::default(),
            hashes: Arc::default(),
        };
        Self { store: MemoryStore::new(), environment }
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.environment.settings.lock().unwrap()
    }

    fn set_admin(&self, email: &str, password: &str) {
        let email = Email::parse(email).unwrap();
        self.settings().admin = Some(Admin { email, password: password.into() });
    }

    fn wait_ms(&self, ms: u64) {
        self.environment.clock.advance(ms);
    }

    /// The number of hashes and verifications so far.
    fn hashes(&self) -> u64 {
        self.environment.hashes.load(Ordering::SeqCst)
    }

    /// The first key with this prefix.
    fn key(&self, prefix: &str) -> Option<String> {
        self.store.keys().into_iter().find(|key| key.starts_with(prefix))
    }

    fn has_key(&self, prefix: &str) -> bool {
        self.key(prefix).is_some()
    }

    /// Whether the text is in any value of the store or in any event.
    async fn is_stored(&self, text: &str) -> bool {
        let mut found = self.environment.log.events().iter().any(|event| event.data.contains(text));
        for key in self.store.keys() {
            let value = self.store.get(&key).await.unwrap().unwrap_or_default();
            found |= String::from_utf8_lossy(&value).contains(text);
        }
        found
    }

    fn identity(&self) -> Identity<MemoryStore, TestEnvironment> {
        Identity::new(self.store.clone(), self.environment.clone())
    }

    /// Identity over a store that fails after this many operations.
    fn dying(&self, operations: usize) -> Identity<ScriptedStore<MemoryStore>, TestEnvironment> {
        let store = ScriptedStore::failing_after(operations, self.store.clone());
        Identity::new(store, self.environment.clone())
    }

    fn client(&self) -> Client {
        Client::new(router(self.identity()))
    }

    async fn patch(&self, token: &str, if_match: Option<&str>, body: Value) -> Reply {
        let client = self.client().with_token(token);
        let client = if_match.map_or(client.clone(), |etag| client.with("if-match", etag));
        client.patch(ME, &body).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.client().post(path, &body).await
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        send_form(&self.client(), path, fields).await
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Reply {
        let client = self.client();
        token.map_or(client.clone(), |token| client.with_token(token)).get(path).await
    }

    /// With a token.
    async fn call(&self, method: &str, path: &str, token: &str, body: Value) -> Reply {
        self.client().with_token(token).json(method, path, &body).await
    }

    async fn register(&self, email: &str) -> Reply {
        let body = json!({"email": email, "password": PASSWORD, "name": "Ada"});
        self.post("/api/v1/users", body).await
    }

    async fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.post("/api/v1/sessions", json!({"email": email, "password": password})).await
    }

    /// Registers Ada, unless she has an account, and opens a session.
    async fn signed_in(&self) -> Reply {
        self.register(ADA).await;
        self.sign_in(ADA, PASSWORD).await
    }

    /// An access token of Ada.
    async fn token(&self) -> String {
        self.signed_in().await.member("access_token")
    }

    async fn sweep(&self) {
        self.identity().sweep().await.unwrap();
    }

    /// The published events, opened as by consumers. Events of erased users have the data null.
    async fn published(&self) -> Vec<(String, u64, Value)> {
        let mut published = Vec::new();
        for event in self.environment.log.events() {
            assert_eq!(event.source, "/shop/identity");
            let opened: Option<Event> = readable(&event, &self.identity()).await.unwrap();
            let data =
                opened.map_or(Value::Null, |event| serde_json::from_str(&event.data).unwrap());
            let kind = event.kind.strip_prefix("com.shop.identity.user.").unwrap();
            published.push((kind.to_owned(), event.sequence().unwrap(), data));
        }
        published
    }

    /// The types of the published events.
    async fn published_types(&self) -> Vec<String> {
        self.published().await.into_iter().map(|(kind, ..)| kind).collect()
    }

    /// The variables of the requested mails with this template.
    async fn mails(&self, template: &str) -> Vec<Value> {
        let published = self.published().await.into_iter();
        let mails =
            published.filter(|(kind, _, data)| kind == "mail.v1" && data["template"] == template);
        mails.map(|(_, _, data)| data["variables"].clone()).collect()
    }

    async fn refresh(&self, token: &str) -> Reply {
        self.refresh_as(None, token).await
    }

    async fn refresh_as(&self, client: Option<&str>, token: &str) -> Reply {
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        fields.extend(client.map(|client| ("client_id", client)));
        self.form("/oauth2/token", &fields).await
    }
}

/// The results of futures that run at the same time.
async fn concurrently<T: Send + 'static>(
    futures: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    futures.collect::<tokio::task::JoinSet<_>>().join_all().await
}

async fn send_form(client: &Client, path: &str, fields: &[(&str, &str)]) -> Reply {
    let client = client.with("content-type", "application/x-www-form-urlencoded");
    client.text("POST", path, &encoded(fields)).await
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn registration() -> Registration {
    Registration {
        email: Email::parse(ADA).unwrap(),
        password: PASSWORD.to_owned(),
        name: "Ada".to_owned(),
        language: "en".to_owned(),
    }
}

impl PersonKeys for Identity<MemoryStore, TestEnvironment> {
    async fn key(&self, user_id: &str) -> Result<Option<PersonKey>, Unreadable> {
        let key = self.person_key(user_id).await.unwrap();
        Ok(key.map(|text| chassis::sealed::key_from_text(&text).unwrap()))
    }
}

trait Member {
    /// A member of the JSON body that is a text.
    fn member(&self, name: &str) -> String;
}

impl Member for Reply {
    fn member(&self, name: &str) -> String {
        self.json[name].as_str().unwrap().to_owned()
    }
}

/// A part of a token as JSON: 0 is the header, 1 the claims.
fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}
