//! Waiting for expected events. Timeouts only end tests that have failed, so they are long enough
//! for a slow and busy machine.

use std::time::Duration;
use tokio::time::Instant;

/// The timeout for an expected event.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The pause between two attempts of [`eventually`].
const PAUSE: Duration = Duration::from_millis(20);

/// Waits for an expected event.
///
/// # Panics
/// If it does not happen in time.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, what).await.expect("an event in time")
}

/// Repeats `look` until it finds something. `what` describes it.
///
/// # Panics
/// If nothing is found before the timeout.
pub async fn eventually<T>(
    what: &str,
    timeout: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + timeout;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {timeout:?}");
        tokio::time::sleep(PAUSE).await;
    }
}
