//! One function calls another through a typed contract, once (`call`) or eight times in parallel
//! (`fan-out`): what the host exists for.
//!
//! The peers do the same over the network: two native processes, and stock Spin through the
//! bridge. A single native process, in which the call is a function call, is shown as the bound.
//!
//! `call-policies` compares the same call with all parts of a policy with the one without a policy.

use super::Entry;
use crate::bench::Bench;
use crate::compare::{self, Contender};
use crate::load::Request;
use crate::peers::{native, spin, tessera};
use crate::report::{Curve, Row, Target};
use anyhow::Result;

pub(crate) const ENTRY: Entry = Entry {
    name: "call",
    about: "A calls B through a typed contract, with a record of two lines",
    run: |bench| Box::pin(call(bench)),
};

pub(crate) const FAN_OUT: Entry = Entry {
    name: "fan-out",
    about: "one request, 8 calls in parallel",
    run: |bench| Box::pin(fan_out(bench)),
};

pub(crate) const POLICIES: Entry = Entry {
    name: "call-policies",
    about: "the same call with retries, hedging, breaker, bulkhead and timeout, and without",
    run: |bench| Box::pin(policies(bench)),
};

/// The same call without a policy.
const PLAIN: &str = "tessera, no policy";
/// The share of the calls without a policy that those with one must reach.
const POLICIES_MIN: f64 = 0.9;

/// The caller in one process with the callee.
const IN_PROCESS: &str = "axum, one process";

async fn call(bench: &Bench) -> Result<Vec<Row>> {
    let contenders = contenders(bench).await?;
    let measured = compare::closed(bench, &contenders, |base| Request::get(base)).await?;
    let targets = [Target::times(8.0, spin::EITHER), Target::times(1.0, &[native::AXUM_JSON])];
    let row = Row::of_requests("call", &measured, &targets);
    Ok(vec![row.with_curves(Curve::by_concurrency("call", &measured))])
}

async fn fan_out(bench: &Bench) -> Result<Vec<Row>> {
    let contenders = contenders(bench).await?;
    let request = |base: &str| Request::get(format!("{base}/fan-out"));
    let measured = compare::closed(bench, &contenders, request).await?;
    let targets = [Target::times(8.0, spin::EITHER)];
    Ok(vec![Row::of_requests("fan-out", &measured, &targets)])
}

async fn policies(bench: &Bench) -> Result<Vec<Row>> {
    let mut plain = tessera::up(bench, "call", &[]).await?;
    PLAIN.clone_into(&mut plain.name);
    let contenders = vec![tessera::up(bench, "call-policies", &[]).await?, plain];
    let measured = compare::closed(bench, &contenders, |base| Request::get(base)).await?;
    let targets = [Target::times(POLICIES_MIN, &[PLAIN])];
    Ok(vec![Row::of_requests("call, all policies", &measured, &targets)])
}

async fn contenders(bench: &Bench) -> Result<Vec<Contender>> {
    let mut contenders = vec![
        tessera::up(bench, "call", &[]).await?,
        native::pair(bench, native::AXUM_JSON, ("price", "--http")).await?,
        native::pair(bench, native::AXUM_GRPC, ("price-grpc", "--grpc")).await?,
        native::twin(bench, IN_PROCESS, &["quote"]).await?,
    ];
    contenders.extend(spin::both(bench, "call", &[], spin::Reuse::On).await?);
    Ok(contenders)
}
