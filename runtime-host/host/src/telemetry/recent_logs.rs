//! The latest lines of the log, for the admin listener.
//!
//! They are those of the log itself, and all output of components, also if the log leaves it out.

use parking_lot::Mutex;
use serde::{Serialize, Serializer};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Lines that are kept.
const LINES_MAX: usize = 10_000;
/// Their size together.
const BYTES_MAX: usize = 8 << 20;
/// What a line takes in addition to its texts.
const LINE_OVERHEAD_BYTES: usize = size_of::<Line>();
/// Of a longer text, the beginning is kept.
const TEXT_MAX_BYTES: usize = 8 << 10;
/// The beginnings of the targets of lines that are kept in another way: output of components, and
/// spans.
const LEFT_OUT: [&str; 2] = ["tessera::guest", "tessera::span"];

/// A line of the log, or of the output of a component.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Line {
    /// Later lines have larger numbers.
    pub(crate) number: u64,
    pub(crate) at_ms: u64,
    pub(crate) level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) component: Option<Arc<str>>,
    /// `stdout` or `stderr`, of the output of a component.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stream: Option<&'static str>,
    #[serde(skip_serializing_if = "is_zero", serialize_with = "as_hex")]
    pub(crate) trace_id: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<Arc<str>>,
    pub(crate) text: String,
}

fn is_zero(id: &u128) -> bool {
    *id == 0
}

fn as_hex<S: Serializer>(id: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{id:032x}"))
}

impl Line {
    fn bytes(&self) -> usize {
        LINE_OVERHEAD_BYTES
            + self.text.len()
            + self.component.as_ref().map_or(0, |id| id.len())
            + self.request_id.as_ref().map_or(0, |id| id.len())
    }
}

/// Which lines are wanted. What is `None` fits all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) component: Option<String>,
    pub(crate) trace_id: Option<u128>,
    /// A request without an id of its own has that of its trace.
    pub(crate) request_id: Option<String>,
    /// In lower case.
    pub(crate) text: Option<String>,
    /// Only lines after the one with this number.
    pub(crate) after: u64,
}

impl Filter {
    fn fits(&self, line: &Line) -> bool {
        let of_request = |id: &str| {
            line.request_id.as_deref() == Some(id)
                || u128::from_str_radix(id, 16).is_ok_and(|id| id != 0 && id == line.trace_id)
        };
        line.number > self.after
            && self.component.as_deref().is_none_or(|id| line.component.as_deref() == Some(id))
            && self.trace_id.is_none_or(|id| line.trace_id == id)
            && self.request_id.as_deref().is_none_or(of_request)
            && self.text.as_deref().is_none_or(|text| line.text.to_lowercase().contains(text))
    }
}

/// The latest lines.
#[derive(Debug, Default)]
pub(crate) struct RecentLogs(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<Line>,
    bytes: usize,
    last_number: u64,
}

impl RecentLogs {
    /// Keeps a line. Its number and its time are set here.
    #[expect(clippy::disallowed_methods, reason = "lines have dates")]
    pub(super) fn push(&self, mut line: Line) {
        if line.text.len() > TEXT_MAX_BYTES {
            line.text.truncate(line.text.floor_char_boundary(TEXT_MAX_BYTES));
            line.text.push('…');
        }
        // Only its length is counted.
        line.text.shrink_to_fit();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        line.at_ms = now.as_millis() as u64;
        let mut kept = self.0.lock();
        kept.last_number += 1;
        line.number = kept.last_number;
        kept.bytes += line.bytes();
        kept.lines.push_back(line);
        while kept.lines.len() > LINES_MAX || kept.bytes > BYTES_MAX {
            let Some(oldest) = kept.lines.pop_front() else { return };
            kept.bytes -= oldest.bytes();
        }
    }

    /// The latest lines that fit, oldest first.
    pub(crate) fn find(&self, filter: &Filter, limit: usize) -> Vec<Line> {
        let kept = self.0.lock();
        let fitting = kept.lines.iter().rev().filter(|line| filter.fits(line));
        let mut lines: Vec<_> = fitting.take(limit).cloned().collect();
        lines.reverse();
        lines
    }
}

