//! The shop with Prometheus in Compose.

use super::{Variables, commands, document, stop_seconds, strings};
use harness::repository;
use serde_json::{Value, json};
use servers::{CONFIGURATION, promtool};

fn compose() -> Value {
    document("deploy/compose.yaml")
}

#[tokio::test]
async fn the_shop_stops_in_good_order_and_writes_only_to_its_volume() {
    let file = compose();
    let shop = &file["services"]["shop"];
    let arguments = strings(&shop["command"]);
    commands::understands(&arguments).await;
    let grace = shop["stop_grace_period"].as_str().and_then(|time| time.strip_suffix('s'));
    let grace: u64 = grace.and_then(|seconds| seconds.parse().ok()).expect("seconds");
    assert!(grace > stop_seconds(&arguments), "{grace} s");
    assert_eq!(shop["read_only"], true);
    assert_eq!(shop["cap_drop"], json!(["ALL"]));
    assert_eq!(shop["security_opt"], json!(["no-new-privileges:true"]));
    assert!(shop["mem_limit"].is_string() && shop["pids_limit"].is_number());
    let volume = &shop["volumes"][0];
    let (name, path) = volume.as_str().and_then(|text| text.split_once(':')).expect("a volume");
    assert!(file["volumes"].as_object().expect("volumes").contains_key(name));
    assert_eq!(path, "/var/lib/tessera");
    // No port is open to other machines.
    for port in strings(&shop["ports"]) {
        assert!(port.starts_with("127.0.0.1:"), "{port}");
    }
    let variables = shop["environment"].as_object().expect("variables");
    Variables::of_the_shop().check(variables.keys().map(String::as_str));
}

#[test]
fn the_image_is_that_of_the_container_file() {
    let file = compose();
    let build = &file["services"]["shop"]["build"];
    let folder = repository().join("deploy").join(build["context"].as_str().expect("a folder"));
    let container_file = folder.join(build["dockerfile"].as_str().expect("a path"));
    let text = std::fs::read_to_string(container_file).expect("the container file");
    let stage = format!(" AS {}\n", build["target"].as_str().expect("a stage"));
    assert!(text.contains(&stage), "{stage}");
}

#[test]
fn prometheus_accepts_its_configuration() {
    let file = compose();
    let content = file["configs"]["prometheus"]["content"].as_str().expect("a configuration");
    let targets = file["services"]["shop"]["command"].as_array().expect("arguments");
    assert!(content.contains("shop:3001") && targets.contains(&json!("shop")));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(CONFIGURATION), content).expect("the configuration");
    // The only relative path among its volumes.
    let mounted = strings(&file["services"]["prometheus"]["volumes"]);
    let alerts = mounted.iter().find_map(|volume| volume.strip_prefix("./")).expect("the alerts");
    let alerts = repository().join("deploy").join(alerts.split(':').next().expect("a path"));
    std::fs::copy(alerts, folder.path().join("alerts.yaml")).expect("the alerts");
    let arguments = ["check", "config", "--lint=all", CONFIGURATION];
    let Some(output) = promtool(folder.path(), &arguments) else { return };
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
}
