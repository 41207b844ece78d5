//! Signatures of artifacts in registries, and deployments from there.

use crate::pulled::host;
use crate::rollouts::{app, command, run, served, version};
use crate::support::oci::{MANIFEST, OciRegistry};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The file of a public key.
fn public(key: &KeyPair, user: &TempDir) -> PathBuf {
    let path = user.path().join("cosign.pub");
    let key = BASE64_STANDARD.encode(key.subject_public_key_info());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n");
    std::fs::write(&path, pem).unwrap();
    path
}

/// What is signed, for an artifact.
fn payload(digest: &str) -> Value {
    json!({
        "critical": {
            "identity": { "docker-reference": "" },
            "image": { "docker-manifest-digest": digest },
            "type": "cosign container image signature",
        },
        "optional": null,
    })
}

/// Publishes the signature of a payload, as `cosign sign` does.
fn publish(registry: &OciRegistry, digest: &str, signature: &[u8], payload: &Value) {
    let mut layer = registry.add_blob(PAYLOAD, payload.to_string());
    let text = BASE64_STANDARD.encode(signature);
    layer["annotations"] = json!({ "dev.cosignproject.cosign/signature": text });
    let config = registry.add_blob("application/vnd.oci.image.config.v1+json", "{}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
    });
    registry.publish_manifest("me/app", &format!("{}.sig", digest.replace(':', "-")), &manifest);
}

#[tokio::test]
async fn only_a_signed_application_is_started() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    registry.publish("me/app", "v1", version("stable"));
    let digest = registry.digest("me/app", "v1");
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let file = public(&key, &user);
    let with_key = || host(&registry, ":v1", &user).argument("--verify-key").argument(&file);
    with_key().assert_fails(&["there is no signature of", &digest, "cosign sign"]).await;
    let of = |key: &KeyPair, payload: &Value| key.sign(payload.to_string().as_bytes()).unwrap();
    let wrong = payload(&registry.digest("me/app", "v1").replace(['1', '2', '3'], "0"));
    let cases = [
        (of(&other, &payload(&digest)), payload(&digest), "another key"),
        (of(&key, &wrong), payload(&digest), "its payload was changed"),
        (of(&key, &wrong), wrong, "it is for another artifact"),
        (b"no signature".to_vec(), payload(&digest), "another key"),
    ];
    for (signature, payload, expected) in cases {
        publish(&registry, &digest, &signature, &payload);
        with_key().assert_fails(&["no signature of", &digest, expected]).await;
    }
    publish(&registry, &digest, &of(&key, &payload(&digest)), &payload(&digest));
    assert_eq!(served(&with_key().start().await).await, "stable");
    std::fs::write(&file, "no key").unwrap();
    with_key().assert_fails(&["cosign.pub is not a public key", "P-256"]).await;
    let local = app().host().argument("--verify-key").argument(public(&key, &user));
    local.assert_fails(&["--verify-key", "not in a registry"]).await;
}

#[tokio::test]
async fn code_is_deployed_from_a_registry_and_the_history_names_it() {
    let (registry, user, app) = (OciRegistry::start().await, TempDir::new().unwrap(), app());
    let key = KeyPair::generate().unwrap();
    let file = public(&key, &user);
    let host = app.host().start().await;
    let deploy = |tag: &str, more: &[&str]| {
        let mut command = command(&host, "deploy");
        let reference = format!("{}/me/app:{tag}", registry.name());
        command.arg("shop").arg("--from").arg(reference).arg("-k").args(more);
        command.env("XDG_CONFIG_HOME", user.path()).env("DOCKER_CONFIG", user.path());
        command.current_dir(user.path());
        command
    };
    registry.publish("me/app", "one", version("one"));
    let digest = registry.digest("me/app", "one");
    let verified = ["--verify-key", file.to_str().unwrap()];
    let (exit, output) = run(&mut deploy("one", &verified)).await;
    assert!(!exit.success() && output.contains("there is no signature of"), "{output}");
    assert_eq!(served(&host).await, "stable");
    let text = payload(&digest);
    publish(&registry, &digest, &key.sign(text.to_string().as_bytes()).unwrap(), &text);
    let (exit, output) = run(&mut deploy("one", &verified)).await;
    assert!(exit.success() && output.contains("promoted"), "{output}");
    assert_eq!(served(&host).await, "one");
    let (_, history) = run(command(&host, "history").arg("shop")).await;
    let origin = format!("deployed from {}/me/app:one@{digest} by ann", registry.name());
    assert!(history.contains(&origin), "{history}");
    // The component with this id of an application.
    let code = version("two");
    let source = json!({ "digest": crate::support::oci::digest_of(&code) });
    let locked = json!({
        "spin_lock_version": 0, "triggers": [],
        "components": [{ "id": "other", "source": source }, { "id": "shop", "source": source }],
    });
    let wasm = "application/vnd.wasm.content.layer.v1+wasm";
    registry.push("me/app", "two", &locked, &[(wasm, code.into())]);
    let (exit, output) = run(&mut deploy("two", &[])).await;
    assert!(exit.success(), "{output}");
    assert_eq!(served(&host).await, "two");
    let mut neighbor = command(&host, "deploy");
    neighbor.arg("neighbor").arg("--from").arg(format!("{}/me/app:two", registry.name()));
    let (exit, output) = run(neighbor.arg("-k").current_dir(user.path())).await;
    let expected = "has no component `neighbor`; there are other, shop";
    assert!(!exit.success() && output.contains(expected), "{output}");
}
