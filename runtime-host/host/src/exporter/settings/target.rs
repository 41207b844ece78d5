//! Where one kind of telemetry is sent, and how.

use super::TIME_MAX_MS;
use super::variables::{Variables, pairs};
use crate::telemetry::otlp::Signal;
use anyhow::{Context as _, anyhow, bail};
use http::{HeaderName, HeaderValue, Uri};
use std::path::PathBuf;
use std::time::Duration;

/// How telemetry is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exporter) enum Protocol {
    HttpProtobuf,
    Grpc,
}

/// Where one kind of telemetry is sent.
#[derive(Debug, Clone)]
pub(in crate::exporter) struct Target {
    /// With gRPC, the path has no meaning.
    pub(in crate::exporter) uri: Uri,
    pub(in crate::exporter) protocol: Protocol,
    pub(in crate::exporter) headers: Vec<(HeaderName, HeaderValue)>,
    /// For each attempt.
    pub(in crate::exporter) timeout: Duration,
    pub(in crate::exporter) gzip: bool,
    /// A file with the certificates that are trusted instead of the public ones.
    pub(in crate::exporter) certificate: Option<PathBuf>,
}

impl Target {
    /// `None` if it is not exported.
    pub(super) fn read(signal: Signal, of: &mut Variables<'_>) -> anyhow::Result<Option<Self>> {
        let Some(is_asked_for) = is_asked_for(signal, of) else { return Ok(None) };
        let protocol = protocol(signal, of)?;
        let Some(uri) = uri(signal, protocol, is_asked_for, of)? else { return Ok(None) };
        let text = |name: &str| specific(signal, name, of).map(|(_, value)| value);
        let certificate = text("CERTIFICATE").map(PathBuf::from);
        if text("CLIENT_CERTIFICATE").is_some() || text("CLIENT_KEY").is_some() {
            bail!("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and …_CLIENT_KEY are not supported");
        }
        let gzip = match text("COMPRESSION").as_deref() {
            Some("gzip") => true,
            None | Some("none") => false,
            Some(other) => {
                let warning = format!("OTEL_EXPORTER_OTLP_COMPRESSION: `{other}` is not supported");
                of.warn(warning);
                false
            }
        };
        let name = specific(signal, "TIMEOUT", of)
            .map_or_else(|| "OTEL_EXPORTER_OTLP_TIMEOUT".to_owned(), |(name, _)| name);
        let timeout = Duration::from_millis(of.number(&name, 10_000, 1..=TIME_MAX_MS));
        let headers = headers(signal, of);
        Ok(Some(Self { uri, protocol, headers, timeout, gzip, certificate }))
    }

    /// The URI for messages: without a user, a password and a query, which may be secrets.
    pub(in crate::exporter) fn shown_uri(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let host = self.uri.host().unwrap_or_default();
        let port = self.uri.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{host}{port}{}", self.uri.path())
    }
}

/// Whether a variable asks for OTLP; none if it turns the signal off.
fn is_asked_for(signal: Signal, of: &mut Variables<'_>) -> Option<bool> {
    let variable = format!("OTEL_{}_EXPORTER", upper(signal));
    let Some(list) = of.text(&variable) else { return Some(false) };
    let names: Vec<_> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &names {
        // The admin listener has the metrics for Prometheus.
        if !["otlp", "none", "prometheus"].contains(name) {
            of.warn_always(format!("{variable}: `{name}` is not supported, only `otlp`"));
        }
    }
    names.contains(&"otlp").then_some(true)
}

fn upper(signal: Signal) -> String {
    signal.name().to_uppercase()
}

/// The variable of a signal, or else the one for all of them, with its name.
fn specific(signal: Signal, name: &str, of: &Variables<'_>) -> Option<(String, String)> {
    let own = format!("OTEL_EXPORTER_OTLP_{}_{name}", upper(signal));
    let common = format!("OTEL_EXPORTER_OTLP_{name}");
    [own, common].into_iter().find_map(|name| of.text(&name).map(|value| (name, value)))
}

fn protocol(signal: Signal, of: &mut Variables<'_>) -> anyhow::Result<Protocol> {
    Ok(match specific(signal, "PROTOCOL", of) {
        None => Protocol::HttpProtobuf,
        Some((name, value)) => match value.as_str() {
            "grpc" => Protocol::Grpc,
            "http/protobuf" => Protocol::HttpProtobuf,
            "http/json" => {
                bail!("{name}: `http/json` is not supported: use `http/protobuf` or `grpc`")
            }
            other => {
                of.warn(format!(
                    "{name}: `{other}` is not a protocol, and `http/protobuf` is used"
                ));
                Protocol::HttpProtobuf
            }
        },
    })
}

fn uri(
    signal: Signal,
    protocol: Protocol,
    is_asked_for: bool,
    of: &Variables<'_>,
) -> anyhow::Result<Option<Uri>> {
    let default = match protocol {
        Protocol::HttpProtobuf => "http://localhost:4318",
        Protocol::Grpc => "http://localhost:4317",
    };
    let found = specific(signal, "ENDPOINT", of);
    let common = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let found = found.or_else(|| is_asked_for.then(|| (common.to_owned(), default.to_owned())));
    let Some((name, mut text)) = found else { return Ok(None) };
    if protocol == Protocol::Grpc && !text.contains("://") {
        let insecure = specific(signal, "INSECURE", of);
        let insecure = insecure.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
        text = format!("{}://{text}", if insecure { "http" } else { "https" });
    }
    // The path of an endpoint for all signals is that of a folder.
    if protocol == Protocol::HttpProtobuf && name == common {
        text = format!("{}/v1/{}", text.trim_end_matches('/'), signal.name());
    }
    // It may contain a password, so it is not in the message.
    let invalid = || format!("{name}: it is not a URL that begins with http:// or https://");
    let uri: Uri = text.parse().with_context(invalid)?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.authority().is_some() => Ok(Some(uri)),
        _ => Err(anyhow!(invalid())),
    }
}

fn headers(signal: Signal, of: &mut Variables<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let Some((name, text)) = specific(signal, "HEADERS", of) else { return Vec::new() };
    // Values are often secrets, and by mistake one can be in a name, so both are in no message.
    let Ok(pairs) = pairs(&text) else {
        of.warn(format!("{name} is ignored: a part of it is not of the form `name=value`"));
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (index, (key, value)) in pairs.into_iter().enumerate() {
        match (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            (Ok(key), Ok(mut value)) => {
                value.set_sensitive(true);
                headers.push((key, value));
            }
            _ => {
                let position = index + 1;
                of.warn(format!("{name}: pair {position} is not a header field, and is left out"));
            }
        }
    }
    headers
}
