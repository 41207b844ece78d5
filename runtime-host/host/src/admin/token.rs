//! Who may change something: whoever can read a file of the host's user.

use anyhow::{Context as _, anyhow};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

const FILE_NAME: &str = "admin-token";
/// Unguessable: 256 bits.
const LENGTH_BYTES: usize = 32;

/// The secret that has to come with a request.
#[derive(Clone)]
pub(crate) struct Token(Arc<str>);

impl Token {
    /// The one in this state directory, which exists; made when there is none yet.
    pub(crate) fn of(state_dir: &Path) -> anyhow::Result<Self> {
        let path = state_dir.join(FILE_NAME);
        let token = match std::fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            Ok(_) => make(state_dir, &path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(state_dir, &path),
            Err(error) => Err(error.into()),
        };
        let token =
            token.with_context(|| format!("the token in {} is of no use", path.display()))?;
        Ok(Self(token.into()))
    }

    /// Whether a request has it.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let field = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = field.and_then(|field| field.split_once(' '));
        given.is_some_and(|(scheme, given)| {
            scheme.eq_ignore_ascii_case("bearer") && same(given.trim(), &self.0)
        })
    }
}

/// Under another name first: a crash must not leave half a token.
fn make(state_dir: &Path, path: &Path) -> anyhow::Result<String> {
    let mut bytes = [0; LENGTH_BYTES];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| anyhow!("the operating system gives no random bytes"))?;
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let new = state_dir.join(format!("{FILE_NAME}.new"));
    // A file that is there already may be somebody else's, or readable by others.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&new)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    Ok(token)
}

/// In a time that tells nothing about where they differ.
fn same(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differing == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn given(field: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, field.parse().unwrap())])
    }

    #[test]
    fn a_token_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = folder.path();
        // Left by a crash, or laid there.
        let left = state_dir.join("admin-token.new");
        std::fs::write(&left, "known").unwrap();
        std::fs::set_permissions(&left, std::fs::Permissions::from_mode(0o644)).unwrap();
        let token = Token::of(state_dir).unwrap();
        assert_eq!(Token::of(state_dir).unwrap().0, token.0);
        assert_eq!(token.0.len(), 2 * LENGTH_BYTES);
        let file = std::fs::metadata(state_dir.join(FILE_NAME)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Token::of(other.path()).unwrap().0, token.0);
    }

    #[test]
    fn only_the_whole_token_counts() {
        let token = Token("0123456789abcdef".into());
        assert!(token.is_in(&given("Bearer 0123456789abcdef")));
        assert!(token.is_in(&given("bearer 0123456789abcdef")));
        for other in ["Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer ", "Bearer"] {
            assert!(!token.is_in(&given(other)), "{other}");
        }
        assert!(!token.is_in(&given("Basic 0123456789abcdef")));
        assert!(!token.is_in(&HeaderMap::new()));
    }
}
