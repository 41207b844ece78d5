//! Names of artifacts: `registry/repository:tag`.

use super::{Address, Protocol, is_digest};

/// The registry of names without one.
const REGISTRY_DEFAULT: &str = "docker.io";
/// What Docker puts before a name that is one word.
const FOLDER_DEFAULT: &str = "library";
/// The tag of names without one.
const TAG_DEFAULT: &str = "latest";
/// Maximum length of a tag.
const TAG_MAX_BYTES: usize = 128;

/// The name of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) registry: String,
    pub(crate) repository: String,
    /// A tag, or the digest of a manifest.
    pub(crate) version: String,
    /// Whether the registry and the version are written, and not the defaults.
    written: (bool, bool),
}

impl Reference {
    /// Reads a name as Docker does: its first part is a registry if it looks like a host.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) if is_digest(digest) => (name, Some(digest)),
            Some(_) => return None,
            None => (text, None),
        };
        let looks_like_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
        let (registry, rest) = match name.split_once('/') {
            Some((first, rest)) if looks_like_host(first) => (Some(first), rest),
            _ => (None, name),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        let repository = match registry {
            None if !repository.contains('/') => format!("{FOLDER_DEFAULT}/{repository}"),
            _ => repository.to_owned(),
        };
        let reference = Self {
            registry: registry.unwrap_or(REGISTRY_DEFAULT).to_owned(),
            repository,
            version: digest.or(tag).unwrap_or(TAG_DEFAULT).to_owned(),
            written: (registry.is_some(), digest.or(tag).is_some()),
        };
        let is_valid = tag.is_none_or(is_tag) && reference.address(Protocol::Https).is_valid();
        is_valid.then_some(reference)
    }

    /// Whether a text that may be a path is more likely the name of an artifact.
    pub(crate) fn is_likely(text: &str) -> bool {
        Self::parse(text).is_some_and(|reference| {
            let (has_registry, has_version) = reference.written;
            has_registry || has_version
        })
    }

    /// Whether it always means the same artifact.
    pub(crate) fn is_fixed(&self) -> bool {
        is_digest(&self.version)
    }

    /// The address of its repository.
    pub(crate) fn address(&self, protocol: Protocol) -> Address {
        Address { protocol, registry: self.registry.clone(), name: self.repository.clone() }
    }
}

fn is_tag(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    begins && text.len() <= TAG_MAX_BYTES && text.chars().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::digest_of;

    fn parse(text: &str) -> Option<(String, String, String)> {
        let Reference { registry, repository, version, .. } = Reference::parse(text)?;
        Some((registry, repository, version))
    }

    #[test]
    fn a_name_has_a_registry_a_repository_and_a_version() {
        let expected = |registry: &str, repository: &str, version: &str| {
            Some((registry.to_owned(), repository.to_owned(), version.to_owned()))
        };
        assert_eq!(parse("ghcr.io/a/b:v1"), expected("ghcr.io", "a/b", "v1"));
        assert_eq!(parse("localhost:5000/a"), expected("localhost:5000", "a", "latest"));
        assert_eq!(parse("localhost/a"), expected("localhost", "a", "latest"));
        assert_eq!(parse("a/b"), expected("docker.io", "a/b", "latest"));
        assert_eq!(parse("a:1"), expected("docker.io", "library/a", "1"));
        let digest = digest_of(b"");
        let text = format!("ghcr.io/a/b:v1@{digest}");
        assert_eq!(parse(&text), expected("ghcr.io", "a/b", &digest));
        let wrong = ["", "/a/b", "../a/b", "./a", "ghcr.io/A:1", "a/b@sha256:1", "a:b c", "a:-"];
        for text in wrong {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn paths_are_not_taken_for_names() {
        for name in ["ghcr.io/a/b", "a/b:v1", "localhost:5000/a", "docker.io/a/b"] {
            assert!(Reference::is_likely(name), "{name}");
        }
        for path in ["app/spin.toml", "spin.toml", "/app", "../app/spin.toml", "./a", "a b"] {
            assert!(!Reference::is_likely(path), "{path}");
        }
    }
}
