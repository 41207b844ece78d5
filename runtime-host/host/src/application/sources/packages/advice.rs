//! What is wrong with a package, and what to do about it.

use crate::oci::Error;
use anyhow::anyhow;
use semver::{Version, VersionReq};

/// Versions that a message lists.
const VERSIONS_SHOWN_MAX: usize = 10;

/// Why no version is chosen.
pub(super) fn none_fits(wanted: &VersionReq, versions: &[Version]) -> anyhow::Error {
    if versions.is_empty() {
        return anyhow!("the registry has no version of it: check its name");
    }
    let shown: Vec<_> = versions.iter().take(VERSIONS_SHOWN_MAX).map(ToString::to_string).collect();
    let more = if versions.len() > shown.len() { " and older ones" } else { "" };
    anyhow!(
        "the registry has no version {wanted}, but {}{more}: change the `version` in the manifest",
        shown.join(", ")
    )
}

/// An error with what to do about it.
pub(super) fn explain(error: &Error, registry: &str) -> anyhow::Error {
    match error {
        Error::NotFound(_) => {
            anyhow!("{error}: check the names of the package and of the registry")
        }
        Error::Denied(_) => anyhow!(
            "{error}: check the name of the package. If it is not public, run `docker login \
             {registry}`, or add `auth` to `[registry.\"{registry}\".oci]` in {}",
            super::config::shown_path()
        ),
        Error::Unavailable(_) => anyhow!(
            "{error}: check the name of the registry and the network connection, or get the \
             package with `wkg get` and write the path of the file instead"
        ),
        Error::Invalid(_) => anyhow!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_lists_the_newest_versions() {
        let versions: Vec<_> = (0..12).rev().map(|minor| Version::new(1, minor, 0)).collect();
        let text = none_fits(&"^2".parse().unwrap(), &versions).to_string();
        assert!(text.contains("no version ^2, but 1.11.0, 1.10.0"), "{text}");
        assert!(text.contains("1.2.0 and older ones") && !text.contains("1.1.0,"), "{text}");
        let text = none_fits(&"^2".parse().unwrap(), &[]).to_string();
        assert!(text.contains("no version of it"), "{text}");
    }
}
