//! Credentials for registries, as `docker login` and `spin registry login` keep them.

use super::{helper, user};
use crate::private_file;
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The file of Spin, in the folder of settings.
const SPIN_FILE: &str = "fermyon/registry-auth.json";
/// The permissions of its folder.
const FOLDER_MODE: u32 = 0o700;
/// The names of Docker Hub in references, and in the file.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// The file of Spin.
#[derive(Default, Serialize, Deserialize)]
struct Spin {
    auths: BTreeMap<String, String>,
}

/// `config.json` of Docker.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Docker {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl Credentials {
    /// Those that are written as `user:password`, in Base64.
    pub(crate) fn of_base64(text: &str) -> anyhow::Result<Self> {
        // The causes would quote the secret.
        let bytes = BASE64.decode(text.trim()).ok().context("it is not valid Base64")?;
        let text = String::from_utf8(bytes).ok().context("it is not UTF-8")?;
        let (user, password) = text.split_once(':').context("it has no `:`")?;
        Ok(Self { user: user.to_owned(), password: password.to_owned() })
    }

    /// Those that `docker login` has kept for a registry.
    pub(crate) async fn of_docker(registry: &str) -> anyhow::Result<Option<Self>> {
        let Some(path) = user::docker_folder().map(|folder| folder.join("config.json")) else {
            return Ok(None);
        };
        let Some(docker) = read::<Docker>(&path)? else { return Ok(None) };
        let found = docker.find(registry).await;
        found.with_context(|| format!("the credentials for {registry} in {}", path.display()))
    }

    /// Those that `spin registry login` has kept for a registry.
    pub(crate) fn of_spin(registry: &str) -> anyhow::Result<Option<Self>> {
        let Some(path) = spin_file() else { return Ok(None) };
        let Some(spin) = read::<Spin>(&path)? else { return Ok(None) };
        let found = spin.auths.iter().find(|(key, _)| host_of(key) == host_of(registry));
        let credentials = found.map(|(_, auth)| Self::of_base64(auth)).transpose();
        credentials.with_context(|| format!("the credentials for {registry} in {}", path.display()))
    }

    /// Keeps them for a registry, where `spin registry login` does. Only the user can read the file.
    pub(crate) fn keep_for_spin(&self, registry: &str) -> anyhow::Result<()> {
        change_spin(|spin| {
            spin.auths.retain(|key, _| host_of(key) != host_of(registry));
            spin.auths.insert(registry.to_owned(), self.pair());
            true
        })
        .map(drop)
    }

    /// Removes those of a registry. Whether there were any.
    pub(crate) fn forget_for_spin(registry: &str) -> anyhow::Result<bool> {
        change_spin(|spin| {
            let before = spin.auths.len();
            spin.auths.retain(|key, _| host_of(key) != host_of(registry));
            spin.auths.len() != before
        })
    }

    fn pair(&self) -> String {
        BASE64.encode(format!("{}:{}", self.user, self.password))
    }

    /// The header field `authorization`.
    pub(super) fn basic(&self) -> Option<HeaderValue> {
        let mut field = HeaderValue::from_str(&format!("Basic {}", self.pair())).ok()?;
        field.set_sensitive(true);
        Some(field)
    }
}

/// Without the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

fn spin_file() -> Option<PathBuf> {
    Some(user::config_folder()?.join(SPIN_FILE))
}

/// Replaces the file of Spin if `change` says so. What it says.
fn change_spin(change: impl FnOnce(&mut Spin) -> bool) -> anyhow::Result<bool> {
    let path = spin_file().context("there is no folder of settings: set XDG_CONFIG_HOME")?;
    let mut spin: Spin = read(&path)?.unwrap_or_default();
    if !change(&mut spin) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        let created = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
        created.with_context(|| format!("{} can't be created", folder.display()))?;
    }
    private_file::write(&path, serde_json::to_vec_pretty(&spin)?)?;
    Ok(true)
}

