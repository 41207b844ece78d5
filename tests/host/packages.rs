//! Code that the manifest names by a package of a registry.

use crate::modules::{SPIN_1, made_of};
use crate::support::oci::{Access, OciRegistry, digest_of};
use crate::support::{Application, Backend, application};
use bytes::Bytes;
use harness::{HostBuilder, built_guest};
use http::Response;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

/// `user:password`
const PAIR: &str = "dXNlcjpwYXNzd29yZA==";

/// The code of a component that answers with this status.
fn code(status: u16) -> Bytes {
    let status = format!("(i32.const {status})");
    wat::parse_str(SPIN_1.replace("(i32.const 200)", &status)).unwrap().into()
}

fn guest(name: &str) -> Bytes {
    std::fs::read(built_guest(name)).unwrap().into()
}

/// An application whose component has this source.
fn with_source(source: &str) -> Application {
    let app = made_of(SPIN_1, "");
    let manifest = std::fs::read_to_string(app.manifest()).unwrap();
    let manifest = manifest.replace("\"guest.wasm\"", &format!("{{ {source} }}"));
    std::fs::write(app.manifest(), manifest).unwrap();
    std::fs::remove_file(app.folder().join("guest.wasm")).unwrap();
    app
}

fn one_of(registry: &OciRegistry, version: &str) -> Application {
    let name = registry.name();
    with_source(&format!("registry = \"{name}\", package = \"a:b\", version = \"{version}\""))
}

/// What a user has: settings and a cache.
struct User(TempDir);

impl User {
    /// One whose settings say that the registry has no TLS.
    fn of(registry: &OciRegistry, more: &str) -> Self {
        let name = registry.name();
        Self::with(&format!("{more}\n[registry.\"{name}\".oci]\nprotocol = \"http\"\n"))
    }

    fn with(config: &str) -> Self {
        let user = Self(TempDir::new().unwrap());
        user.write("wasm-pkg/config.toml", config);
        user
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn cache(&self) -> &Path {
        self.0.path()
    }

    fn host(&self, app: &Application) -> HostBuilder {
        let folder = self.0.path().to_str().unwrap();
        app.host()
            .argument("--cache-dir")
            .argument(folder)
            .environment("XDG_CONFIG_HOME", folder)
            .environment("DOCKER_CONFIG", folder)
    }
}

#[tokio::test]
async fn a_version_is_downloaded_once_and_the_registry_is_not_needed_again() {
    let registry = OciRegistry::start().await;
    let digest = registry.publish("a/b", "1.2.3", code(201));
    registry.publish("a/b", "1.3.0", code(202));
    let (app, user) = (one_of(&registry, "1.2.3"), User::of(&registry, ""));
    let host = user.host(&app).start().await;
    assert_eq!(host.client().get("/").await.expect(201).text(), "good morning");
    let expected = [
        "/.well-known/wasm-pkg/registry.json".to_owned(),
        "/v2/a/b/manifests/1.2.3".to_owned(),
        format!("/v2/a/b/blobs/{digest}"),
    ];
    assert_eq!(registry.requests(), expected);
    drop((host, registry));
    user.host(&app).start().await.client().get("/").await.expect(201);
}

#[tokio::test]
async fn a_damaged_file_is_downloaded_again() {
    let registry = OciRegistry::start().await;
    registry.publish("a/b", "1.0.0", code(201));
    let (app, user) = (one_of(&registry, "1.0.0"), User::of(&registry, ""));
    for _ in 0..2 {
        user.host(&app).start().await.client().get("/").await.expect(201);
        assert!(!registry.requests().is_empty());
        for file in std::fs::read_dir(user.cache().join("downloads")).unwrap() {
            std::fs::write(file.unwrap().path(), "damaged").unwrap();
        }
    }
}

/// A component with two dependencies in the default registry.
fn importing() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "caller"
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = "1"
"tessera-test:links/fragile@1.0.0" = { version = ">=1.1, <2", package = "other:name" }
"#,
    )
}

