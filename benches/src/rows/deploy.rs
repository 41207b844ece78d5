//! A new revision of a component that is being called: until it has all calls, and until the one before
//! has them again.
//!
//! Both revisions were compiled before, so what is measured is what the host does for a deployment
//! besides: keeping the code and the record on disk, linking, and switching the calls.

use super::Entry;
use super::density::distinct;
use crate::bench::Bench;
use crate::client::{self, Pooled};
use crate::peers::tessera;
use crate::process::Process;
use crate::report::{Row, Target};
use crate::statistics::{median, spread};
use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::time::{Duration, Instant};

pub(crate) const ENTRY: Entry = Entry {
    name: "deploy",
    about: "a deployed function gets all calls, and the one before gets them again",
    run: |bench| Box::pin(run(bench)),
};

/// Deployments of one round.
const DEPLOYMENTS: usize = 5;
/// How often the host is asked whether a revision has all calls: short against what a deployment takes.
const INTERVAL: Duration = Duration::from_millis(1);
/// How long the first deployment may take, which compiles.
const TIMEOUT: Duration = Duration::from_secs(60);

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let hello = std::fs::read(bench.artifacts.guest("bench_hello"))?;
    let versions = [distinct(&hello, 1), distinct(&hello, 2)].map(Bytes::from);
    let host = Host::start(bench).await?;
    for code in &versions {
        host.deploy(code).await?;
    }
    let (mut deployments, mut rollbacks) = (Vec::new(), Vec::new());
    for number in 0..bench.settings.rounds * DEPLOYMENTS {
        // The other one is in service now.
        deployments.push(host.deploy(&versions[number % 2]).await?);
        rollbacks.push(host.roll_back().await?);
        host.deploy(&versions[number % 2]).await?;
    }
    host.process.stop().await?;
    let note = |times: &[f64]| format!("{} times, ± {:.0} %.", times.len(), spread(times) * 50.0);
    let row = |name, times: &[f64], limit| {
        let row = Row::of_value(name, "ms", median(times), vec![], &[Target::AtMost(limit)]);
        row.note(note(times))
    };
    let deployment = row("deploy", &deployments, 100.0);
    let deployment = deployment.note("From the upload to all calls, without compilation.");
    Ok(vec![deployment, row("deploy, rollback", &rollbacks, 20.0)])
}

/// A host with one component, `hello`.
struct Host {
    process: Process,
    client: Pooled,
    admin: String,
    token: String,
    _state: tempfile::TempDir,
}

impl Host {
    async fn start(bench: &Bench) -> Result<Self> {
        let state = bench.folder()?;
        let manifest = bench.artifacts.manifest("hello")?;
        let mut command = tessera::command(bench, &manifest, state.path());
        command.args(["--listen", "127.0.0.1:0", "--log", "info"]);
        let mut process = Process::spawn("tessera", command)?;
        process.prints("\"listening\"").await?;
        let output = process.output();
        let mut log = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let admin = log.find_map(|line| Some(line["admin"].as_str()?.to_owned()));
        let admin = format!("http://{}", admin.context("no admin address")?);
        let token = std::fs::read_to_string(state.path().join("admin-token"))?;
        let token = token.trim().to_owned();
        Ok(Self { process, client: client::pooled(), admin, token, _state: state })
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Value> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.admin));
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.token));
        let answer = self.client.request(request.body(body.into())?).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{path} answers {status}: {}", String::from_utf8_lossy(&body));
        Ok(serde_json::from_slice(&body)?)
    }

    /// The milliseconds until this code has all calls.
    async fn deploy(&self, code: &Bytes) -> Result<f64> {
        let begin = Instant::now();
        let path = "/components/hello/revisions";
        let deployed = self.send(Method::POST, path, code.clone()).await?;
        loop {
            let all = self.send(Method::GET, "/revisions", Bytes::new()).await?;
            let hello = &all["components"][0];
            if hello["stable"] == deployed["revision"] && hello["rollout"].is_null() {
                return Ok(begin.elapsed().as_secs_f64() * 1000.0);
            }
            ensure!(begin.elapsed() < TIMEOUT, "the revision has no calls: {hello}");
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// The milliseconds until the revision before has all calls.
    async fn roll_back(&self) -> Result<f64> {
        let begin = Instant::now();
        self.send(Method::POST, "/components/hello/rollback", Bytes::new()).await?;
        Ok(begin.elapsed().as_secs_f64() * 1000.0)
    }
}