/// The content of a file; none if there is no such file.
fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    let Some(text) = user::read(path)? else { return Ok(None) };
    // The cause would quote secrets.
    let content = serde_json::from_str(&text).ok();
    content.with_context(|| format!("{} is not valid", path.display())).map(Some)
}

impl Docker {
    async fn find(&self, registry: &str) -> anyhow::Result<Option<Credentials>> {
        let same = |key: &str| host_of(key) == host_of(registry);
        let program = self.cred_helpers.iter().find(|(key, _)| same(key)).map(|(_, name)| name);
        if let Some(program) = program {
            return helper::ask(program, key_of(registry)).await;
        }
        let entry = self.auths.iter().find(|(key, _)| same(key)).map(|(_, entry)| entry);
        let of_entry = entry.map(Entry::credentials).transpose()?.flatten();
        match (of_entry, &self.creds_store) {
            (None, Some(program)) => helper::ask(program, key_of(registry)).await,
            (found, _) => Ok(found),
        }
    }
}

impl Entry {
    fn credentials(&self) -> anyhow::Result<Option<Credentials>> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if filled(&self.identitytoken).is_some() {
            bail!(
                "they are an identity token, which is not supported: use a password or a token \
                   as the password"
            );
        }
        if let Some(auth) = filled(&self.auth) {
            return Credentials::of_base64(&auth).context("their key `auth` is invalid").map(Some);
        }
        Ok(filled(&self.username)
            .zip(filled(&self.password))
            .map(|(user, password)| Credentials { user, password }))
    }
}

/// The host of a key, which may be a URL.
fn host_of(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let host = key.split('/').next().unwrap_or(key);
    if DOCKER_HUB.contains(&host) { DOCKER_HUB[0] } else { host }
}

/// What Docker calls a registry when it asks a helper.
fn key_of(registry: &str) -> &str {
    if DOCKER_HUB.contains(&registry) { "https://index.docker.io/v1/" } else { registry }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn find(text: &str, registry: &str) -> anyhow::Result<Option<(String, String)>> {
        let docker: Docker = serde_json::from_str(text).unwrap();
        let found = docker.find(registry).await?;
        Ok(found.map(|found| (found.user, found.password)))
    }

    fn pair(user: &str, password: &str) -> Option<(String, String)> {
        Some((user.to_owned(), password.to_owned()))
    }

    #[tokio::test]
    async fn credentials_are_found_by_the_host_of_the_registry() {
        // `a:b:c`, with and without padding.
        let text = r#"{"auths": {
            "ghcr.io": {"auth": "YTpiOmM="},
            "https://a.example/v2/": {"auth": "YTpiOmM"},
            "b.example:5000": {"username": "u", "password": "p"},
            "https://index.docker.io/v1/": {"username": "hub", "password": "p"},
            "c.example": {}
        }}"#;
        for registry in ["ghcr.io", "a.example"] {
            assert_eq!(find(text, registry).await.unwrap(), pair("a", "b:c"), "{registry}");
        }
        assert_eq!(find(text, "b.example:5000").await.unwrap(), pair("u", "p"));
        assert_eq!(find(text, "docker.io").await.unwrap(), pair("hub", "p"));
        for registry in ["b.example", "c.example", "d.example"] {
            assert_eq!(find(text, registry).await.unwrap(), None, "{registry}");
        }
    }

    #[tokio::test]
    async fn invalid_credentials_are_reported_without_the_secret() {
        let text = r#"{"auths": {"a": {"auth": "c2VjcmV0"}, "b": {"identitytoken": "secret"}}}"#;
        let error = format!("{:#}", find(text, "a").await.unwrap_err());
        assert!(error.contains("`auth` is invalid: it has no `:`"), "{error}");
        let error = format!("{:#}", find(text, "b").await.unwrap_err());
        assert!(error.contains("identity token") && !error.contains("secret"), "{error}");
        let shown = format!("{:?}", Credentials::of_base64("YTpiOmM=").unwrap());
        assert!(!shown.contains("b:c"), "{shown}");
    }
}
