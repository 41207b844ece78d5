//! How the crates of a project are built: as members of the workspace of the application, or, if it has
//! none, each on its own.

use anyhow::{Context as _, bail};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use toml_edit::{Array, DocumentMut, Item, Value};

/// Builds all crates of a workspace.
const BUILD: &str = "cargo build --release --target wasm32-wasip2";
/// Where its results are.
const BUILT: &str = "target/wasm32-wasip2/release";

/// The dependencies of templates, with the versions of this repository.
pub(super) const DEPENDENCIES: [(&str, &str); 5] = [
    ("humantime", "\"2\""),
    ("serde", "{ version = \"1\", features = [\"derive\"] }"),
    ("serde_json", "\"1\""),
    (
        "spin-sdk",
        "{ version = \"7\", default-features = false, features = [\"http\", \"key-value\"] }",
    ),
    ("wit-bindgen", "\"0.57\""),
];

/// Where the crates of an application are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// In a workspace whose components are built with one command.
    Together,
    /// In a workspace with other crates.
    Workspace,
    /// Each in its folder.
    Alone,
}

/// The manifest of the workspace at the root of an application.
#[derive(Debug)]
pub(super) struct Workspace {
    text: String,
    document: DocumentMut,
}

impl Layout {
    /// The command that builds a crate.
    pub(super) fn command(self, name: &str) -> String {
        match self {
            Self::Together => BUILD.to_owned(),
            Self::Workspace => format!("{BUILD} --package {name}"),
            Self::Alone => format!("{BUILD} --manifest-path components/{name}/Cargo.toml"),
        }
    }

    /// Where the result is.
    pub(super) fn built(self, name: &str) -> String {
        match self {
            Self::Together | Self::Workspace => BUILT.to_owned(),
            Self::Alone => format!("components/{name}/{BUILT}"),
        }
    }

    /// The last lines of the manifest of a crate.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Together | Self::Workspace => "",
            // A workspace in a folder above is not that of this crate.
            Self::Alone => "\n[workspace]\n",
        }
    }
}

/// The layout for new crates of an application whose manifest is this text, and its workspace.
pub(super) fn layout(folder: &Path, manifest: &str) -> anyhow::Result<(Layout, Option<Workspace>)> {
    let Some(workspace) = Workspace::read(&folder.join("Cargo.toml"))? else {
        return Ok((Layout::Alone, None));
    };
    let document: DocumentMut = manifest.parse().context("spin.toml can't be read")?;
    let commands: Vec<&str> = document
        .get("component")
        .and_then(Item::as_table_like)
        .into_iter()
        .flat_map(|components| components.iter())
        .filter_map(|(_, component)| component.get("build")?.get("command")?.as_str())
        .collect();
    let is_shared = commands.is_empty() || commands.contains(&BUILD);
    let layout = match is_shared && workspace.builds_all() {
        true => Layout::Together,
        false => Layout::Workspace,
    };
    Ok((layout, Some(workspace)))
}

impl Workspace {
    fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => bail!("{} can't be read: {error}", path.display()),
        };
        let document: DocumentMut =
            text.parse().with_context(|| format!("{} can't be read", path.display()))?;
        let is_workspace = document.contains_key("workspace");
        Ok(is_workspace.then_some(Self { text, document }))
    }

    /// Whether `cargo build` in its folder builds all members. With a package at the root it builds
    /// only that one, and with `default-members` only those.
    fn builds_all(&self) -> bool {
        let workspace = self.document.get("workspace").and_then(Item::as_table_like);
        let has_default = workspace.is_some_and(|table| table.contains_key("default-members"));
        !has_default && !self.document.contains_key("package")
    }

    /// Its manifest with these folders as members, if it has to be changed.
    pub(super) fn with(mut self, folders: &[String]) -> anyhow::Result<Option<String>> {
        let workspace = self.document.get_mut("workspace").and_then(Item::as_table_like_mut);
        let workspace = workspace.context("`workspace` in Cargo.toml is not a table")?;
        let members = workspace.entry("members").or_insert_with(|| Array::new().into());
        let members = members.as_array_mut().context("`members` in Cargo.toml is not an array")?;
        for folder in folders {
            let has_it = members.iter().filter_map(Value::as_str).any(|member| {
                glob::Pattern::new(member).is_ok_and(|pattern| pattern.matches(folder))
            });
            if !has_it {
                members.push(folder.as_str());
            }
        }
        let text = self.document.to_string();
        Ok((text != self.text).then_some(text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn workspace(text: &str) -> Workspace {
        Workspace { text: text.to_owned(), document: text.parse().unwrap() }
    }

    #[test]
    fn a_workspace_gets_a_member_unless_it_has_it() {
        let folders = ["components/cart".to_owned()];
        let with = |text| workspace(text).with(&folders).unwrap();
        assert_eq!(with("[workspace]\nmembers = [\"components/*\"] # all\n"), None);
        assert_eq!(
            with("[workspace] # ours\nmembers = [\"a\"]\n").unwrap(),
            "[workspace] # ours\nmembers = [\"a\", \"components/cart\"]\n"
        );
        assert_eq!(
            with("[package]\nname = \"a\"\n[workspace]\n").unwrap(),
            "[package]\nname = \"a\"\n[workspace]\nmembers = [\"components/cart\"]\n"
        );
        assert!(workspace("[workspace]\nmembers = \"a\"\n").with(&folders).is_err());
    }

    #[test]
    fn one_command_is_shared_where_it_builds_all_members() {
        let folder = tempfile::tempdir().unwrap();
        let own = "[component.a.build]\ncommand = \"make\"\n";
        for (cargo, manifest, wanted) in [
            ("[workspace]\n", "", Layout::Together),
            ("[workspace]\n", own, Layout::Workspace),
            ("[package]\nname = \"a\"\n[workspace]\n", "", Layout::Workspace),
            ("[workspace]\nmembers = [\"a\"]\ndefault-members = [\"a\"]\n", "", Layout::Workspace),
            ("[package]\nname = \"a\"\n", "", Layout::Alone),
        ] {
            fs::write(folder.path().join("Cargo.toml"), cargo).unwrap();
            assert_eq!(layout(folder.path(), manifest).unwrap().0, wanted, "{cargo}{manifest}");
        }
    }

    /// What is compiled for a project is compiled with the versions that are tested here.
    #[test]
    fn dependencies_have_the_versions_of_this_repository() {
        let own = include_str!("../../../../../Cargo.toml");
        let own: DocumentMut = own.parse().unwrap();
        for (name, wanted) in DEPENDENCIES {
            let wanted: Value = wanted.parse().unwrap();
            let of = |value: &Value| {
                let version = value.as_inline_table().and_then(|table| table.get("version"));
                version.unwrap_or(value).as_str().map(str::to_owned).unwrap()
            };
            let present = of(own["workspace"]["dependencies"][name].as_value().unwrap());
            let version = of(&wanted);
            let is_same = present == version || present.starts_with(&format!("{version}."));
            assert!(is_same, "{name}: {version} in templates, {present} in the workspace");
        }
        let edition = own["workspace"]["package"]["edition"].as_str().unwrap();
        assert!(super::super::templates::CRATE.contains(&format!("edition = \"{edition}\"")));
    }
}
