//! How long a test waits before it says that something is stuck.

use std::time::Duration;

/// Nothing that is bound to come takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is bound to come.
///
/// # Panics
/// When it does not come.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it comes soon")
}
