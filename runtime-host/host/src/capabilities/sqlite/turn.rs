//! The turn of a statement on its connection, which ends with its call.

use parking_lot::Mutex;
use rusqlite::InterruptHandle;
use std::sync::Arc;

/// The turn of one statement.
pub(super) struct Turn {
    progress: Mutex<Progress>,
    interrupt: Arc<InterruptHandle>,
}

#[derive(PartialEq, Eq)]
enum Progress {
    Waiting,
    Running,
    Ended,
    Canceled,
}

/// A statement whose call has ended does not start, or is interrupted. Other statements of the
/// connection are not.
pub(super) struct CancelOnDrop(Arc<Turn>);

impl Turn {
    pub(super) fn new(interrupt: Arc<InterruptHandle>) -> (Arc<Self>, CancelOnDrop) {
        let turn = Arc::new(Self { progress: Mutex::new(Progress::Waiting), interrupt });
        (turn.clone(), CancelOnDrop(turn))
    }

    /// Whether the statement may run now.
    pub(super) fn begin(&self) -> bool {
        let mut progress = self.progress.lock();
        let may_run = *progress == Progress::Waiting;
        if may_run {
            *progress = Progress::Running;
        }
        may_run
    }

    /// From now on, nothing interrupts it.
    pub(super) fn end(&self) {
        *self.progress.lock() = Progress::Ended;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        // Locked, so that the next statement of the connection can't begin before the interruption.
        let mut progress = self.0.progress.lock();
        if *progress == Progress::Running {
            self.0.interrupt.interrupt();
        }
        *progress = Progress::Canceled;
    }
}
