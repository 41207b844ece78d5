//! `tessera health`, which is the health check of containers.

use super::text;
use crate::support::{Application, application, tessera};
use harness::Host;

async fn health(host: &Host) -> (Option<i32>, String) {
    tessera(&["health", "--admin-url", &format!("http://{}", host.admin_address())]).await
}

#[tokio::test]
async fn a_host_is_healthy_while_it_is_ready() {
    let app = application(Application::GUEST);
    // Long enough to ask it while it stops.
    let mut host = app.host().argument("--drain-delay").argument("3600").start().await;
    assert_eq!(health(&host).await, (Some(0), String::new()));
    host.terminate();
    host.log_line(|line| line["message"].to_string().contains("not ready")).await;
    let (code, output) = health(&host).await;
    assert_eq!(code, Some(1));
    assert!(output.contains("not ready: the host is stopping"), "{output}");
    host.kill().await;
    let (code, output) = health(&host).await;
    assert_eq!(code, Some(1));
    assert!(output.contains("does not answer"), "{output}");
}

#[tokio::test]
async fn another_server_is_no_healthy_host() {
    let app = application(Application::GUEST);
    let host = app.host().start().await;
    let application = format!("http://{}", host.address());
    let (code, output) = tessera(&["health", "--admin-url", &application]).await;
    assert_eq!(code, Some(1));
    assert!(output.contains("no admin listener"), "{output}");
}

#[tokio::test]
async fn the_paths_of_all_probes_exist() {
    let app = application(Application::GUEST);
    let host = app.host().start().await;
    let kubernetes = super::files("kubernetes", ".yaml").into_iter();
    let mut paths = 0;
    for file in kubernetes.chain(super::files("kubernetes/replicated", ".yaml")) {
        for line in text(file).lines().filter_map(|line| line.trim().strip_prefix("path: /")) {
            host.admin().get(&format!("/{line}")).await.expect(200);
            paths += 1;
        }
    }
    assert!(paths >= 7, "{paths}");
}
