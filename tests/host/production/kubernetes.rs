//! The objects of Kubernetes.

use super::{Variables, commands, document, documents, files, stop_seconds, strings, text};
use harness::{program, repository};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const FOLDERS: [&str; 2] = ["kubernetes", "kubernetes/replicated"];
/// One of the versions that have all that is used: the policy of claims is in 1.27 and later.
const VERSION: &str = "1.34";
/// What a folder has besides objects of Kubernetes itself.
const KUSTOMIZATION: &str = "kustomization.yaml";
/// For the Prometheus operator.
const MONITOR: &str = "service-monitor.yaml";

/// The objects of a folder.
fn objects(folder: &str) -> Vec<Value> {
    let files = files(folder, ".yaml").into_iter();
    let files = files.filter(|file| !file.ends_with(KUSTOMIZATION));
    files.flat_map(documents).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |one| one["kind"] == kind)
}

/// The workload of a folder.
fn workload(objects: &[Value]) -> &Value {
    let mut all = of_kind(objects, "StatefulSet").chain(of_kind(objects, "Deployment"));
    all.next().expect("a workload")
}

#[test]
fn all_objects_match_the_schema_of_kubernetes() {
    let Some(validate) = program("kubernetes-validate") else {
        let advice = "kubernetes-validate is not installed: \
                      `python3 -m pip install kubernetes-validate==1.37.0`";
        skipped::because(advice);
        return;
    };
    let all = FOLDERS.iter().flat_map(|folder| files(folder, ".yaml"));
    let of_others = [KUSTOMIZATION, MONITOR];
    let own: Vec<_> =
        all.filter(|path| !of_others.iter().any(|other| path.ends_with(other))).collect();
    assert!(own.len() >= 6, "{own:?}");
    let mut command = Command::new(validate);
    command.current_dir(repository()).args(["--strict", "-k", VERSION]).args(&own);
    let output = command.output().expect("it can be started");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(output.status.success() && !printed.contains("WARN"), "{printed}");
    let passed = printed.matches(" passed for resource ").count();
    assert!(passed >= own.len(), "{printed}");
}

