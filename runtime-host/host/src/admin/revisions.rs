//! Revisions and rollouts: what an operator sees and does.

use super::query::Query;
use super::reply::{self, Reply};
use super::route::Call;
use crate::problem::Code;
use crate::rollouts::{self, Cohort, Deployment, Refused, RevisionId, Sticky};
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;
use std::time::Duration;
use tessera_rollout::plan::Plan;
use tessera_rollout::shadow::{FIELDS, Shadow};

/// The largest component that can be deployed.
const CODE_MAX_BYTES: usize = 256 * 1024 * 1024;
/// The longest name of who deploys.
const BY_MAX_BYTES: usize = 256;
/// The longest name of where code comes from.
const ORIGIN_MAX_BYTES: usize = 1024;
/// How long a step of a canary takes by default.
const STEP: Duration = Duration::from_secs(30);

/// The share of answers of a shadow that may differ by default, in percent.
const MISMATCHES_PERCENT_MAX: f64 = 1.0;

const OF_DEPLOYMENT: [&str; 15] = [
    "revision",
    "origin",
    "steps",
    "step_ms",
    "waits",
    "calls_min",
    "failures_percent_max",
    "latency_ratio_max",
    "memory_ratio_max",
    "shadow",
    "mismatches_percent_max",
    "compare",
    "sticky",
    "match",
    "by",
];

/// The revisions of all components.
pub(super) async fn list(call: Call<'_>) -> Reply {
    reply::json(&json!({ "components": call.state.rollouts.views().await }))
}

/// A new revision of a component. The body is its code.
pub(super) async fn deploy(call: Call<'_>) -> Reply {
    let id = call.value(0).to_owned();
    let (wanted, kept) = match deployment(&call.query) {
        Ok(wanted) => wanted,
        Err(reason) => return reply::problem(Code::BadRequest, &reason),
    };
    let code = match kept {
        Some(digits) => rollouts::Code::Kept(digits),
        None => match received(call.body).await {
            Ok(bytes) => rollouts::Code::Bytes(bytes),
            Err(reason) => return reply::problem(Code::BadRequest, &reason),
        },
    };
    let rollouts = call.state.rollouts.clone();
    let deployment = Deployment { code, ..wanted };
    answer(whole(async move { rollouts.deploy(&id, deployment).await }).await, false)
}

/// The candidate of a component gets all calls.
pub(super) async fn promote(call: Call<'_>) -> Reply {
    let (rollouts, id) = (call.state.rollouts.clone(), call.value(0).to_owned());
    match change(&call.query) {
        Ok((of, by)) => {
            let work = async move { rollouts.promote(&id, of.as_deref(), &by).await };
            answer(whole(work).await, true)
        }
        Err(reason) => reply::problem(Code::BadRequest, &reason),
    }
}

/// The stable revision, or the one before it, gets all calls.
pub(super) async fn roll_back(call: Call<'_>) -> Reply {
    let (rollouts, id) = (call.state.rollouts.clone(), call.value(0).to_owned());
    match change(&call.query) {
        Ok((of, by)) => {
            let work = async move { rollouts.roll_back(&id, of.as_deref(), &by).await };
            match whole(work).await {
                Ok((revision, is_done)) => answer(Ok(revision), is_done),
                Err(error) => answer(Err(error), true),
            }
        }
        Err(reason) => reply::problem(Code::BadRequest, &reason),
    }
}

/// What differs between two revisions.
pub(super) async fn diff(call: Call<'_>) -> Reply {
    let mut given = match Query::parse(&call.query, &["from", "to"]) {
        Ok(given) => given,
        Err(reason) => return reply::problem(Code::BadRequest, &reason),
    };
    let (from, to) = (given.take("from"), given.take("to"));
    match call.state.rollouts.diff(call.value(0), from.as_deref(), to.as_deref()).await {
        Ok(diff) => reply::json(&json!(diff)),
        Err(error) => refused(&error),
    }
}

/// Does the work of a change whole, also if the client goes away meanwhile.
#[expect(clippy::disallowed_methods, reason = "it ends with the change, which is short")]
pub(super) async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refused>> + Send + 'static,
) -> Result<T, Refused> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(Refused::Storage(error.into())))
}

/// The response to a change: 202 if it takes effect later.
fn answer(changed: Result<RevisionId, Refused>, is_done: bool) -> Reply {
    match changed {
        Ok(revision) => {
            let mut reply = reply::json(&json!({ "revision": revision }));
            if !is_done {
                *reply.status_mut() = StatusCode::ACCEPTED;
            }
            reply
        }
        Err(error) => refused(&error),
    }
}

/// The response to a change that was not made.
pub(super) fn refused(error: &Refused) -> Reply {
    let code = match error {
        Refused::NoComponent(_) => Code::NOT_FOUND,
        Refused::Invalid(_) | Refused::NotKept(_) | Refused::Ambiguous(..) => Code::BadRequest,
        Refused::InProgress(_)
        | Refused::InProgressOf(..)
        | Refused::Ending
        | Refused::NoRollout
        | Refused::NotReady
        | Refused::NoPrevious
        | Refused::Changed(_)
        | Refused::Unchanged(_) => Code::Conflict,
        Refused::Storage(_) => Code::Unavailable,
    };
    reply::problem(code, &error.to_string())
}

/// The code in the body of a request.
async fn received(body: Incoming) -> Result<Vec<u8>, String> {
    let body = Limited::new(body, CODE_MAX_BYTES).collect().await;
    let body = body.map_err(|error| format!("the body can't be read: {error}"))?.to_bytes();
    if body.is_empty() {
        return Err("the body is empty: send a component, or name a `revision`".to_owned());
    }
    Ok(body.into())
}