#[tokio::test]
async fn a_dependency_is_the_newest_version_that_fits() {
    let registry = OciRegistry::start().await;
    registry.describe(json!({ "ociRegistry": registry.name(), "ociNamespacePrefix": "own/" }));
    // Others can't be composed.
    let tags = ["0.9.0", "1.0.0", "1.9.0", "1.10.0", "2.0.0", "1.11.0-rc.1", "latest"];
    for tag in tags {
        let fits = tag == "1.10.0";
        let code = if fits { guest("guest_callee") } else { code(200) };
        registry.publish("own/tessera-test/links", tag, code.clone());
        registry.publish("own/other/name", tag, code);
    }
    let default = format!("default_registry = \"{}\"", registry.name());
    let (app, user) = (importing(), User::of(&registry, &default));
    let host = user.host(&app).start().await;
    assert_eq!(host.client().get("/text?length=5").await.expect(200).text(), "true");
    let manifests = || {
        let requests = registry.requests();
        requests.into_iter().filter(|path| path.contains("/manifests/")).count()
    };
    assert_eq!(manifests(), 2);
    drop(host);
    // A new version is looked for, and the old one is here.
    registry.publish("own/other/name", "1.12.0", guest("guest_callee"));
    drop(user.host(&app).start().await);
    assert_eq!(manifests(), 1);
    drop(registry);
    let host = user.host(&app).start().await;
    let named = |line: &serde_json::Value, text: &str| {
        line["message"].as_str().is_some_and(|message| message.contains(text))
    };
    host.log_line(|line| line["level"] == "WARN" && named(line, "1.12.0 is used")).await;
    assert_eq!(host.client().get("/text?length=5").await.expect(200).text(), "true");
}

#[tokio::test]
async fn middleware_can_be_a_package() {
    let registry = OciRegistry::start().await;
    registry.publish("a/marking", "0.1.0", guest("guest_middleware"));
    let app = application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
dependencies.middleware = [{ package = "a:marking", version = "0.1" }]
[component.guest]
source = "$p3"
"#,
    );
    let user = User::of(&registry, &format!("namespace_registries.a = \"{}\"", registry.name()));
    let host = user.host(&app).start().await;
    assert_eq!(host.client().get("/x").await.expect(200).header("x-passed"), "m");
}

