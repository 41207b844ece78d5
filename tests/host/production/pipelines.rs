//! Pipelines: the same steps everywhere, with commands that exist.

use super::{commands, document, files, text};
use std::path::Path;

const GUIDE: &str = "docs/how-to/run-in-production.md";
/// The steps of a deployment, in their order.
const STEPS: [&str; 6] = ["build", "doctor", "health", "deploy", "rollback", "history"];

#[tokio::test]
async fn pipelines_build_check_deploy_a_canary_and_roll_back() {
    let all = files("pipelines", "");
    assert_eq!(all.len(), 3, "{all:?}");
    for file in all {
        let text = text(&file);
        if file.extension().is_some_and(|extension| extension == "yaml") {
            assert!(document(&file).is_object(), "{}", file.display());
        }
        assert_eq!(commands::check(&text).await, STEPS, "{}", file.display());
        let mut deployments = commands::in_text(&text).into_iter();
        let canary = deployments.find(|arguments| arguments[0] == "deploy").expect("a deployment");
        // It waits for the verdict, which is its exit code.
        assert!(canary.contains(&"--canary".to_owned()), "{canary:?}");
        assert!(!canary.contains(&"--detach".to_owned()), "{canary:?}");
        let name = Path::new(file.file_name().expect("a name"));
        assert!(super::text(GUIDE).contains(&*name.to_string_lossy()), "{}", name.display());
    }
}

#[tokio::test]
async fn the_commands_of_the_guide_exist() {
    let verbs = commands::check(&text(GUIDE)).await;
    assert!(STEPS.iter().all(|step| verbs.iter().any(|verb| verb == step)), "{verbs:?}");
}
