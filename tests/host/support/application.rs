//! Applications of the guests in `tests/guests`.

pub(crate) use harness::unwrapped;
use harness::{Host, HostBuilder, built_guest, tessera_binary};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

/// Placeholders in a manifest and their guests.
const GUESTS: [(&str, &str); 23] = [
    ("$lacking", "guest_lacking"),
    ("$redis_v2", "guest_redis_v2"),
    ("$redis", "guest_redis"),
    ("$p3", "guest_p3"),
    ("$p2", "guest_p2"),
    ("$caller", "guest_caller"),
    ("$callee", "guest_callee"),
    ("$publisher", "guest_publisher"),
    ("$expiry", "guest_expiry"),
    ("$flags", "guest_flags"),
    ("$forward", "guest_forward"),
    ("$middleware", "guest_middleware"),
    ("$wagi", "guest_wagi"),
    ("$services", "guest_services"),
    ("$cron", "guest_cron"),
    ("$command", "guest_command"),
    ("$spin_v1", "guest_spin_v1"),
    ("$sql", "guest_sql"),
    ("$october", "guest_october"),
    ("$otel", "guest_otel"),
    ("$november", "guest_november"),
    ("$march", "guest_march"),
    ("$versioned", "guest_versioned"),
];

/// An application in a temporary folder.
pub(crate) struct Application {
    folder: TempDir,
}

/// An application with this manifest, without the lines that every manifest has. `$p3` is the path
/// of the guest of WASI 0.3, and so on.
pub(crate) fn application(text: &str) -> Application {
    // Its own settings, so that it has the limits and the error responses of this host.
    let mut own = text.lines().take_while(|line| !line.starts_with('['));
    let has_settings =
        text.contains("[application.tool") || own.any(|line| line.starts_with("tool.tessera"));
    let settings = if has_settings { "" } else { "tool.tessera = {}\n" };
    stock_application(&format!("{settings}{text}"))
}

/// The same without settings of this host: what was made for stock Spin.
pub(crate) fn stock_application(text: &str) -> Application {
    let folder = TempDir::new().expect("a temporary folder");
    let mut manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\nversion = \"1.0.0\"\n{text}"
    );
    for (name, guest) in GUESTS {
        if manifest.contains(name) {
            let path = built_guest(guest);
            manifest = manifest.replace(name, path.to_str().expect("a path in UTF-8"));
        }
    }
    std::fs::write(folder.path().join("spin.toml"), manifest).expect("the manifest is written");
    Application { folder }
}

impl Application {
    /// The lines of a component that serves all paths. More lines of the component may follow.
    pub(crate) const GUEST: &str = r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
"#;

    /// A guest with these limits at `/...`, and a neighbor without any at `/neighbor/...`. Both may
    /// call servers of the test.
    pub(crate) fn with_neighbor(limits: &str, more: &str) -> Self {
        application(&format!(
            r#"{}
allowed_outbound_hosts = ["http://127.0.0.1:*", "http://neighbor.spin.internal"]
key_value_stores = ["default"]
tool.tessera.limits = {{ {limits} }}
[[trigger.http]]
route = "/neighbor/..."
component = "neighbor"
[component.neighbor]
source = "$p3"
{more}"#,
            Self::GUEST
        ))
    }

    /// A host for it.
    pub(crate) fn host(&self) -> HostBuilder {
        HostBuilder::new(self.manifest())
    }

    /// The path of its manifest.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.folder.path().join("spin.toml")
    }

    /// The same application with another file.
    pub(crate) fn with_file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.folder.path().join(name), bytes).expect("the file is written");
        self
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The number of the first line that contains this text, from 1.
    pub(crate) fn line_of(&self, text: &str) -> usize {
        let manifest = std::fs::read_to_string(self.manifest()).expect("the manifest");
        1 + manifest.lines().position(|line| line.contains(text)).expect("the line")
    }
}

/// A host that serves an application with TLS, and its certificate.
pub(crate) async fn certified(app: Application) -> (CertificateDer<'static>, Host) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let app =
        app.with_file("cert.pem", cert.pem()).with_file("key.pem", signing_key.serialize_pem());
    let path = |name| app.folder().join(name).into_os_string();
    let host = app.host().argument("--tls-cert").argument(path("cert.pem"));
    let host = host.argument("--tls-key").argument(path("key.pem")).start().await;
    (cert.der().clone(), host)
}

/// Run `tessera` with these arguments to its end. Returns its exit code and its output.
pub(crate) async fn tessera(arguments: &[&str]) -> (Option<i32>, String) {
    let run = tokio::process::Command::new(tessera_binary())
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = super::soon(run).await.expect("tessera starts");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}