#[tokio::test]
async fn other_content_than_the_manifest_of_the_package_names_is_refused() {
    let registry = OciRegistry::start().await;
    let digest = registry.publish("a/b", "1.0.0", code(200));
    registry.damage(&digest);
    let (app, user) = (one_of(&registry, "1.0.0"), User::of(&registry, ""));
    let found = digest_of(b"damaged");
    user.host(&app).assert_fails(&["`guest`", "a:b =1.0.0", &found, &digest]).await;
    assert_eq!(std::fs::read_dir(user.cache().join("downloads")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_version_that_the_registry_does_not_have_is_reported_with_those_that_it_has() {
    let registry = OciRegistry::start().await;
    registry.publish("a/b", "1.0.0", code(200));
    registry.publish("a/b", "1.1.0", code(200));
    let (app, user) = (one_of(&registry, "1.2.0"), User::of(&registry, ""));
    let texts = ["`guest`", "a:b =1.2.0", &registry.name(), "1.1.0, 1.0.0", "`version`"];
    user.host(&app).assert_fails(&texts).await;
    let unknown = "package = \"a:c\", version = \"1.0.0\"";
    let app = with_source(&format!("registry = \"{}\", {unknown}", registry.name()));
    user.host(&app).assert_fails(&["a:c", "404: it is unknown", "check the names"]).await;
}

#[tokio::test]
async fn what_is_no_package_is_refused() {
    let registry = OciRegistry::start().await;
    registry.publish_as("application/vnd.oci.image.config.v1+json", "a/b", "1.0.0", code(200));
    let spin = "application/vnd.fermyon.spin.application.v1+config";
    registry.publish_as(spin, "a/b", "2.0.0", code(200));
    let user = User::of(&registry, "");
    let image = ["not a WebAssembly package", "application/vnd.oci.image.config.v1+json"];
    user.host(&one_of(&registry, "1.0.0")).assert_fails(&image).await;
    user.host(&one_of(&registry, "2.0.0")).assert_fails(&["a Spin application"]).await;
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_reported() {
    let registry = OciRegistry::start().await;
    let (app, user) = (one_of(&registry, "1.0.0"), User::of(&registry, ""));
    let name = registry.name();
    drop(registry);
    let texts = ["`guest`", "a:b", &name, "there is no connection", "wkg get"];
    user.host(&app).assert_fails(&texts).await;
}

#[tokio::test]
async fn a_registry_that_no_one_names_is_reported_with_both_places_for_it() {
    let user = User::with("");
    let app = with_source("package = \"a:b\", version = \"1.0.0\"");
    let texts = ["`guest`", "`registry = \"…\"`", "default_registry", "wasm-pkg/config.toml"];
    user.host(&app).assert_fails(&texts).await;
}

#[tokio::test]
async fn settings_with_problems_are_reported_with_their_locations() {
    let user = User::with("default_registri = \"a.example\"\n");
    let app = with_source("package = \"a:b\", version = \"1.0.0\"");
    let texts = ["wasm-pkg/config.toml:1:1", "default_registri", "did you mean"];
    user.host(&app).assert_fails(&texts).await;
}

#[tokio::test]
async fn a_registry_of_a_protocol_that_the_host_lacks_is_refused() {
    let registry = OciRegistry::start().await;
    registry.describe(json!({ "wargUrl": "http://localhost:1" }));
    let user = User::with("");
    let texts = ["`guest`", "the protocol `warg`", "wkg get"];
    user.host(&one_of(&registry, "1.0.0")).assert_fails(&texts).await;
}

#[tokio::test]
async fn credentials_are_those_of_the_settings() {
    let registry = OciRegistry::start().await;
    registry.publish("a/b", "1.0.0", code(200));
    let app = one_of(&registry, "1.0.0");
    for access in [Access::Basic(PAIR), Access::Token(PAIR)] {
        registry.restrict(access);
        let user = User::of(&registry, "");
        let login = format!("docker login {}", registry.name());
        let texts = ["the registry refuses access", "401", &login, "wasm-pkg/config.toml"];
        user.host(&app).assert_fails(&texts).await;
        let own = |auth: &str| {
            let oci = format!("protocol = \"http\", auth = {auth}");
            User::with(&format!("registry.\"{}\".oci = {{ {oci} }}", registry.name()))
        };
        let wrong = own("{ username = \"user\", password = \"hunter2\" }");
        let output = wrong.host(&app).assert_fails(&["the registry refuses access"]).await;
        assert!(!output.contains("hunter2"), "{output}");
        for right in ["{ username = \"user\", password = \"password\" }", &format!("\"{PAIR}\"")] {
            own(right).host(&app).start().await.client().get("/").await.expect(200);
        }
    }
}

#[tokio::test]
async fn credentials_are_otherwise_those_of_docker() {
    let registry = OciRegistry::start().await;
    registry.publish("a/b", "1.0.0", code(200));
    registry.restrict(Access::Token(PAIR));
    let app = one_of(&registry, "1.0.0");
    let written = User::of(&registry, "");
    let auths = json!({ "auths": { registry.name(): { "auth": PAIR } } });
    written.write("config.json", &auths.to_string());
    written.host(&app).start().await.client().get("/").await.expect(200);

    let helped = User::of(&registry, "");
    helped.write("config.json", &json!({ "credsStore": "test" }).to_string());
    let answer = json!({ "ServerURL": "", "Username": "user", "Secret": "password" });
    let name = registry.name();
    let script = format!("#!/bin/sh\n[ \"$1 $(cat)\" = \"get {name}\" ] && echo '{answer}'\n");
    helped.write("docker-credential-test", &script);
    let program = helped.cache().join("docker-credential-test");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", helped.cache().display(), std::env::var("PATH").unwrap());
    let host = helped.host(&app).environment("PATH", &path).start().await;
    host.client().get("/").await.expect(200);
}

#[tokio::test]
async fn another_server_that_has_the_content_does_not_get_the_credentials() {
    let (registry, mut storage) = (OciRegistry::start().await, Backend::start().await);
    let digest = registry.publish("a/b", "1.0.0", code(201));
    registry.restrict(Access::Basic(PAIR));
    registry.keep_blobs_at(&storage.url("/stored"));
    let oci = format!("protocol = \"http\", auth = \"{PAIR}\"");
    let user = User::with(&format!("registry.\"{}\".oci = {{ {oci} }}", registry.name()));
    let app = one_of(&registry, "1.0.0");
    let serve = async {
        let request = storage.next().await;
        assert_eq!(request.request.uri().path(), "/stored");
        assert_eq!(request.header("authorization"), "");
        request.answer_with(Response::new(code(201)));
    };
    let (host, ()) = tokio::join!(user.host(&app).start(), serve);
    host.client().get("/").await.expect(201);
    assert!(registry.requests().ends_with(&[format!("/v2/a/b/blobs/{digest}")]));
}
