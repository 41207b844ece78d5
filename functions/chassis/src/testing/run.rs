//! Futures without an executor, for tests that decide in which order they make progress.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll, Waker};

/// Polls before [`run`] concludes that a future waits for something that never happens.
const POLLS_MAX: u32 = 1_000_000;

/// Runs a future to its end by polling it again and again. It may wait for nothing except
/// [`yield_once`].
///
/// # Panics
/// If the future does not end.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    for _ in 0..POLLS_MAX {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
    panic!("the future does not end")
}

/// Lets other futures of the same task or executor run once.
pub async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_that_yields_is_run_to_its_end() {
        let future = async {
            yield_once().await;
            yield_once().await;
            7
        };
        assert_eq!(run(future), 7);
    }
}
