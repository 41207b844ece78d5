//! The program `generator`, started with a request and a pace.

use super::{Pace, Request, Sample};
use anyhow::{Context as _, Result, ensure};
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Command;

/// The program.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    /// Where it is.
    pub(crate) program: PathBuf,
}

impl Generator {
    /// Sends requests for this time.
    pub(crate) async fn run(
        &self,
        request: &Request,
        pace: Pace,
        duration: Duration,
    ) -> Result<Sample> {
        let mut generator = Command::new(&self.program);
        generator.args(arguments(request, pace, duration)).kill_on_drop(true);
        let output = generator.output().await.context("the generator does not start")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the generator failed: {complaint}");
        serde_json::from_slice(&output.stdout)
            .context("the output of the generator is not a sample")
    }
}

fn arguments(request: &Request, pace: Pace, duration: Duration) -> Vec<String> {
    let mut arguments = vec![request.url.clone()];
    let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    match &request.script {
        Some(file) => add("--requests", file.display().to_string()),
        None => add("--method", request.method.to_string()),
    }
    add("--milliseconds", duration.as_millis().to_string());
    add("--keys", request.keys.to_string());
    for (name, value) in &request.headers {
        add("--header", format!("{name}: {value}"));
    }
    if let Some(body) = &request.body {
        add("--body", body.display().to_string());
    }
    match pace {
        Pace::Closed { connections } => add("--connections", connections.to_string()),
        Pace::Open { rate, connections } => {
            add("--connections", connections.to_string());
            add("--rate", rate.to_string());
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_open_loop_has_a_rate() {
        let request = Request::get("http://localhost/k{key}").with_keys(100);
        let line = |pace| arguments(&request, pace, Duration::from_secs(3)).join(" ");
        let open = line(Pace::Open { rate: 500, connections: 64 });
        let closed = line(Pace::Closed { connections: 64 });
        assert!(open.contains("--connections 64 --rate 500") && !closed.contains("--rate"));
        assert!(open.starts_with("http://localhost/k{key} --method GET --milliseconds 3000"));
        assert!(open.contains("--keys 100"));
        let script = Request::script("http://localhost/", "some.json".into());
        let line = arguments(&script, Pace::Closed { connections: 1 }, Duration::from_secs(1));
        let line = line.join(" ");
        assert!(line.contains("--requests some.json") && !line.contains("--method"), "{line}");
    }
}
