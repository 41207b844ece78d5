//! The standard variables of OpenTelemetry.
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

mod target;
mod variables;

pub(super) use target::{Protocol, Target};

use super::batches::Batches;
use crate::telemetry::otlp::{Resource, Rule, Sampler, Signal};
use std::time::Duration;
use variables::{Variables, pairs};

/// The range of times.
const TIME_MAX_MS: u64 = 60 * 60 * 1_000;
/// The range of lengths of queues.
const QUEUE_LENGTH_MAX: u64 = 1 << 20;
/// The range of lengths of batches.
const BATCH_LENGTH_MAX: u64 = 1 << 14;

/// What the variables say.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(super) traces: Option<Target>,
    pub(super) metrics: Option<Target>,
    pub(super) logs: Option<Target>,
    pub(super) sampler: Sampler,
    pub(super) span_batches: Batches,
    pub(super) log_batches: Batches,
    pub(super) metric_interval: Duration,
    pub(super) metric_timeout: Duration,
    service_name: Option<String>,
    attributes: Vec<(String, String)>,
    pub(super) warnings: Vec<String>,
}

impl Settings {
    /// Those of this process.
    ///
    /// Errors: telemetry can't be sent as a variable says.
    #[expect(clippy::disallowed_methods, reason = "these variables are a standard without flags")]
    pub(crate) fn of_process() -> anyhow::Result<Self> {
        Self::read(&|name| std::env::var(name).ok())
    }

    fn read(get: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let mut variables = Variables::new(get);
        let of = &mut variables;
        let disabled = is_disabled(of);
        let target = |signal, of: &mut Variables<'_>| match disabled {
            true => Ok(None),
            false => Target::read(signal, of),
        };
        let traces = target(Signal::Traces, of)?;
        let metrics = target(Signal::Metrics, of)?;
        let logs = target(Signal::Logs, of)?;
        let milliseconds = |of: &mut Variables<'_>, name: &str, default| {
            Duration::from_millis(of.number(name, default, 1..=TIME_MAX_MS))
        };
        let batches = |of: &mut Variables<'_>, prefix: &str, delay_ms| {
            let queue = of.number(&format!("{prefix}_MAX_QUEUE_SIZE"), 2_048, 1..=QUEUE_LENGTH_MAX);
            let batch =
                of.number(&format!("{prefix}_MAX_EXPORT_BATCH_SIZE"), 512, 1..=BATCH_LENGTH_MAX);
            Batches {
                delay: milliseconds(of, &format!("{prefix}_SCHEDULE_DELAY"), delay_ms),
                timeout: milliseconds(of, &format!("{prefix}_EXPORT_TIMEOUT"), 30_000),
                queue_length_max: queue as usize,
                batch_length_max: batch.min(queue) as usize,
            }
        };
        let settings = Self {
            traces,
            metrics,
            logs,
            sampler: sampler(of),
            span_batches: batches(of, "OTEL_BSP", 5_000),
            log_batches: batches(of, "OTEL_BLRP", 1_000),
            metric_interval: milliseconds(of, "OTEL_METRIC_EXPORT_INTERVAL", 60_000),
            metric_timeout: milliseconds(of, "OTEL_METRIC_EXPORT_TIMEOUT", 30_000),
            service_name: of.text("OTEL_SERVICE_NAME"),
            attributes: attributes(of),
            warnings: Vec::new(),
        };
        let temporality = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        of.only_supports(temporality, &["cumulative"]);
        let is_sent = settings.traces.is_some() || settings.metrics.is_some();
        let is_sent = is_sent || settings.logs.is_some();
        Ok(Self { warnings: variables.into_warnings(is_sent), ..settings })
    }

    pub(super) fn target(&self, signal: Signal) -> Option<&Target> {
        match signal {
            Signal::Traces => self.traces.as_ref(),
            Signal::Metrics => self.metrics.as_ref(),
            Signal::Logs => self.logs.as_ref(),
        }
    }

    /// The attributes of the process, which runs this application.
    pub(super) fn resource(&self, name: &str, version: &str) -> Resource {
        let mut all = self.attributes.clone();
        if let Some(name) = &self.service_name {
            all.retain(|(key, _)| key != "service.name");
            all.push(("service.name".to_owned(), name.clone()));
        }
        let id = uuid::Uuid::now_v7().to_string();
        let pid = std::process::id().to_string();
        let defaults = [
            ("service.name", name),
            ("service.version", version),
            ("service.instance.id", id.as_str()),
            ("process.pid", pid.as_str()),
            ("telemetry.sdk.name", "tessera"),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ];
        for (key, value) in defaults {
            if !value.is_empty() && !all.iter().any(|(known, _)| known == key) {
                all.push((key.to_owned(), value.to_owned()));
            }
        }
        Resource(all)
    }
}

