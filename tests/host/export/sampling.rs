//! Which traces are sent.

use super::{PARENT, TRACE, guest, sent};
use crate::support::spans;
use harness::collector::Collector;

#[tokio::test]
async fn the_sampler_decides_at_the_first_span() {
    let collector = Collector::start().await;
    let host = sent(&guest(), &collector)
        .environment("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        .start()
        .await;
    let flags = async |parent: Option<&str>, path: &str| {
        let client = match parent {
            Some(flags) => {
                host.client().with("traceparent", &format!("00-{TRACE}-{PARENT}-{flags}"))
            }
            None => host.client(),
        };
        let answer = client.get(path).await.expect(200);
        answer.header("traceresponse").rsplit_once('-').unwrap().1.to_owned()
    };
    assert_eq!(flags(None, "/own").await, "02");
    assert_eq!(flags(Some("00"), "/not").await, "00");
    assert_eq!(flags(Some("01"), "/sampled").await, "01");
    let spans = collector.spans_with(|spans| !spans.is_empty()).await;
    let paths: Vec<_> = spans.iter().map(|one| one.attributes["url.path"].as_str()).collect();
    assert_eq!(paths, ["/sampled"]);
}

#[tokio::test]
async fn a_client_can_not_force_traces_with_a_sampler_of_the_host() {
    let collector = Collector::start().await;
    let host = sent(&guest(), &collector)
        .environment("OTEL_TRACES_SAMPLER", "traceidratio")
        .environment("OTEL_TRACES_SAMPLER_ARG", "0")
        .start()
        .await;
    let client = host.client().with("traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    let answer = client.get("/log").await.expect(200);
    assert!(answer.header("traceresponse").ends_with("-00"));
    collector.log_with(|log| log.body == "an ordinary line").await;
    assert!(collector.spans().is_empty());
    // The traces on the admin listener are not affected.
    assert!(!spans(&host, TRACE, "http").await.is_empty());
}
