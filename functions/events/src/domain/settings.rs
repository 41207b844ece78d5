//! The variable `subscriptions`: a JSON array with the `subscribe` entries of all components, each
//! with its `component`.

use serde::Deserialize;
use tessera_events::{Error, Member, Mode, Pattern, StartAt, Subscription};

/// The maximum number of subscriptions.
pub const SUBSCRIPTIONS_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    component: String,
    group: Option<String>,
    path: String,
    types: Vec<String>,
    #[serde(default)]
    mode: ModeName,
    batch_max: Option<usize>,
    concurrency_max: Option<usize>,
    attempts_max: Option<u32>,
    #[serde(default)]
    from: From,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ModeName {
    #[default]
    Binary,
    Structured,
    Batch,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum From {
    #[default]
    Start,
    Now,
}

/// The default size of a batch, in events.
const BATCH_DEFAULT: usize = 32;

/// Reads subscriptions, by group. Entries with the same group are its members and must have the same
/// types.
pub fn subscriptions(json: &str) -> Result<Vec<Subscription>, Error> {
    let lines: Vec<Line> = serde_json::from_str(json)
        .map_err(|error| Error::Invalid(format!("the subscriptions are malformed: {error}")))?;
    let mut groups: Vec<Subscription> = Vec::new();
    for line in lines {
        let group = subscription(line)?;
        match groups.iter_mut().find(|other| other.name == group.name) {
            Some(other) if other.types == group.types => other.members.extend(group.members),
            Some(_) => {
                let text = format!("the members of `{}` have different types", group.name);
                return Err(Error::Invalid(text));
            }
            None => groups.push(group),
        }
    }
    if groups.len() > SUBSCRIPTIONS_MAX {
        return Err(Error::Invalid(format!(
            "there are more than {SUBSCRIPTIONS_MAX} subscriptions"
        )));
    }
    groups.iter().try_for_each(Subscription::check)?;
    groups.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(groups)
}

fn subscription(line: Line) -> Result<Subscription, Error> {
    let mode = match line.mode {
        ModeName::Binary => Mode::Binary,
        ModeName::Structured => Mode::Structured,
        ModeName::Batch => Mode::Batch { events_max: line.batch_max.unwrap_or(BATCH_DEFAULT) },
    };
    let types: Result<_, Error> = line.types.iter().map(|text| Pattern::parse(text)).collect();
    Ok(Subscription {
        name: line.group.unwrap_or_else(|| line.component.clone()),
        members: vec![Member { component: line.component, path: line.path, mode }],
        types: types?,
        concurrency_max: line.concurrency_max.unwrap_or(Subscription::CONCURRENCY_DEFAULT),
        attempts_max: line.attempts_max.unwrap_or(Subscription::ATTEMPTS_DEFAULT),
        start_at: match line.from {
            From::Start => StartAt::Start,
            From::Now => StartAt::Now,
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn entries_have_the_defaults_of_the_manifest() {
        let json = r#"[
            {"component":"b","path":"/events","types":["t.*"]},
            {"component":"a","group":"g","path":"/e","types":["t"],"mode":"batch","from":"now",
             "attempts_max":3,"concurrency_max":2},
            {"component":"c","group":"g","path":"/e","types":["t"]}
        ]"#;
        let read = subscriptions(json).unwrap();
        let names: Vec<_> = read.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["b", "g"]);
        assert_eq!((read[0].attempts_max, read[0].start_at), (16, StartAt::Start));
        assert_eq!(read[0].members[0].mode, Mode::Binary);
        let members: Vec<_> = read[1].members.iter().map(|one| one.component.as_str()).collect();
        assert_eq!(members, ["a", "c"]);
        assert_eq!(read[1].members[0].mode, Mode::Batch { events_max: 32 });
        assert_eq!((read[1].attempts_max, read[1].start_at), (3, StartAt::Now));
    }

    #[test]
    fn malformed_subscriptions_are_refused() {
        for json in [
            "",
            "{}",
            r#"[{"component":"a","path":"/e","types":[]}]"#,
            r#"[{"component":"a","path":"/e","types":["a*b"]}]"#,
            r#"[{"component":"a","path":"/e","types":["t"],"typ":1}]"#,
            r#"[{"component":"a","group":"g","path":"/e","types":["t"]},
                {"component":"b","group":"g","path":"/e","types":["u"]}]"#,
        ] {
            assert!(subscriptions(json).is_err(), "{json}");
        }
    }
}
