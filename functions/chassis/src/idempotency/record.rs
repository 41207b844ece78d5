//! What is stored under a key, and the decisions over it: pure, so that every order of events
//! can be tested.

use super::{Attempt, KEPT_MS, LEASE_MS, REPLAYED, is_stored};
use crate::incarnation::is_over;
use crate::problem::Problem;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use data_encoding::{BASE64, HEXLOWER};
use http::response::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Headers that belong to one transmission and are not stored.
const NOT_STORED: [HeaderName; 7] = [
    header::DATE,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::UPGRADE,
    header::SET_COOKIE,
];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The same for every attempt at this work.
    work_id: String,
    /// Of the payload; `None` when the last one was refused and any may come.
    fingerprint: Option<String>,
    expires_at_ms: u64,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// No request is in progress.
    Idle,
    /// The holder is at work until its lease ends.
    Running {
        holder: String,
        lease_until_ms: u64,
        /// The run of the host in which the lease was taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incarnation: Option<u64>,
    },
    /// Done, with this response.
    Done(StoredResponse),
}

/// A request that holds the lease or tries to get it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder<'a> {
    pub(super) name: &'a str,
    /// The run of the host that it belongs to.
    pub(super) incarnation: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Work(Attempt),
    Replay(StoredResponse),
    InFlight,
    OtherPayload,
}

impl Record {
    /// What a request with this payload may do now.
    pub(super) fn claim(
        record: Option<Record>,
        holder: Holder<'_>,
        print: &str,
        now_ms: u64,
    ) -> (Record, Decision) {
        let Some(record) = record.filter(|record| !record.has_run_out(now_ms)) else {
            return Record::first(holder, print, now_ms);
        };
        match (&record.fingerprint, &record.state) {
            (None, _) => Record::first(holder, print, now_ms),
            (Some(earlier), _) if earlier != print => (record, Decision::OtherPayload),
            (_, State::Done(stored)) => {
                let stored = stored.clone();
                (record, Decision::Replay(stored))
            }
            (_, State::Running { lease_until_ms, incarnation, .. })
                if now_ms < *lease_until_ms && !is_over(*incarnation, holder.incarnation) =>
            {
                (record, Decision::InFlight)
            }
            _ => record.resume(holder, now_ms),
        }
    }

    /// Whether the key may be used for a new request.
    pub(super) fn has_run_out(&self, now_ms: u64) -> bool {
        now_ms >= self.expires_at_ms
    }

    /// Whether the next claim starts a new record.
    pub(super) fn begins_anew(&self, now_ms: u64) -> bool {
        self.fingerprint.is_none() || self.has_run_out(now_ms)
    }

    fn first(holder: Holder<'_>, print: &str, now_ms: u64) -> (Record, Decision) {
        let record = Record {
            work_id: uuid::Uuid::now_v7().to_string(),
            fingerprint: Some(print.to_owned()),
            expires_at_ms: now_ms.saturating_add(KEPT_MS),
            state: State::running(holder, now_ms),
        };
        let attempt = Attempt { id: record.work_id.clone(), resumed: false };
        (record, Decision::Work(attempt))
    }

    fn resume(mut self, holder: Holder<'_>, now_ms: u64) -> (Record, Decision) {
        self.state = State::running(holder, now_ms);
        let attempt = Attempt { id: self.work_id.clone(), resumed: true };
        (self, Decision::Work(attempt))
    }

    /// The record after `holder` came to a response. Nothing changes if another attempt has
    /// taken over in the meantime: then, that attempt responds.
    pub(super) fn settle(
        mut self,
        holder: &str,
        status: StatusCode,
        response: Option<&StoredResponse>,
    ) -> Record {
        let ours = matches!(&self.state, State::Running { holder: now, .. } if now == holder);
        if !ours {
            return self;
        }
        self.state = match response {
            Some(response) if is_stored(status) => State::Done(response.clone()),
            _ => State::Idle,
        };
        if status.is_client_error() && !is_stored(status) {
            self.fingerprint = None;
        }
        self
    }
}

impl State {
    fn running(holder: Holder<'_>, now_ms: u64) -> State {
        State::Running {
            holder: holder.name.to_owned(),
            lease_until_ms: now_ms.saturating_add(LEASE_MS),
            incarnation: holder.incarnation,
        }
    }
}

/// A stored response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredResponse {
    status: u16,
    headers: Vec<(String, String)>,
    /// Base64, because a body may be any bytes.
    body: String,
}

impl StoredResponse {
    /// `None` when a header is not text.
    pub(super) fn of(head: &Parts, body: &[u8]) -> Option<StoredResponse> {
        let kept = head.headers.iter().filter(|(name, _)| !NOT_STORED.contains(name));
        let headers: Option<Vec<_>> = kept
            .map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        Some(StoredResponse {
            status: head.status.as_u16(),
            headers: headers?,
            body: BASE64.encode(body),
        })
    }

    pub(super) fn replay(&self) -> Response {
        let (Ok(status), Ok(body)) =
            (StatusCode::from_u16(self.status), BASE64.decode(self.body.as_bytes()))
        else {
            return Problem::internal().into_response();
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
}

/// A digest of the JSON value: the order of members does not count, the spelling of a number
/// does (`1` is not `1.0`).
pub(super) fn fingerprint(payload: &Value) -> String {
    let mut canonical = Vec::new();
    write_canonical(payload, &mut canonical);
    HEXLOWER.encode(&Sha256::digest(&canonical))
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            out.push(b'{');
            for name in names {
                write_canonical(&Value::String(name.clone()), out);
                out.push(b':');
                write_canonical(&members[name], out);
                out.push(b',');
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write_canonical(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        leaf => out.extend_from_slice(leaf.to_string().as_bytes()),
    }
}
