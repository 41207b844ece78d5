//! Changing what people say of themselves.

use super::passwords::existing;
use super::{Error, Identity, user_key};
use crate::domain::user::{Changes, User};
use crate::ports::Environment;
use chassis::store::Store;

impl<S: Store, E: Environment> Identity<S, E> {
    /// Changes an account, if it still is what the caller believes it to be: `believed` is
    /// asked in the same step that changes it.
    pub async fn change_profile(
        &self,
        id: &str,
        changes: &Changes,
        believed: impl Fn(&User) -> bool + Send + Sync,
    ) -> Result<User, Error> {
        if !chassis::id::is("usr", id) {
            return Err(Error::NoSuchUser);
        }
        let (now_ms, chance) = (self.environment.now_ms(), self.random()?);
        let change = |user: Option<User>| {
            let mut user = existing(user)?;
            if !believed(&user) {
                return Err(Error::Changed);
            }
            user.change(changes, &chance, now_ms)?;
            Ok((user.clone(), user))
        };
        self.relay().change(&user_key(id), change).await
    }
}
