//! A change of the messages: how much code is deployed, and how long it takes until all calls get it.

use crate::shop::Shop;
use crate::sizes::component;
use harness::tessera_binary;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A deployment.
pub(crate) struct Deployment {
    pub(crate) bytes: usize,
    pub(crate) milliseconds: f64,
}

/// Deploys a change of the component that sends messages: the same code with one more custom section,
/// which is compiled like any other change.
pub(crate) async fn measure(shop: &Shop) -> Deployment {
    let mut code = component(shop.sender);
    // Another one in each run, because compiled code is kept.
    let now = format!("{:?}", SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock"));
    code.extend(custom_section("change", now.as_bytes()));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("changed.wasm");
    std::fs::write(&file, &code).expect("a file");
    let begin = Instant::now();
    let output = tokio::process::Command::new(tessera_binary())
        .args(["deploy", shop.sender, "--from"])
        .arg(&file)
        .args(["--admin-url", &format!("http://{}", shop.host.admin_address())])
        .arg("--admin-token-file")
        .arg(shop.host.state().join("admin-token"))
        .output()
        .await
        .expect("tessera");
    let milliseconds = begin.elapsed().as_secs_f64() * 1_000.0;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Deployment { bytes: code.len(), milliseconds }
}

/// A custom section of a binary: its kind 0, its length, the length of its name, its name, its data.
/// All of them are shorter than 128 bytes, so each length is one byte.
fn custom_section(name: &str, data: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u8::try_from(bytes).ok().filter(|it| *it < 128).expect("short");
    let mut section = vec![0, length(1 + name.len() + data.len()), length(name.len())];
    section.extend(name.as_bytes());
    section.extend(data);
    section
}
