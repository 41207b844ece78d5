//! Authorization for changes: a client must be able to read a file of the host's user.

use crate::private_file;
use anyhow::Context as _;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

const FILE_NAME: &str = "admin-token";
/// The minimum length of a token that an operator has chosen.
const LENGTH_MIN_CHARS: usize = 32;

/// The secret that a request must contain.
#[derive(Clone)]
pub(crate) struct Token(Arc<str>);

impl Token {
    /// The token of an existing state directory. Creates it if there is none.
    pub(crate) fn of(state_dir: &Path) -> anyhow::Result<Self> {
        let path = state_dir.join(FILE_NAME);
        let token = existing_or_new(&path)
            .with_context(|| format!("the token file {} is unusable", path.display()))?;
        Ok(Self(token.into()))
    }

    /// The token in a file of the operator, which is only read.
    pub(crate) fn in_file(path: &Path) -> anyhow::Result<Self> {
        let text = private_file::read(path)?;
        let text = text.with_context(|| format!("there is no token file {}", path.display()))?;
        let token = text.trim();
        // What else there is in a text can't be sent in the header field.
        anyhow::ensure!(
            token.len() >= LENGTH_MIN_CHARS && token.bytes().all(|byte| byte.is_ascii_graphic()),
            "the token file {} is unusable: write at least {LENGTH_MIN_CHARS} letters, digits and \
             signs of ASCII, without spaces",
            path.display()
        );
        Ok(Self(token.into()))
    }

    /// Whether a request contains it.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let field = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = field.and_then(|field| field.split_once(' '));
        given.is_some_and(|(scheme, given)| {
            scheme.eq_ignore_ascii_case("bearer")
                && bool::from(given.trim().as_bytes().ct_eq(self.0.as_bytes()))
        })
    }
}

fn existing_or_new(path: &Path) -> anyhow::Result<String> {
    let text = private_file::read(path)?.unwrap_or_default();
    if !text.trim().is_empty() {
        return Ok(text.trim().to_owned());
    }
    let token = private_file::random_secret()?;
    private_file::write(path, format!("{token}\n"))?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn given(field: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, field.parse().unwrap())])
    }

    #[test]
    fn a_token_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let token = Token::of(folder.path()).unwrap();
        assert_eq!(Token::of(folder.path()).unwrap().0, token.0);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Token::of(other.path()).unwrap().0, token.0);
    }

    #[test]
    fn an_operator_chooses_a_long_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let refused = || format!("{:#}", Token::in_file(&path).err().unwrap());
        assert!(refused().contains("there is no token file"), "{}", refused());
        let (short, long) = ("x".repeat(LENGTH_MIN_CHARS - 1), "x".repeat(LENGTH_MIN_CHARS));
        for unusable in [String::new(), format!(" {short}\n"), format!("{short} {short}")] {
            std::fs::write(&path, unusable).unwrap();
            assert!(refused().contains("at least 32"), "{}", refused());
        }
        std::fs::write(&path, format!(" {long}\n")).unwrap();
        assert!(Token::in_file(&path).unwrap().is_in(&given(&format!("Bearer {long}"))));
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
