//! Telemetry that is sent to a collector.

mod encryption;
mod failures;
mod logs;
mod metrics;
mod sampling;
mod settings;
mod traces;

use crate::support::{Application, application, eventually};
use harness::collector::{CollectedSpan, Collector};
use harness::{Host, HostBuilder};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn sent(app: &Application, collector: &Collector) -> HostBuilder {
    app.host()
        .environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .environment("OTEL_BSP_SCHEDULE_DELAY", "50")
        .environment("OTEL_BLRP_SCHEDULE_DELAY", "50")
        .environment("OTEL_METRIC_EXPORT_INTERVAL", "200")
}

fn guest() -> Application {
    application(Application::GUEST)
}

fn named<'a>(spans: &'a [CollectedSpan], name: &str) -> &'a CollectedSpan {
    let mut found = spans.iter().filter(|one| one.span.name == name);
    let span = found.next().unwrap_or_else(|| panic!("no span {name} in {spans:#?}"));
    assert!(found.next().is_none(), "one span {name}");
    span
}

fn has(spans: &[CollectedSpan], name: &str) -> bool {
    spans.iter().any(|one| one.span.name == name)
}

fn traces(collector: &Collector, protocol: &str) -> String {
    let path = if protocol == "grpc" { "" } else { "/v1/traces" };
    format!("{}{path}", collector.endpoint())
}

/// The metrics that say what became of telemetry, once they have these values.
async fn assert_counts(host: &Host, signal: &str, (exported, dropped): (u64, u64)) {
    let series = |name| format!("tessera_telemetry_{name}_total{{signal=\"{signal}\"}}");
    eventually(async || {
        let found = (host.metric(&series("exported")).await, host.metric(&series("dropped")).await);
        (found == (Some(exported), Some(dropped))).then_some(())
    })
    .await;
}

/// Calls a component through components, links and events.
fn mesh() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/:action"
component = "gateway"
[[trigger.http]]
route = { private = true }
component = "publisher"
[[trigger.http]]
route = { private = true }
component = "subscriber"
[[trigger.http]]
route = { private = true }
component = "caller"
[component.gateway]
source = "$p3"
allowed_outbound_hosts = ["http://publisher.spin.internal"]
[component.publisher]
source = "$publisher"
[component.publisher.dependencies]
"tessera:events/producer@1.0.0" = { component = "events-bridge" }
"tessera:events/log@1.0.0" = { component = "events-bridge" }
[component.events-bridge]
source = "$publisher"
tool.tessera.bridges = "host"
[component.subscriber]
source = "$p3"
allowed_outbound_hosts = ["http://caller.spin.internal"]
[component.subscriber.tool.tessera]
subscribe = [{ types = ["com.test.*"], path = "/forward?url=http://caller.spin.internal/count" }]
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = { component = "callee-bridge" }
"tessera-test:links/fragile@1.0.0" = { component = "callee-bridge" }
[component.callee]
source = "$callee"
[component.callee-bridge]
source = "$callee"
tool.tessera.bridges = "callee"
"#,
    )
}
