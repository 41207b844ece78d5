//! `tessera deploy`.

use super::code::{Code, CodeSource};
use super::wait::until_decided;
use super::{By, Changed, block_on, encoded, print};
use crate::commands::admin_client::RunningHost;
use clap::{ArgGroup, Args};
use http::Method;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

/// Deploy new code of a component to a running host.
///
/// The other components, requests in progress and the data are not affected. The code is compiled,
/// linked and compared with what its callers expect before it gets any calls. The exit code is 0 if
/// the revision has all calls in the end, or waits for `tessera promote`, and 1 if not.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("code").args(["from", "revision"])),
          group(ArgGroup::new("way").args(["canary", "blue_green"])),
          group(ArgGroup::new("compared").args(["canary", "shadow"]).multiple(true)))]
pub(crate) struct Deploy {
    component: String,
    #[command(flatten)]
    source: CodeSource,
    /// A revision that the host has kept, by the first digits of its name in `tessera history`.
    #[arg(long, value_name = "DIGITS")]
    revision: Option<String>,
    /// Give it a growing share of the calls, in percent, and compare it with the stable revision over
    /// the same time. It is rolled back by itself if it is worse.
    #[arg(long, value_name = "PERCENT,…", value_delimiter = ',',
          value_parser = clap::value_parser!(u8).range(1..100))]
    canary: Option<Vec<u8>>,
    /// How long each step of a canary takes at least: `30s`, `5m`, `1h`.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration,
          requires = "compared")]
    every: Duration,
    /// First copy this share of the reads to it, in percent, and compare its answers with those of the
    /// stable revision, which callers get. It is rolled back by itself if they differ. Then it gets its
    /// calls as `--canary` says, or with `tessera promote`.
    #[arg(long, value_name = "PERCENT", conflicts_with = "blue_green",
          value_parser = clap::value_parser!(u8).range(1..=100))]
    shadow: Option<u8>,
    /// The share of answers to copies that may differ, in percent [default: 1].
    #[arg(long, value_name = "PERCENT", requires = "shadow")]
    mismatches_percent_max: Option<f64>,
    /// The header fields that are compared, too [default: content-type,location].
    #[arg(long, value_name = "NAME,…", requires = "shadow")]
    compare: Option<String>,
    /// Prepare it, and give it all calls with `tessera promote`.
    #[arg(long)]
    blue_green: bool,
    /// Wait for `tessera promote` after the last step of a canary.
    #[arg(long, requires = "canary")]
    manual: bool,
    /// Requests with the same value of this header or cookie stay with one revision: `header:NAME` or
    /// `cookie:NAME` [default: those of one trace].
    #[arg(long, value_name = "KIND:NAME", requires = "way")]
    sticky: Option<String>,
    /// Requests with this header always go to the new revision.
    #[arg(long = "match", value_name = "HEADER:VALUE", requires = "way")]
    matching: Option<String>,
    /// The calls that a step of a canary needs at least, or the answers to copies [default: 100].
    #[arg(long, value_name = "COUNT", requires = "compared")]
    calls_min: Option<u64>,
    /// The share of failures that it may have above that of the stable revision, in percent
    /// [default: 0.5].
    #[arg(long, value_name = "PERCENT", requires = "canary")]
    failures_percent_max: Option<f64>,
    /// How many times as long its calls may take [default: 1.5].
    #[arg(long, value_name = "RATIO", requires = "canary")]
    latency_ratio_max: Option<f64>,
    /// How many times the memory its instances may have [default: 2].
    #[arg(long, value_name = "RATIO", requires = "canary")]
    memory_ratio_max: Option<f64>,
    /// Do not wait for the end of the rollout.
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    host: RunningHost,
}

impl Deploy {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        block_on(self.deploy())
    }

    async fn deploy(self) -> anyhow::Result<ExitCode> {
        let host = self.host.connect()?;
        let code = match self.revision {
            // The host has it.
            Some(_) => Code::default(),
            None => self.source.read(&self.component).await?,
        };
        let path = self.path(code.origin);
        let answer = host.send(Method::POST, &path, "application/wasm", code.bytes).await?;
        let Changed { revision } = serde_json::from_slice(answer.body())?;
        if self.detach {
            print(&format!("{revision}  deployed"));
            return Ok(ExitCode::SUCCESS);
        }
        until_decided(&host, &self.component, &revision).await
    }

    fn path(&self, origin: Option<String>) -> String {
        let mut path = format!(
            "/components/{}/revisions?by={}",
            encoded(&self.component),
            encoded(&self.by.by)
        );
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = write!(path, "&{name}={}", encoded(&value));
            }
        };
        let before = (self.blue_green || self.shadow.is_some()).then_some(&0);
        let steps: Vec<_> = before.into_iter().chain(self.canary.iter().flatten()).collect();
        let steps = (!steps.is_empty())
            .then(|| steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
        let waits = self.manual || (before.is_some() && self.canary.is_none());
        add("revision", self.revision.clone());
        add("origin", origin);
        add("step_ms", steps.is_some().then(|| self.every.as_millis().to_string()));
        add("steps", steps);
        add("waits", waits.then(|| "true".to_owned()));
        add("shadow", self.shadow.map(|percent| percent.to_string()));
        add("mismatches_percent_max", self.mismatches_percent_max.map(|one| one.to_string()));
        add("compare", self.compare.clone());
        add("sticky", self.sticky.clone());
        add("match", self.matching.clone());
        add("calls_min", self.calls_min.map(|number| number.to_string()));
        add("failures_percent_max", self.failures_percent_max.map(|number| number.to_string()));
        add("latency_ratio_max", self.latency_ratio_max.map(|number| number.to_string()));
        add("memory_ratio_max", self.memory_ratio_max.map(|number| number.to_string()));
        path
    }
}

/// `500ms`, `30s`, `5m` or `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "write a time, such as 30s or 5m".to_owned())?;
    let ms = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err("write a time with a unit: ms, s, m or h".to_owned()),
    };
    ms.map(Duration::from_millis).ok_or_else(|| "that is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        for text in ["30", "s", "", "1d", "99999999999999999999s", "18446744073709551615h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
