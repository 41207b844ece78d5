//! Log records of components, as lines.

use crate::capabilities::bindings::wasi::otel::logs::LogRecord;
use std::fmt::Write as _;

/// The names of severities, of which each stands for four numbers.
const LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/// A record as one line: its severity, its name and text, and its attributes.
pub(super) fn line(record: &LogRecord) -> String {
    let number = usize::from(record.severity_number.unwrap_or_default());
    let level = number.checked_sub(1).and_then(|number| LEVELS.get(number / 4));
    let level = record.severity_text.as_deref().filter(|text| !text.is_empty()).or(level.copied());
    let mut line = level.unwrap_or("INFO").to_owned();
    let body = record.body.as_deref().map(text);
    for part in record.event_name.iter().cloned().chain(body) {
        line.push(' ');
        line.push_str(&part);
    }
    for attribute in record.attributes.iter().flatten() {
        // Writing into a string does not fail.
        let _ = write!(line, " {}={}", attribute.key, attribute.value);
    }
    line.replace('\n', "\\n") + "\n"
}

/// A value is JSON; a text is shown without its quotation marks.
fn text(value: &str) -> String {
    // What is not a text is not parsed any further, because it can be large.
    serde_json::from_str(value).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::bindings::wasi::otel::types::KeyValue;

    fn record(number: Option<u8>, body: &str) -> LogRecord {
        LogRecord {
            timestamp: None,
            observed_timestamp: None,
            severity_text: None,
            severity_number: number,
            body: Some(body.to_owned()),
            attributes: None,
            event_name: None,
            resource: None,
            instrumentation_scope: None,
            trace_id: None,
            span_id: None,
            trace_flags: None,
        }
    }

    #[test]
    fn a_record_is_one_line() {
        assert_eq!(line(&record(Some(13), "\"one\\ntwo\"")), "WARN one\\ntwo\n");
        assert_eq!(line(&record(None, "{\"a\":1}")), "INFO {\"a\":1}\n");
        assert_eq!(line(&record(Some(255), "1")), "INFO 1\n");
        let attribute = KeyValue { key: "size".to_owned(), value: "3".to_owned() };
        let full = LogRecord {
            severity_text: Some("Notice".to_owned()),
            event_name: Some("found".to_owned()),
            attributes: Some(vec![attribute]),
            ..record(Some(9), "\"it\"")
        };
        assert_eq!(line(&full), "Notice found it size=3\n");
    }
}
