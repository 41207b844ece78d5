//! Requests of an application to itself, in every spelling of its name.

use crate::support::{Application, application, certified};

fn app(allowed: &str) -> Application {
    application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "new"
[[trigger.http]]
route = "/old/..."
component = "old"
[[trigger.http]]
route = "/static"
static_response = {{ body = "the front door" }}
[component.new]
source = "$p3"
allowed_outbound_hosts = [{allowed}]
[component.old]
source = "$p2"
allowed_outbound_hosts = [{allowed}]
"#
    ))
}

/// Requests for `/static`: each scheme with each name. SDKs write a URI without a host as one with
/// only a port.
fn spellings() -> Vec<String> {
    let mut all: Vec<_> = ["http://self", "http://self:80", "https://self.alt", ""]
        .map(|origin| format!("/outbound?url={origin}/static"))
        .into();
    for authority in [":80", ":443", "self", "self:80", "self.alt", "self.alt:443"] {
        for scheme in ["http", "https"] {
            let query = format!("authority={authority}&scheme={scheme}&path=/static");
            all.push(format!("/old/outbound?{query}"));
        }
    }
    all
}

#[tokio::test]
async fn an_application_reaches_itself_by_each_of_its_names() {
    for allowed in ["\"http://self\"", "\"https://self\"", "\"*://self.alt:*\""] {
        let host = app(allowed).host().start().await;
        for path in spellings() {
            let answer = host.client().get(&path).await.expect(200);
            assert_eq!(answer.text(), "the front door", "{allowed}: {path}");
        }
    }
}

#[tokio::test]
async fn an_application_reaches_itself_under_tls() {
    let (certificate, host) = certified(app("\"http://self\"")).await;
    let base = format!("https://{}", host.address());
    let client = harness::Client::trusting(&base, &[certificate]);
    for path in spellings() {
        assert_eq!(client.get(&path).await.expect(200).text(), "the front door", "{path}");
    }
    // Its own certificate is trusted for itself, and not for an address that only happens to be its
    // own.
    let direct = format!("/outbound?url={base}/static");
    assert!(client.get(&direct).await.expect(502).text().contains("HttpRequestDenied"));
}

#[tokio::test]
async fn a_denied_request_to_itself_says_which_entry_allows_it() {
    let host = app("").host().start().await;
    for path in ["/old/outbound?authority=:443&scheme=https&path=/x", "/outbound?url=http://self/"]
    {
        let answer = host.client().get(path).await.expect(502);
        assert!(answer.text().contains("HttpRequestDenied"), "{path}: {}", answer.text());
    }
    let advice = "add \"http://self\" to allowed_outbound_hosts";
    for component in ["old", "new"] {
        let line =
            host.log_line(|line| line["component"] == component && line["level"] == "WARN").await;
        assert!(line["message"].as_str().unwrap().contains(advice), "{line}");
    }
}
