//! Files for other hosts of components: SpinKube and wasmCloud.

use super::{Variables, commands, document, documents};
use harness::built_component;
use serde_json::Value;
use std::path::Path;
use wit_parser::decoding::{DecodedWasm, decode};

#[tokio::test]
async fn spinkube_runs_the_shop_on_this_host() {
    let all = documents("deploy/spinkube/spinapp.yaml");
    let of_kind = |kind: &str| all.iter().find(|one| one["kind"] == kind).expect("the object");
    let (executor, app) = (of_kind("SpinAppExecutor"), of_kind("SpinApp"));
    assert_eq!(app["spec"]["executor"], executor["metadata"]["name"]);
    assert_eq!(executor["spec"]["createDeployment"], true);
    // As the operator of SpinKube starts the image of an executor.
    let image = app["spec"]["image"].as_str().expect("an image");
    let file = "/runtime-config.toml";
    let arguments = ["up", "--listen", "0.0.0.0:80", "-f", image, "--runtime-config-file", file];
    commands::understands(&arguments.map(str::to_owned)).await;
    let variables = app["spec"]["variables"].as_array().expect("variables").iter();
    let names: Vec<_> = variables
        .map(|one| format!("SPIN_VARIABLE_{}", one["name"].as_str().expect("a name")))
        .collect();
    Variables::of_the_shop().check(names.iter().map(String::as_str));
}

#[test]
fn the_component_on_wasmcloud_needs_only_interfaces_of_wasi() {
    let workload = document("deploy/wasmcloud/workload.yaml");
    let spec = &workload["spec"]["template"]["spec"];
    let name = spec["components"][0]["name"].as_str().expect("a name");
    let path = format!("target/wasm32-wasip2/release/{name}.wasm");
    let bytes = std::fs::read(built_component(Path::new(&path))).expect("the component");
    let DecodedWasm::Component(resolve, world) = decode(&bytes).expect("a component") else {
        panic!("{name} is not a component");
    };
    let world = &resolve.worlds[world];
    let names = |items: Vec<&wit_parser::WorldKey>| -> Vec<String> {
        items.into_iter().map(|key| resolve.name_world_key(key)).collect()
    };
    let offered = ["cli", "clocks", "filesystem", "http", "io", "random", "sockets"];
    for import in names(world.imports.keys().collect()) {
        let is_offered =
            offered.iter().any(|package| import.starts_with(&format!("wasi:{package}/")));
        assert!(is_offered, "{name} imports {import}");
    }
    let Value::Array(interfaces) = &spec["hostInterfaces"] else { panic!("no interfaces: {spec}") };
    for one in interfaces {
        let text = |key: &str| one[key].as_str().expect("a text");
        let interface = one["interfaces"][0].as_str().expect("an interface");
        let export =
            format!("{}:{}/{interface}@{}", text("namespace"), text("package"), text("version"));
        let exports = names(world.exports.keys().collect());
        assert!(exports.contains(&export), "{name} exports {exports:?}");
    }
}
