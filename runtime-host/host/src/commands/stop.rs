//! Signals that ask the process to stop, and the processes that stop with it.

use parking_lot::Mutex;
use rustix::process::{Pid, Signal as Number, kill_process_group, test_kill_process_group};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long child processes may take to stop before they are killed.
const CHILDREN_STOP_MAX: Duration = Duration::from_secs(5);
/// How often it is checked whether they have.
const CHILDREN_CHECK: Duration = Duration::from_millis(20);

/// A signal that asks the process to stop.
#[derive(Debug, Clone, Copy)]
enum Signal {
    /// SIGINT, which Ctrl-C sends.
    Interrupt,
    /// SIGTERM, which supervisors send.
    Terminate,
}

impl Signal {
    fn number(self) -> Number {
        match self {
            Self::Interrupt => Number::INT,
            Self::Terminate => Number::TERM,
        }
    }

    /// Ends the process with the exit code that shells give to one that a signal has ended.
    #[expect(
        clippy::disallowed_methods,
        reason = "a signal before or during the shutdown ends the process"
    )]
    fn exit(self) -> ! {
        std::process::exit(128 + self.number().as_raw())
    }
}

/// Whether the process has been asked to stop.
#[derive(Clone)]
pub(crate) struct Stop {
    asked: watch::Receiver<bool>,
    orderly: Arc<AtomicBool>,
}

impl Stop {
    /// Listen to signals, on the runtime that this is called on. Until [`Stop::begin_orderly`]
    /// is called, a signal ends the process and its children at once.
    #[expect(clippy::disallowed_methods, reason = "it listens as long as the process runs")]
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (sender, asked) = watch::channel(false);
        let orderly = Arc::new(AtomicBool::new(false));
        let stop = Self { asked, orderly: orderly.clone() };
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => Signal::Terminate,
                    _ = interrupt.recv() => Signal::Interrupt,
                }
            };
            let first = next().await;
            if !orderly.load(Ordering::SeqCst) {
                tracing::info!("stopping: nothing is served yet");
                end_children().await;
                first.exit();
            }
            // If no receiver is left, everything has stopped already.
            let _ = sender.send(true);
            next().await.exit();
        });
        Ok(stop)
    }

    /// From here on the first signal asks to stop in good order; a second one ends the process.
    pub(crate) fn begin_orderly(&self) {
        self.orderly.store(true, Ordering::SeqCst);
    }

    /// Becomes true when the process is asked to stop.
    pub(crate) fn asked(&self) -> watch::Receiver<bool> {
        self.asked.clone()
    }
}

/// The process groups of the children that run now.
static CHILDREN: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
/// Whether they are being ended, and this process with them.
static ENDING: AtomicBool = AtomicBool::new(false);

/// A child process that leads a process group, which ends when this process is stopped.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// `leader` was started with `process_group(0)`.
    pub(super) fn of(leader: &std::process::Child) -> Self {
        let pid = i32::try_from(leader.id()).ok().and_then(Pid::from_raw);
        CHILDREN.lock().extend(pid);
        Self(pid)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        CHILDREN.lock().retain(|child| Some(*child) != self.0);
    }
}

/// Stop all children and what they have started; kill those that do not stop. By SIGTERM, because
/// a shell has its background processes ignore SIGINT.
async fn end_children() {
    ENDING.store(true, Ordering::SeqCst);
    let groups = CHILDREN.lock().clone();
    // One that has already ended needs no signal.
    let send = |signal| {
        for group in &groups {
            let _ = kill_process_group(*group, signal);
        }
    };
    send(Number::TERM);
    let ended = async {
        while groups.iter().any(|group| test_kill_process_group(*group).is_ok()) {
            tokio::time::sleep(CHILDREN_CHECK).await;
        }
    };
    if tokio::time::timeout(CHILDREN_STOP_MAX, ended).await.is_err() {
        send(Number::KILL);
    }
}

/// Does not return once this process is ending: that a child has failed because it was stopped is
/// no news, and the exit code is that of the signal.
pub(super) fn stay_if_ending() {
    while ENDING.load(Ordering::SeqCst) {
        std::thread::park();
    }
}