#[test]
fn kustomizations_have_all_files() {
    for folder in FOLDERS {
        let kustomization = document(Path::new("deploy").join(folder).join(KUSTOMIZATION));
        let listed: BTreeSet<_> = strings(&kustomization["resources"]).into_iter().collect();
        let found = files(folder, ".yaml").into_iter();
        let found: BTreeSet<_> = found
            .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
            .filter(|name| name != KUSTOMIZATION && name != MONITOR)
            .collect();
        assert_eq!(listed, found);
        let objects = objects(folder);
        let image = &workload(&objects)["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(kustomization["images"][0]["name"], *image);
    }
}

#[tokio::test]
async fn pods_are_restricted_and_have_time_to_stop() {
    for folder in FOLDERS {
        let objects = objects(folder);
        let pod = &workload(&objects)["spec"]["template"]["spec"];
        let [container] = pod["containers"].as_array().expect("containers").as_slice() else {
            panic!("{pod}");
        };
        // The user of the image, who has no rights.
        let user = text("deploy/container/Containerfile");
        let user = user.lines().find_map(|line| line.strip_prefix("USER ")).expect("a user");
        let security = &pod["securityContext"];
        assert_eq!(format!("{}:{}", security["runAsUser"], security["runAsGroup"]), user);
        assert_eq!(security["runAsNonRoot"], true);
        assert_eq!(security["fsGroup"], security["runAsGroup"]);
        assert_eq!(security["seccompProfile"], json!({ "type": "RuntimeDefault" }));
        assert_eq!(
            container["securityContext"],
            json!({
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            })
        );
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert!(container["resources"]["limits"]["memory"].is_string());
        let arguments = strings(&container["args"]);
        commands::understands(&arguments).await;
        let grace = pod["terminationGracePeriodSeconds"].as_u64().expect("seconds");
        assert!(grace > stop_seconds(&arguments), "{folder}: {grace} s");
    }
}

#[test]
fn one_pod_at_a_time_has_the_state() {
    let objects = objects("kubernetes");
    let workload = workload(&objects);
    assert_eq!(
        (&workload["kind"], &workload["spec"]["replicas"]),
        (&json!("StatefulSet"), &json!(1))
    );
    let claim = &workload["spec"]["volumeClaimTemplates"][0];
    let container = &workload["spec"]["template"]["spec"]["containers"][0];
    let mount = &container["volumeMounts"][0];
    assert_eq!(mount["name"], claim["metadata"]["name"]);
    let image = text("deploy/container/Containerfile");
    let volume = format!("VOLUME [{}]", mount["mountPath"]);
    assert!(image.contains(&volume), "{volume}");
    assert_eq!(of_kind(&objects, "HorizontalPodAutoscaler").count(), 0);
    let variables = container["env"].as_array().expect("variables").iter();
    let variables = variables.map(|one| one["name"].as_str().expect("a name"));
    // The command that makes the secret is in the file that uses it.
    let command = text("deploy/kubernetes/kustomization.yaml");
    let of_secret = command.split("--from-literal=").skip(1);
    let of_secret = of_secret.map(|rest| rest.split('=').next().unwrap_or_default());
    Variables::of_the_shop().check(variables.chain(of_secret));
}

#[test]
fn objects_refer_to_what_exists() {
    for folder in FOLDERS {
        let objects = objects(folder);
        let workload = workload(&objects);
        let template = &workload["spec"]["template"];
        let labels = &template["metadata"]["labels"];
        let ports = template["spec"]["containers"][0]["ports"].as_array().expect("ports");
        let has_port = |name: &Value| ports.iter().any(|port| port["name"] == *name);
        assert_eq!(workload["spec"]["selector"]["matchLabels"], *labels);
        for service in of_kind(&objects, "Service") {
            assert_eq!(service["spec"]["selector"], *labels);
            let targets = service["spec"]["ports"].as_array().expect("ports").iter();
            assert!(targets.clone().all(|port| has_port(&port["targetPort"])), "{service}");
        }
        for policy in of_kind(&objects, "NetworkPolicy") {
            assert_eq!(policy["spec"]["podSelector"]["matchLabels"], *labels);
            let rules = policy["spec"]["ingress"].as_array().expect("rules").iter();
            let mut targets = rules.flat_map(|rule| rule["ports"].as_array().expect("ports"));
            assert!(targets.all(|port| has_port(&port["port"])), "{policy}");
        }
        for budget in of_kind(&objects, "PodDisruptionBudget") {
            assert_eq!(budget["spec"]["selector"]["matchLabels"], *labels);
        }
        let container = &template["spec"]["containers"][0];
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            assert_eq!(container[probe]["httpGet"]["port"], "admin", "{probe}");
        }
    }
    let objects = objects("kubernetes");
    let services: Vec<_> = of_kind(&objects, "Service").collect();
    let governing = &workload(&objects)["spec"]["serviceName"];
    assert!(services.iter().any(|one| one["metadata"]["name"] == *governing));
    let monitor = of_kind(&objects, "ServiceMonitor").next().expect("a monitor");
    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().expect("labels");
    let has_all = |one: &&&Value| {
        wanted.iter().all(|(name, value)| one["metadata"]["labels"][name] == *value)
    };
    let found: Vec<_> = services.iter().filter(has_all).collect();
    let [scraped] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(scraped["spec"]["ports"][0]["name"], monitor["spec"]["endpoints"][0]["port"]);
}

#[test]
fn replicas_follow_a_metric_of_the_host() {
    let objects = objects("kubernetes/replicated");
    let scaler = of_kind(&objects, "HorizontalPodAutoscaler").next().expect("an autoscaler");
    let workload = workload(&objects);
    let target = &scaler["spec"]["scaleTargetRef"];
    for member in ["apiVersion", "kind"] {
        assert_eq!(target[member], workload[member]);
    }
    assert_eq!(target["name"], workload["metadata"]["name"]);
    // The autoscaler and the workload would set it in turns.
    assert_eq!(workload["spec"]["replicas"], Value::Null);
    let metric = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"].as_str().expect("a name");
    let row = format!("| `{metric}` | gauge | `component` |");
    assert!(text("docs/reference/metrics.md").contains(&row), "{row}");
    // A pod may leave while the others serve.
    let least = scaler["spec"]["minReplicas"].as_u64().expect("a number");
    let budget = of_kind(&objects, "PodDisruptionBudget").next().expect("a budget");
    assert!(least > budget["spec"]["maxUnavailable"].as_u64().expect("a number"));
}
