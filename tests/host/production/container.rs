//! The image of the container file: built without a registry, and run as an engine of containers would,
//! with a root file system that can't be written.

use crate::support::{Process, application};
use harness::{Client, program, repository, tessera_binary};
use serde_json::{Value, json};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const FILE: &str = "deploy/container/Containerfile";
/// What collects the files of the image: in a stage of the container file, and here.
const COLLECT: &str = "deploy/container/root-files";
/// The stage, and the folder in it, that the image is copied from.
const ROOT_FILES: &str = "root-files";
const IMAGE: &str = "localhost/tessera-test";
/// Runs a program in a root file system of which it may write only the volume. The arguments are the
/// root, the application, the volume, the user, and the program with its arguments.
const RUN: &str = r#"
set -e
root=$1 app=$2 state=$3 user=$4
shift 4
mount --bind "$root" "$root"
mount --bind "$app" "$root/app"
mount -o remount,ro,bind "$root/app"
mount --bind "$state" "$root/var/lib/tessera"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind /proc "$root/proc"
mount -o remount,ro,bind "$root"
exec chroot --userspec="$user" "$root" "$@"
"#;

/// An engine for images, with its storage in a temporary folder.
struct Engine {
    program: PathBuf,
    folder: TempDir,
}

/// An image, in a root file system.
struct Container {
    config: Value,
    root: PathBuf,
    folder: TempDir,
    _engine: Engine,
}

impl Engine {
    /// `None` if this machine can't build and run images, which is reported as the reason why the test
    /// is skipped.
    fn new() -> Option<Self> {
        let mount = Command::new("unshare").args(["--mount", "true"]).output();
        let can_mount = mount.is_ok_and(|output| output.status.success());
        let reason = match program("buildah") {
            None => "buildah is not installed (Debian package buildah)",
            Some(_) if !can_mount => {
                "this user may not mount file systems, which `unshare --mount` needs"
            }
            Some(program) => {
                return Some(Self { program, folder: tempfile::tempdir().expect("a folder") });
            }
        };
        skipped::because(reason);
        None
    }

    fn run(&self, arguments: &[&str]) -> String {
        let folder = self.folder.path();
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(folder.join("storage")).arg("--runroot").arg(folder.join("run"));
        command.args(["--storage-driver", "vfs"]).args(arguments);
        printed(command.env("BUILDAH_ISOLATION", "chroot").current_dir(repository()))
    }

    /// Builds the stage `host`, with the files of the binary under test instead of those of the stage
    /// that compiles it.
    fn container(self) -> Container {
        let stage = self.folder.path().join("stage");
        let files = stage.join(ROOT_FILES);
        std::fs::create_dir_all(&files).expect("a folder");
        printed(Command::new(repository().join(COLLECT)).arg(tessera_binary()).arg(&files));
        let empty = self.folder.path().join("context");
        std::fs::create_dir(&empty).expect("a folder");
        let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        // The health check is not in the other format.
        let build =
            ["build", "--format", "docker", "--target", "host", "--tag", IMAGE, "--file", FILE];
        let (stage, empty) = (format!("{ROOT_FILES}={}", path(&stage)), path(&empty));
        self.run(&[&build[..], &["--build-context", stage.as_str(), empty.as_str()]].concat());
        let inspected = self.run(&["inspect", "--type", "image", IMAGE]);
        let inspected: Value = serde_json::from_str(&inspected).expect("JSON");
        self.run(&["from", "--name", "container", IMAGE]);
        let root = PathBuf::from(self.run(&["mount", "container"]).trim());
        // As an engine does, which mounts it there.
        std::fs::create_dir(root.join("proc")).expect("a folder");
        let folder = tempfile::tempdir().expect("a folder");
        let config = inspected["Docker"]["config"].clone();
        Container { config, root, folder, _engine: self }
    }
}