/// The standard knows only `true`. Spin takes any value, and for who writes `1` it means the same.
fn is_disabled(of: &mut Variables<'_>) -> bool {
    let off = ["false", "0"];
    of.text("OTEL_SDK_DISABLED").is_some_and(|value| !off.contains(&&*value.to_lowercase()))
}

fn attributes(of: &mut Variables<'_>) -> Vec<(String, String)> {
    let name = "OTEL_RESOURCE_ATTRIBUTES";
    let Some(text) = of.text(name) else { return Vec::new() };
    pairs(&text).unwrap_or_else(|part| {
        of.warn(format!("{name} is ignored: `{part}` is not of the form `name=value`"));
        Vec::new()
    })
}

fn sampler(of: &mut Variables<'_>) -> Sampler {
    let default = Sampler::default();
    let Some(name) = of.text("OTEL_TRACES_SAMPLER") else { return default };
    let (parent_based, rule) = match name.strip_prefix("parentbased_") {
        Some(rule) => (true, rule),
        None => (false, &*name),
    };
    let rule = match rule {
        "always_on" => Rule::All,
        "always_off" => Rule::None,
        "traceidratio" => Rule::Share(share(of)),
        _ => {
            of.warn(format!(
                "OTEL_TRACES_SAMPLER: `{name}` is not supported, and `parentbased_always_on` is \
                 used"
            ));
            return default;
        }
    };
    Sampler { parent_based, rule }
}