/// A deployment without its code, and the kept revision that it names instead.
fn deployment(query: &str) -> Result<(Deployment, Option<String>), String> {
    let mut given = Query::parse(query, &OF_DEPLOYMENT)?;
    let step = given.parsed("step_ms")?.map_or(STEP, Duration::from_millis);
    let mut plan = match given.take("steps") {
        None => Plan::at_once(),
        Some(text) if text == "0" => Plan::blue_green(),
        Some(text) => Plan::canary(steps(&text)?, step),
    };
    plan.waits = given.parsed("waits")?.unwrap_or(plan.waits);
    plan.shadow = shadow(&mut given)?;
    if plan.shadow.is_some() {
        // Also without a canary after it.
        plan.step_ms = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
    }
    let criteria = &mut plan.criteria;
    let (calls, failures) = (given.parsed("calls_min")?, given.parsed("failures_percent_max")?);
    criteria.calls_min = calls.unwrap_or(criteria.calls_min);
    criteria.failures_percent_max = failures.unwrap_or(criteria.failures_percent_max);
    let (latency, memory) = (given.parsed("latency_ratio_max")?, given.parsed("memory_ratio_max")?);
    criteria.latency_ratio_max = latency.unwrap_or(criteria.latency_ratio_max);
    criteria.memory_ratio_max = memory.unwrap_or(criteria.memory_ratio_max);
    let cohort = Cohort {
        sticky: given.take("sticky").map(|text| sticky(&text)).transpose()?,
        named: given.take("match").map(|text| named(&text)).transpose()?,
    };
    let by = checked(given.take("by").unwrap_or_default())?;
    let origin = given.take("origin").unwrap_or_default();
    if origin.len() > ORIGIN_MAX_BYTES {
        return Err(format!("`origin` must have at most {ORIGIN_MAX_BYTES} bytes"));
    }
    let code = rollouts::Code::Bytes(Vec::new());
    Ok((Deployment { code, origin, plan, cohort, by }, given.take("revision")))
}

/// Which calls are copied, if some are.
fn shadow(given: &mut Query<'_>) -> Result<Option<Shadow>, String> {
    let mismatches = given.parsed("mismatches_percent_max")?;
    let compared = given.take("compare");
    let Some(share_percent) = given.parsed("shadow")? else {
        let is_unused = mismatches.is_none() && compared.is_none();
        let reason = "`mismatches_percent_max` and `compare` need `shadow`".to_owned();
        return if is_unused { Ok(None) } else { Err(reason) };
    };
    let fields = match &compared {
        None => FIELDS.map(str::to_owned).to_vec(),
        Some(text) => text.split(',').map(|name| name.trim().to_ascii_lowercase()).collect(),
    };
    let mismatches_percent_max = mismatches.unwrap_or(MISMATCHES_PERCENT_MAX);
    Ok(Some(Shadow { share_percent, mismatches_percent_max, fields }))
}

fn steps(text: &str) -> Result<Vec<u8>, String> {
    let numbers = text.split(',').map(|number| number.trim().parse());
    numbers
        .collect::<Result<_, _>>()
        .map_err(|_| format!("`steps` can't be `{text}`: write percentages, such as 5,25,50"))
}

fn sticky(text: &str) -> Result<Sticky, String> {
    match text.split_once(':') {
        Some(("header", name)) if !name.is_empty() => Ok(Sticky::Header(name.to_ascii_lowercase())),
        Some(("cookie", name)) if !name.is_empty() => Ok(Sticky::Cookie(name.to_owned())),
        _ => Err(format!("`sticky` can't be `{text}`: write header:<name> or cookie:<name>")),
    }
}

fn named(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => {
            Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
        }
        _ => Err(format!("`match` can't be `{text}`: write <header>:<value>")),
    }
}

/// The revision that an operator means, and who that is.
fn change(query: &str) -> Result<(Option<String>, String), String> {
    let mut given = Query::parse(query, &["of", "by"])?;
    Ok((given.take("of"), checked(given.take("by").unwrap_or_default())?))
}

pub(super) fn checked(by: String) -> Result<String, String> {
    match by.len() <= BY_MAX_BYTES {
        true => Ok(by),
        false => Err(format!("`by` must have at most {BY_MAX_BYTES} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_has_steps_and_a_cohort() {
        let query = "steps=5,25&step_ms=1000&sticky=header%3AX-User&match=x-beta:yes&by=ann";
        let (Deployment { plan, cohort, by, .. }, kept) = deployment(query).unwrap();
        assert_eq!((plan.steps_percent, plan.step_ms, plan.waits), (vec![5, 25], 1_000, false));
        assert_eq!(cohort.sticky, Some(Sticky::Header("x-user".to_owned())));
        assert_eq!(cohort.named, Some(("x-beta".to_owned(), "yes".to_owned())));
        assert_eq!((by.as_str(), kept), ("ann", None));
    }

    #[test]
    fn without_steps_all_calls_change_at_once() {
        let (Deployment { plan, .. }, _) = deployment("").unwrap();
        assert_eq!(plan, Plan::at_once());
        let (Deployment { plan, .. }, kept) = deployment("steps=0&revision=abc").unwrap();
        assert_eq!((plan, kept.as_deref()), (Plan::blue_green(), Some("abc")));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (query, reason) in [
            ("steps=5,a", "`steps` can't be `5,a`"),
            ("step=5", "no parameter `step`"),
            ("waits=maybe", "`waits` can't be `maybe`"),
            ("steps=0&compare=etag", "need `shadow`"),
            ("sticky=user", "write header:<name>"),
            ("match=beta", "write <header>:<value>"),
        ] {
            let error = deployment(query).unwrap_err();
            assert!(error.contains(reason), "{query}: {error}");
        }
    }
}