/// What a command has printed, which must succeed.
fn printed(command: &mut Command) -> String {
    let output = command.output().expect("it can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Container {
    fn strings(&self, member: &str) -> Vec<String> {
        super::strings(&self.config[member])
    }

    /// The folder of its volume.
    fn volume(&self) -> PathBuf {
        self.folder.path().join("volume")
    }

    /// An empty volume, with the owner and the mode of the folder that it is mounted on.
    fn make_volume(&self) {
        let place = std::fs::metadata(self.root.join("var/lib/tessera")).expect("a folder");
        std::fs::create_dir(self.volume()).expect("a folder");
        chown(self.volume(), Some(place.uid()), Some(place.gid())).expect("its owner");
        std::fs::set_permissions(self.volume(), place.permissions()).expect("its mode");
    }

    /// A command with its user and its environment, and with these variables.
    fn command(&self, app: &Path, program: &[String], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", RUN, "sh"]);
        command.arg(&self.root).arg(app).arg(self.volume());
        command.arg(self.config["User"].as_str().expect("a user")).args(program);
        let environment = self.strings("Env");
        let pairs = environment.iter().filter_map(|pair| pair.split_once('='));
        command.env_clear().envs(pairs).envs(variables.iter().copied());
        command
    }
}

#[tokio::test]
async fn the_image_serves_an_application_without_rights_and_without_writing_to_itself() {
    let Some(engine) = Engine::new() else { return };
    let container = engine.container();
    assert_eq!(container.config["StopSignal"], "SIGTERM");
    assert_eq!(container.config["Volumes"], json!({ "/var/lib/tessera": {} }));
    assert_eq!(container.config["WorkingDir"], "/app");
    for shell in ["bin/sh", "usr/bin/sh", "bin/bash"] {
        assert!(!container.root.join(shell).exists(), "{shell}");
    }
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"guest.wasm\"\n",
    );
    let guest = std::fs::read(harness::built_guest("guest_versioned")).expect("the guest");
    let app = app.with_file("guest.wasm", guest);
    // What is mounted belongs to another user.
    let everyone = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(app.folder(), everyone).expect("its mode");
    container.make_volume();

    let program = [container.strings("Entrypoint"), container.strings("Cmd")].concat();
    let free = "127.0.0.1:0";
    let addresses = [("SPIN_HTTP_LISTEN_ADDR", free), ("TESSERA_ADMIN_LISTEN", free)];
    let command = container.command(app.folder(), &program, &addresses);
    let mut process = Process::of(&mut command.into());
    let line: Value = serde_json::from_str(&process.line("\"listening\"").await).expect("JSON");
    let url = |name: &str| format!("http://{}", line[name].as_str().expect("an address"));
    let client = Client::new(&url("address"));
    assert_eq!(client.get("/").await.expect(200).text(), "stable");

    // As the health check does it.
    let health = super::strings(&container.config["Healthcheck"]["Test"]);
    assert_eq!(health[0], "CMD");
    let admin = url("admin");
    let check = || {
        let place = [("TESSERA_ADMIN_URL", admin.as_str())];
        container.command(app.folder(), &health[1..], &place).output().expect("it starts")
    };
    let healthy = check();
    assert!(healthy.status.success(), "{}", String::from_utf8_lossy(&healthy.stderr));
    // All that was written is in the volume, and only its user may read it.
    let token = std::fs::metadata(container.volume().join("state/admin-token")).expect("a token");
    assert_eq!(format!("{}:{}", token.uid(), token.gid()), container.config["User"]);
    assert_eq!(token.mode() & 0o777, 0o600);

    process.signal(libc::SIGTERM);
    let (code, output) = process.end().await;
    assert_eq!(code, Some(0), "{output}");
    assert!(!output.contains("\"WARN\"") && !output.contains("\"ERROR\""), "{output}");
    let gone = check();
    assert_eq!(gone.status.code(), Some(1), "{}", String::from_utf8_lossy(&gone.stderr));
}

#[test]
fn the_stages_that_compile_use_commands_of_this_repository() {
    let file = super::text(FILE);
    let aliases = super::text(".cargo/config.toml");
    for alias in ["functions", "bridges"] {
        assert!(file.contains(&format!("cargo {alias} --locked")), "{alias}");
        assert!(aliases.contains(&format!("\n{alias} = ")), "{alias}");
    }
    assert!(super::text("Cargo.toml").contains("[profile.performance]"));
    assert!(file.contains("--profile performance --package tessera"));
}

/// The arguments of all `cp` commands of a stage, without the last one of each, which is the place.
fn copied(file: &str, stage: &str) -> Vec<String> {
    let begin = format!("FROM build AS {stage}\n");
    let (_, rest) = file.split_once(&begin).expect("the stage");
    let stage = rest.split("\nFROM ").next().unwrap_or(rest).replace("\\\n", " ");
    let commands = stage.lines().flat_map(|line| line.split("&&")).map(str::trim);
    let copies = commands.filter_map(|command| {
        let command = command.strip_prefix("RUN ").unwrap_or(command);
        command.strip_prefix("cp ")
    });
    let sources = copies.flat_map(|copy| {
        let words: Vec<_> = copy.split_whitespace().map(str::to_owned).collect();
        let count = words.len().saturating_sub(1);
        words.into_iter().take(count)
    });
    sources.collect()
}

/// The files that a manifest names by `flags` and `source`, relative to its folder.
fn named_files(manifest: &toml::Value) -> Vec<&str> {
    let flags = &manifest["application"]["tool"]["tessera"]["flags"];
    let components = manifest["component"].as_table().expect("components");
    let sources = components.values().filter_map(|component| component["source"].as_str());
    flags.as_str().into_iter().chain(sources).collect()
}

#[test]
fn the_image_of_the_shop_has_all_files_of_its_manifest() {
    let copied = copied(&super::text(FILE), "application");
    let manifest: toml::Value = toml::from_str(&super::text("spin.toml")).expect("the manifest");
    let files = named_files(&manifest);
    assert!(files.contains(&"feature-flags.json") && files.len() > 1, "{files:?}");
    for file in files.into_iter().chain(["spin.toml"]) {
        let path = format!("/src/{file}");
        // `*` does not match slashes, as in a shell.
        let has_it = copied.iter().any(|pattern| match pattern.split_once('*') {
            Some((start, end)) => {
                let rest = path.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
                rest.is_some_and(|rest| !rest.contains('/'))
            }
            None => *pattern == path,
        });
        assert!(has_it, "{file} is not in {copied:?}");
    }
}