/// Keeps each line of the log of the host.
#[derive(Debug)]
pub(super) struct RecentLogsLayer(pub(super) Arc<RecentLogs>);

impl<S: Subscriber> Layer<S> for RecentLogsLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if LEFT_OUT.iter().any(|beginning| metadata.target().starts_with(beginning)) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields { mut line, others } = fields;
        line.level = name(*metadata.level());
        line.text.push_str(&others);
        self.0.push(line);
    }
}

/// The fields of a line: those that it can be found by, and the others as text.
#[derive(Default)]
struct Fields {
    line: Line,
    others: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.line.text = text,
            "component" => self.line.component = Some(text.into()),
            "request_id" => self.line.request_id = Some(text.into()),
            "trace_id" => self.line.trace_id = u128::from_str_radix(&text, 16).unwrap_or_default(),
            name => {
                self.others.push_str("  ");
                self.others.push_str(name);
                self.others.push('=');
                self.others.push_str(&text);
            }
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    fn line(component: &str, trace_id: u128, text: &str) -> Line {
        Line {
            component: Some(component.into()),
            trace_id,
            text: text.to_owned(),
            ..Line::default()
        }
    }

    fn texts(logs: &RecentLogs, filter: &Filter) -> Vec<String> {
        logs.find(filter, usize::MAX).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_are_found_by_component_trace_request_and_text() {
        let logs = RecentLogs::default();
        logs.push(line("a", 1, "One"));
        logs.push(line("b", 1, "two"));
        logs.push(Line { request_id: Some("r".into()), ..line("b", 2, "three") });
        let component = Some("b".to_owned());
        assert_eq!(texts(&logs, &Filter { component, ..Filter::default() }), ["two", "three"]);
        let trace_id = Some(1);
        assert_eq!(texts(&logs, &Filter { trace_id, ..Filter::default() }), ["One", "two"]);
        for (id, found) in [("r", vec!["three"]), ("1", vec!["One", "two"]), ("x", vec![])] {
            let request_id = Some(id.to_owned());
            assert_eq!(texts(&logs, &Filter { request_id, ..Filter::default() }), found, "{id}");
        }
        let text = Some("one".to_owned());
        assert_eq!(texts(&logs, &Filter { text, ..Filter::default() }), ["One"]);
        assert_eq!(texts(&logs, &Filter { after: 2, ..Filter::default() }), ["three"]);
        assert_eq!(logs.find(&Filter::default(), 1)[0].text, "three");
    }

    #[test]
    fn old_lines_are_dropped() {
        let logs = RecentLogs::default();
        for number in 0..LINES_MAX + 5 {
            logs.push(line("a", 1, &number.to_string()));
        }
        let kept = logs.find(&Filter::default(), usize::MAX);
        assert_eq!((kept.len(), &*kept[0].text), (LINES_MAX, "5"));
        for _ in 0..LINES_MAX {
            logs.push(line("a", 1, &"x".repeat(2 * TEXT_MAX_BYTES)));
        }
        let kept = logs.0.lock();
        assert!(kept.bytes <= BYTES_MAX && kept.lines.len() < LINES_MAX);
        assert_eq!(kept.bytes, kept.lines.iter().map(Line::bytes).sum::<usize>());
    }

    #[test]
    fn lines_of_the_host_keep_their_fields() {
        let logs = Arc::new(RecentLogs::default());
        let subscriber = tracing_subscriber::registry().with(RecentLogsLayer(logs.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(
                component = "a",
                trace_id = "ff",
                request_id = "r",
                more = 3,
                "it failed"
            );
            tracing::info!(target: "tessera::guest", "printed");
        });
        let [line] = logs.find(&Filter::default(), 10).try_into().unwrap();
        assert_eq!((&*line.text, line.level, line.trace_id), ("it failed  more=3", "warn", 255));
        assert_eq!((line.component.as_deref(), line.request_id.as_deref()), (Some("a"), Some("r")));
    }
}
