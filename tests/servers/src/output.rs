//! What a server prints, read all the time so that it never waits for a reader.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::sync::watch;

/// The lines of a process so far.
#[derive(Debug)]
pub(crate) struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    /// The number of lines. Closed when the process has closed all its outputs.
    changed: watch::Receiver<usize>,
}

impl Output {
    /// Takes both outputs of a process.
    pub(crate) fn of(child: &mut Child) -> Self {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let (sender, changed) = watch::channel(0);
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(collect(stdout, lines.clone(), sender.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(collect(stderr, lines.clone(), sender));
        }
        Self { lines, changed }
    }

    /// Waits for a line with this text. False if the process ends without it.
    pub(crate) async fn line(&self, text: &str) -> bool {
        let mut changed = self.changed.clone();
        loop {
            if self.lines.lock().expect("the lines").iter().any(|line| line.contains(text)) {
                return true;
            }
            if changed.changed().await.is_err() {
                return false;
            }
        }
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("the lines").clone()
    }
}

async fn collect(
    from: impl AsyncRead + Unpin,
    lines: Arc<Mutex<Vec<String>>>,
    changed: watch::Sender<usize>,
) {
    let mut from = BufReader::new(from).split(b'\n');
    while let Ok(Some(line)) = from.next_segment().await {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        lines.lock().expect("the lines").push(line);
        changed.send_modify(|count| *count += 1);
    }
}
