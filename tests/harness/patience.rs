//! The timeout of tests.

use std::time::Duration;

/// Longer than any expected event takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for an expected event.
///
/// # Panics
/// If it does not happen in time.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it comes soon")
}
