//! Comparing the answers of both sides.
//!
//! Both are compared as the client would get them, after what may differ was removed: the order of
//! entries, and the time at which a message was sent.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Answer, Wanted};

/// The maximum number of differences that are reported for one request.
pub const DIFFERENCES_MAX: usize = 5;
/// The maximum length of a reported value, in characters.
pub const TEXT_CHARS_MAX: usize = 100;

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where it is: a JSON pointer, or `status`.
    pub at: String,
    /// What the older shop has there; null if nothing.
    pub legacy: Value,
    /// What the new function has there; null if nothing.
    pub new: Value,
}

/// The differences between two answers to the same request.
pub fn differences(wanted: &Wanted, legacy: &Answer, new: &Answer) -> Vec<Difference> {
    let mut found = Vec::new();
    if legacy.status != new.status {
        let (legacy, new) = (Value::from(legacy.status), Value::from(new.status));
        found.push(Difference { at: "status".to_owned(), legacy, new });
    } else if legacy.status < 400 {
        let [legacy, new] = [legacy, new].map(|answer| normalized(wanted, &answer.body));
        compare("", Some(&legacy), Some(&new), &mut found);
    }
    found
}

/// An entry's key instead of its place: entries of both sides are compared by it.
fn normalized(wanted: &Wanted, body: &Value) -> Value {
    let list = |name: &str, key: fn(&Value) -> String| {
        let entries = body[name].as_array().into_iter().flatten();
        let entries: Map<String, Value> =
            entries.map(|entry| (key(entry), entry.clone())).collect();
        // Two entries with one key are an entry too few.
        let count = body[name].as_array().map_or(0, Vec::len);
        serde_json::json!({"count": count, name: entries})
    };
    match wanted {
        Wanted::Orders => list("orders", |order| text(&order["order"])),
        Wanted::Notifications => {
            let mut all = list("notifications", |message| {
                format!("{}:{}", text(&message["order"]), text(&message["kind"]))
            });
            for message in
                all["notifications"].as_object_mut().into_iter().flat_map(Map::values_mut)
            {
                if let Some(message) = message.as_object_mut() {
                    message.remove("sent");
                }
            }
            all
        }
        Wanted::Order(_) | Wanted::NewOrder => body.clone(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn compare(at: &str, legacy: Option<&Value>, new: Option<&Value>, found: &mut Vec<Difference>) {
    if legacy == new || found.len() >= DIFFERENCES_MAX {
        return;
    }
    match (legacy, new) {
        (Some(Value::Object(legacy)), Some(Value::Object(new))) => {
            for (name, value) in legacy {
                compare(&format!("{at}/{name}"), Some(value), new.get(name), found);
            }
            for (name, value) in new.iter().filter(|(name, _)| !legacy.contains_key(*name)) {
                compare(&format!("{at}/{name}"), None, Some(value), found);
            }
        }
        (Some(Value::Array(legacy)), Some(Value::Array(new))) => {
            for index in 0..legacy.len().max(new.len()) {
                compare(&format!("{at}/{index}"), legacy.get(index), new.get(index), found);
            }
        }
        (legacy, new) => {
            let at = at.to_owned();
            found.push(Difference { at, legacy: short(legacy), new: short(new) });
        }
    }
}

/// A value as it is reported.
fn short(value: Option<&Value>) -> Value {
    let Some(value) = value else { return Value::Null };
    let text = value.to_string();
    match text.chars().count() <= TEXT_CHARS_MAX {
        true => value.clone(),
        false => Value::String(text.chars().take(TEXT_CHARS_MAX).collect()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(wanted: &Wanted, legacy: Value, new: Value) -> Vec<String> {
        let answer = |body| Answer { status: 200, body };
        let found = differences(wanted, &answer(legacy), &answer(new));
        found.into_iter().map(|it| format!("{}: {} / {}", it.at, it.legacy, it.new)).collect()
    }

    #[test]
    fn the_order_of_entries_does_not_matter() {
        let (one, two) = (json!({"order": "1", "total": "1.00"}), json!({"order": "2"}));
        let legacy = json!({"orders": [one, two]});
        let new = json!({"orders": [two, one]});
        assert!(found(&Wanted::Orders, legacy.clone(), new).is_empty());
        let other = json!({"orders": [{"order": "1", "total": "2.00"}, two]});
        let expected = [r#"/orders/1/total: "1.00" / "2.00""#];
        assert_eq!(found(&Wanted::Orders, legacy.clone(), other), expected);
        let twice = json!({"orders": [one, one, two]});
        assert_eq!(found(&Wanted::Orders, legacy.clone(), twice), ["/count: 2 / 3"]);
        let short = json!({"orders": [one]});
        let expected = ["/count: 2 / 1", r#"/orders/2: {"order":"2"} / null"#];
        assert_eq!(found(&Wanted::Orders, legacy, short), expected);
    }

    #[test]
    fn the_time_of_a_message_does_not_matter() {
        let message = |kind: &str, sent: &str| json!({"kind": kind, "order": "1", "sent": sent});
        let list = |message: Value| json!({"notifications": [message]});
        let wanted = Wanted::Notifications;
        let legacy = list(message("paid", "12:00"));
        assert!(found(&wanted, legacy.clone(), list(message("paid", "12:01"))).is_empty());
        assert_eq!(found(&wanted, legacy, list(message("sent", "12:00"))).len(), 2);
    }

    #[test]
    fn errors_are_compared_by_their_status() {
        let wanted = Wanted::Order("1".to_owned());
        let (one, other) = (Answer::error(404, "a", "b"), Answer::error(404, "c", "d"));
        assert!(differences(&wanted, &one, &other).is_empty());
        let found = differences(&wanted, &one, &Answer { status: 200, body: json!({}) });
        assert_eq!(found[0].at, "status");
    }

    #[test]
    fn reports_are_short() {
        let long: Map<String, Value> =
            (0..20).map(|number| (number.to_string(), json!("x".repeat(500)))).collect();
        let wanted = Wanted::Order("1".to_owned());
        let answer = |body| Answer { status: 200, body };
        let found = differences(&wanted, &answer(Value::Object(long)), &answer(json!({})));
        assert_eq!(found.len(), DIFFERENCES_MAX);
        assert!(found.iter().all(|it| it.legacy.to_string().len() <= TEXT_CHARS_MAX + 10));
    }
}
