//! Counting password attempts per address and account. It happens here, after the body was parsed:
//! the gateway would have to parse the body in exactly the same way.

use super::Identity;
use crate::domain::secret::sha256;
use crate::ports::Environment;
use chassis::Problem;
use chassis::quota::{Check, Rates, counted};
use chassis::store::Store;

impl<S: Store, E: Environment> Identity<S, E> {
    /// Counts one attempt from this address at this account, which is an e-mail address or the id
    /// of the signed-in user, if it is known. Call it before checking a password.
    ///
    /// # Errors
    /// 429 if there were too many; 500 without settings.
    pub(crate) async fn count_attempt(
        &self,
        address: &str,
        account: &str,
    ) -> Result<Rates, Problem> {
        let settings = self.settings().await.map_err(Problem::from)?;
        let check = settings.quotas.map(|quotas| {
            // The limiter's keys contain no plain addresses.
            let digest = sha256(account.trim().to_ascii_lowercase().as_bytes());
            let account: String =
                digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let key = format!("{}|{account}", counted(address));
            Check::one("credentials", key, quotas.credentials)
        });
        Rates::count(&self.environment.limiter(), check).await
    }
}
