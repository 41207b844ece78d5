//! Feature flags of the platform.

use std::future::Future;

/// Decides who gets a new feature.
pub trait Flags: Clone + Send + Sync + 'static {
    /// Whether a feature is on for a user, or for a visitor. It is off if the platform does not know
    /// the flag, or can't decide.
    fn is_on(&self, key: &str, user_id: Option<&str>) -> impl Future<Output = bool> + Send;
}

/// A flag that is on for one user: for tests.
#[cfg(any(test, feature = "testing"))]
#[derive(Clone, Debug, Default)]
pub struct FixedFlags(Option<(String, String)>);

#[cfg(any(test, feature = "testing"))]
impl FixedFlags {
    /// This flag is on for this user.
    pub fn on(key: &str, user_id: &str) -> Self {
        Self(Some((key.to_owned(), user_id.to_owned())))
    }
}

#[cfg(any(test, feature = "testing"))]
impl Flags for FixedFlags {
    async fn is_on(&self, key: &str, user_id: Option<&str>) -> bool {
        self.0.as_ref().is_some_and(|(flag, user)| flag == key && Some(&**user) == user_id)
    }
}
