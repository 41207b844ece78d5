//! [oha](https://crates.io/crates/oha), the generator of load for single requests.

use super::{Pace, Request, Sample};
use crate::bench::on_path;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// The version that is installed where there is none.
const VERSION: &str = "1.16.0";
/// How long a request may go without an answer; then it is an error.
const TIMEOUT: &str = "30s";

/// The program.
#[derive(Clone, Debug)]
pub(crate) struct Oha {
    program: PathBuf,
}

impl Oha {
    /// The one on `PATH`, or one that was or is installed into this folder.
    pub(crate) async fn find_or_install(folder: &Path) -> Result<Oha> {
        let own = folder.join("bin/oha");
        if let Some(program) = on_path("oha").or_else(|| own.is_file().then(|| own.clone())) {
            return Ok(Oha { program });
        }
        eprintln!("==> installing the load generator oha {VERSION} from crates.io");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // Without TLS: everything runs on the loopback interface.
        cargo.args(["install", "oha", "--locked", "--quiet", "--no-default-features"]);
        cargo.args(["--version", VERSION]).arg("--root").arg(folder).kill_on_drop(true);
        let status = cargo.status().await.context("cargo does not start")?;
        ensure!(status.success(), "`cargo install oha` failed");
        Ok(Oha { program: own })
    }

    /// Sends requests for so long.
    pub(crate) async fn run(
        &self,
        request: &Request,
        pace: Pace,
        duration: Duration,
    ) -> Result<Sample> {
        let mut oha = Command::new(&self.program);
        oha.args(arguments(request, pace, duration)).kill_on_drop(true);
        let output = oha.output().await.context("oha does not start")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "oha failed: {complaint}");
        let told = serde_json::from_slice(&output.stdout).context("what oha tells is no JSON")?;
        sample(&told)
    }
}

fn arguments(request: &Request, pace: Pace, duration: Duration) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--no-tui",
        "--output-format",
        "json",
        "--no-pre-lookup",
        "--redirect",
        "0",
        "-t",
        TIMEOUT,
    ]
    .map(str::to_owned)
    .into();
    let mut add = |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
    add("-m", request.method.as_str());
    // One thread: contenders need the processors more.
    add("--worker-threads", "1");
    add("-z", &format!("{}ms", duration.as_millis()));
    for (name, value) in &request.headers {
        add("-H", &format!("{name}: {value}"));
    }
    if let Some(body) = &request.body {
        add("-D", &body.display().to_string());
    }
    match pace {
        Pace::Closed { connections } => add("-c", &connections.to_string()),
        Pace::Open { rate, connections } => {
            add("-c", &connections.to_string());
            add("-q", &rate.to_string());
            arguments.push("--latency-correction".to_owned());
        }
    }
    if request.pattern {
        arguments.push("--rand-regex-url".to_owned());
    }
    arguments.push(request.url.clone());
    arguments
}

/// What a report of oha says.
fn sample(told: &Value) -> Result<Sample> {
    let statuses = told["statusCodeDistribution"].as_object().context("statuses are missing")?;
    let (mut requests, mut errors) = (0, 0);
    for (status, count) in statuses {
        let count = count.as_u64().unwrap_or(0);
        let success = status.parse().is_ok_and(|status: u16| status < 400);
        *(if success { &mut requests } else { &mut errors }) += count;
    }
    for (reason, count) in told["errorDistribution"].as_object().into_iter().flatten() {
        // Requests that were under way when the time was over are nobody's fault.
        if !reason.contains("deadline") {
            errors += count.as_u64().unwrap_or(0);
        }
    }
    let seconds = told["summary"]["total"].as_f64().context("the time is missing")?;
    let percentile = |name: &str| {
        told["latencyPercentiles"][name].as_f64().map_or(f64::NAN, |seconds| seconds * 1000.0)
    };
    Ok(Sample {
        requests,
        seconds,
        requests_per_second: requests as f64 / seconds.max(f64::EPSILON),
        errors,
        p50_ms: percentile("p50"),
        p99_ms: percentile("p99"),
        p999_ms: percentile("p99.9"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_from_400_and_lost_ones_are_errors_and_those_cut_off_by_the_end_are_not() {
        let told = json!({
            "summary": { "total": 2.0 },
            "latencyPercentiles": { "p50": 0.001, "p99": 0.004, "p99.9": 0.02 },
            "statusCodeDistribution": { "200": 90, "204": 10, "503": 3 },
            "errorDistribution": { "connection refused": 4, "aborted due to deadline": 32 },
        });
        let sample = sample(&told).unwrap();
        assert_eq!((sample.requests, sample.errors), (100, 7));
        assert_eq!(sample.requests_per_second, 50.0);
        assert_eq!((sample.p50_ms, sample.p99_ms, sample.p999_ms), (1.0, 4.0, 20.0));
    }

    #[test]
    fn an_open_loop_is_corrected_for_requests_that_go_out_late() {
        let request = Request::get("http://localhost/");
        let pace = Pace::Open { rate: 500, connections: 64 };
        let line = arguments(&request, pace, Duration::from_secs(3)).join(" ");
        assert!(line.contains("-q 500 --latency-correction"), "{line}");
        assert!(line.contains("-z 3000ms") && line.ends_with("http://localhost/"), "{line}");
    }
}
