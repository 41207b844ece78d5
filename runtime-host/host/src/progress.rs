//! How far a long piece of work has come: a bar where a terminal can show it, and lines of the log
//! everywhere else.

use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How often a bar is drawn while nothing happens.
const TICK: Duration = Duration::from_millis(120);

/// The progress of work in several parts.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// As "compiling".
    verb: &'static str,
    length: usize,
    begun: Arc<AtomicUsize>,
}

impl Progress {
    /// `bar` says whether a bar may be drawn, if there is a terminal.
    pub(crate) fn new(length: usize, verb: &'static str, bar: bool) -> Self {
        let style =
            ProgressStyle::with_template("  {prefix:>10} [{bar:28}] {pos}/{len} {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ");
        let bar = match bar {
            true => ProgressBar::new(length as u64).with_style(style).with_prefix(verb),
            false => ProgressBar::hidden(),
        };
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self { bar, verb, length, begun: Arc::default() }
    }

    /// A part begins; its number, from 1.
    pub(crate) fn begin(&self) -> usize {
        1 + self.begun.fetch_add(1, Ordering::Relaxed)
    }

    /// The part of this number will take a while.
    pub(crate) fn announce(&self, number: usize, part: &str) {
        if self.bar.is_hidden() {
            tracing::info!("{} {part} ({number} of {})", self.verb, self.length);
        } else {
            self.bar.set_message(part.to_owned());
        }
    }

    /// The progress within a part; only a bar shows it.
    pub(crate) fn detail(&self, text: String) {
        self.bar.set_message(text);
    }

    /// A part has ended.
    pub(crate) fn end(&self) {
        self.bar.inc(1);
    }

    /// All parts have ended.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
