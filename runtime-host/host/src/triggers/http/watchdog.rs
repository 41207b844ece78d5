//! Ends a connection whose client makes no progress: it neither reads, nor sends a request, nor
//! closes.

use super::connected::{Connected, Waiting};
use super::limits::CLOSE_TIMEOUT;
use super::timer::Timer;
use crate::telemetry::FrontLimit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Serve a connection to its end. `close` asks it to end gracefully: when the host stops, or when
/// the client was idle for too long. The connection of a client that does not read is dropped.
pub(super) async fn supervise<C: Future>(
    connection: C,
    close: fn(Pin<&mut C>),
    connected: &Connected,
    stop: &mut watch::Receiver<bool>,
) -> Option<C::Output> {
    let mut connection = pin!(connection);
    let mut stopping = pin!(stop.wait_for(|stop| *stop));
    let mut watchdog = Watchdog::default();
    let mut closing = false;
    std::future::poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            if !closing && stopping.as_mut().poll(cx).is_ready() {
                closing = true;
                close(connection.as_mut());
                continue;
            }
            match std::task::ready!(watchdog.poll(cx, connected, closing)) {
                Waiting::Request(_) => {
                    connected.reached(FrontLimit::IdleTimeout);
                    closing = true;
                    close(connection.as_mut());
                }
                Waiting::End => return Poll::Ready(None),
                Waiting::Socket(_) | Waiting::Reader(_) => {
                    connected.reached(FrontLimit::WriteTimeout);
                    return Poll::Ready(None);
                }
            }
        }
    })
    .await
}

/// How long the connection has waited for the same action of the client.
#[derive(Default)]
struct Watchdog {
    waiting: Option<(Waiting, Instant)>,
    timer: Timer,
}

impl Watchdog {
    /// Ready when the wait was too long.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        connected: &Connected,
        closing: bool,
    ) -> Poll<Waiting> {
        let waiting = connected.activity.waiting(connected.multiplexed, closing);
        let Some(waiting) = waiting else {
            self.waiting = None;
            return Poll::Pending;
        };
        let end = match self.waiting {
            Some((same, end)) if same == waiting => end,
            _ => Instant::now() + wait_max(waiting, connected),
        };
        self.waiting = Some((waiting, end));
        self.timer.poll(cx, end).map(|()| waiting)
    }
}

fn wait_max(waiting: Waiting, connected: &Connected) -> Duration {
    match waiting {
        Waiting::Socket(_) | Waiting::Reader(_) => connected.limits().write_timeout(),
        Waiting::Request(_) => connected.limits().idle_timeout(),
        Waiting::End => CLOSE_TIMEOUT,
    }
}
