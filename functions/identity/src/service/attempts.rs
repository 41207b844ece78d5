//! Counting attempts with a password, per address and account. Here, where the body has been
//! parsed: one who counted in front of it would have to read the body the same way.

use super::Identity;
use crate::domain::encoding::sha256;
use crate::ports::Environment;
use chassis::Problem;
use chassis::quota::{Check, Rates, counted};
use chassis::store::Store;

impl<S: Store, E: Environment> Identity<S, E> {
    /// Counts one attempt of this address at this account, which is an e-mail address or the id of
    /// who is signed in, as far as it was named at all. Before a password is looked at.
    ///
    /// # Errors
    /// 429 when there were too many; 500 without settings.
    pub(crate) async fn count_attempt(
        &self,
        address: &str,
        account: &str,
    ) -> Result<Rates, Problem> {
        let settings = self.settings().await.map_err(Problem::from)?;
        let check = settings.quotas.map(|quotas| {
            // No address in clear in the limiter's keys.
            let digest = sha256(account.trim().to_ascii_lowercase().as_bytes());
            let account: String =
                digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let key = format!("{}|{account}", counted(address));
            Check::one("credentials", key, quotas.credentials)
        });
        Rates::count(&self.environment.limiter(), check).await
    }
}