fn share(of: &mut Variables<'_>) -> f64 {
    let name = "OTEL_TRACES_SAMPLER_ARG";
    let Some(text) = of.text(name) else { return 1.0 };
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => share,
        _ => {
            of.warn(format!("{name}: `{text}` is not a number from 0 to 1, and 1 is used"));
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> anyhow::Result<Settings> {
        Settings::read(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn uris(variables: &[(&str, &str)]) -> [Option<String>; 3] {
        let settings = read(variables).unwrap();
        [settings.traces, settings.metrics, settings.logs]
            .map(|target| target.map(|target| target.uri.to_string()))
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");

    #[test]
    fn nothing_is_exported_by_default() {
        assert_eq!(uris(&[]), [None, None, None]);
        assert_eq!(
            uris(&[("OTEL_SERVICE_NAME", "shop"), ("OTEL_SDK_DISABLED", "x")]),
            [None, None, None]
        );
        assert!(read(&[("OTEL_BSP_SCHEDULE_DELAY", "x")]).unwrap().warnings.is_empty());
    }

    #[test]
    fn one_endpoint_is_for_all_signals_and_each_may_have_its_own() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            uris(&[ENDPOINT]),
            [
                some("http://collector:4318/v1/traces"),
                some("http://collector:4318/v1/metrics"),
                some("http://collector:4318/v1/logs"),
            ]
        );
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://other:1/x");
        assert_eq!(uris(&[own]), [some("http://other:1/x"), None, None]);
        let none = ("OTEL_METRICS_EXPORTER", "none");
        let found = uris(&[ENDPOINT, own, none]);
        assert_eq!(found, [some("http://other:1/x"), None, some("http://collector:4318/v1/logs")]);
        let asked = ("OTEL_TRACES_EXPORTER", "otlp");
        assert_eq!(uris(&[asked]), [some("http://localhost:4318/v1/traces"), None, None]);
    }

    #[test]
    fn telemetry_can_be_disabled() {
        for value in ["true", "TRUE", "1"] {
            assert_eq!(uris(&[ENDPOINT, ("OTEL_SDK_DISABLED", value)]), [None, None, None]);
        }
        for value in ["", "false", "0"] {
            assert!(uris(&[ENDPOINT, ("OTEL_SDK_DISABLED", value)])[0].is_some(), "{value}");
        }
    }

    #[test]
    fn the_protocol_of_a_signal_counts_more_than_the_common_one() {
        let of = |variables: &[(&str, &str)]| {
            let all = [&[ENDPOINT], variables].concat();
            read(&all).unwrap().traces.unwrap().protocol
        };
        assert_eq!(of(&[]), Protocol::HttpProtobuf);
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]), Protocol::Grpc);
        let own = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), own]), Protocol::HttpProtobuf);
        let json = read(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]);
        assert!(json.unwrap_err().to_string().contains("http/json"));
    }

    #[test]
    fn invalid_values_are_reported_and_the_defaults_are_used() {
        let settings = read(&[
            ENDPOINT,
            ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "smoke"),
        ])
        .unwrap();
        assert_eq!(settings.span_batches.delay, Duration::from_secs(5));
        assert_eq!(settings.sampler, Sampler::default());
        let names = ["SCHEDULE_DELAY", "SAMPLER", "RESOURCE_ATTRIBUTES", "PROTOCOL"];
        for name in names {
            let found = settings.warnings.iter().filter(|warning| warning.contains(name));
            assert_eq!(found.count(), 1, "{name} in {:#?}", settings.warnings);
        }
        assert!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "no url")]).is_err());
    }

    #[test]
    fn exporters_that_are_not_supported_are_reported() {
        for (list, is_sent) in [("console", false), ("console, otlp", true)] {
            let settings = read(&[("OTEL_TRACES_EXPORTER", list)]).unwrap();
            assert_eq!(settings.traces.is_some(), is_sent, "{list}");
            let [warning] = settings.warnings.as_slice() else { panic!("{:?}", settings.warnings) };
            assert!(warning.contains("OTEL_TRACES_EXPORTER: `console`"), "{warning}");
        }
        for list in ["none", "otlp", "prometheus"] {
            assert!(
                read(&[("OTEL_METRICS_EXPORTER", list)]).unwrap().warnings.is_empty(),
                "{list}"
            );
        }
    }

    #[test]
    fn messages_contain_no_secrets() {
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,bearer token=secret");
        let warnings = read(&[ENDPOINT, headers]).unwrap().warnings;
        let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
        assert!(warning.contains("OTEL_EXPORTER_OTLP_HEADERS: pair 2"), "{warning}");
        assert!(!warning.contains("token") && !warning.contains("secret"), "{warning}");
        let name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        let uri = "https://user:secret@collector:4318/v1?key=secret";
        let target = read(&[(name, uri)]).unwrap().traces.unwrap();
        assert_eq!(target.shown_uri(), "https://collector:4318/v1");
        for uri in ["ftp://user:secret@collector/", "user:secret@collector/v1", "no url secret"] {
            let error = format!("{:#}", read(&[(name, uri)]).unwrap_err());
            assert!(error.contains(name) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_name_of_the_service_comes_from_the_first_that_names_it() {
        let name = |variables: &[(&str, &str)]| {
            let Resource(all) = read(variables).unwrap().resource("shop", "1");
            let names = all.iter().filter(|(key, _)| key == "service.name");
            names.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=b,deployment=a%20b");
        assert_eq!(name(&[]), ["shop"]);
        assert_eq!(name(&[attributes]), ["b"]);
        assert_eq!(name(&[attributes, ("OTEL_SERVICE_NAME", "c")]), ["c"]);
    }

    #[test]
    fn samplers_have_the_names_of_the_standard() {
        let of = |name: &str| {
            let share = ("OTEL_TRACES_SAMPLER_ARG", "0.25");
            read(&[ENDPOINT, ("OTEL_TRACES_SAMPLER", name), share]).unwrap().sampler
        };
        assert_eq!(of("always_off"), Sampler { parent_based: false, rule: Rule::None });
        let quarter = Rule::Share(0.25);
        assert_eq!(of("traceidratio"), Sampler { parent_based: false, rule: quarter });
        assert_eq!(of("parentbased_traceidratio"), Sampler { parent_based: true, rule: quarter });
    }
}
