//! The request for a notification, and its validation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Longest request id, in bytes.
pub const REQUEST_ID_LENGTH_MAX: usize = 200;
/// Most variables of one notification.
pub const VARIABLE_COUNT_MAX: usize = 50;
/// Longest value of a variable, in bytes.
pub const VARIABLE_LENGTH_MAX: usize = 4_000;
/// Most entries of the metadata.
pub const METADATA_COUNT_MAX: usize = 20;
/// Longest name or value in the metadata, in bytes.
pub const METADATA_LENGTH_MAX: usize = 200;
/// Longest language tag, in bytes (RFC 5646, section 4.4.1).
pub const LANGUAGE_LENGTH_MAX: usize = 35;

/// A way to reach a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, description = ""))]
pub enum Channel {
    /// A mail to the address of the account.
    Email,
    /// A message to the devices of the account.
    Push,
}

/// The order of due messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, description = ""))]
pub enum Priority {
    /// Before all others, because the user waits for it.
    High,
    /// The default.
    #[default]
    Normal,
    /// After all others.
    Low,
}

impl Priority {
    fn is_normal(&self) -> bool {
        *self == Priority::Normal
    }
}

/// A request for a notification. Members with their default value are not serialized, because the
/// fingerprint of a request must be the same as that of an older version with fewer members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the caller. One id sends one message.
    pub request_id: String,
    /// How to reach the user.
    pub channel: Channel,
    /// The recipient.
    pub user_id: String,
    /// The template.
    pub template_code: String,
    /// Name and value of each variable.
    pub variables: Vec<(String, String)>,
    /// BCP 47 tag; `None` for the user's own language.
    pub language: Option<String>,
    /// The order of due messages.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// Stored with the notification and shown to operators.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What it is about: the id of an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// Why a request is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The member of the request, with the name of the entry if it has entries: `variables/name`.
    pub member: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Fault {
    /// A fault of this member.
    pub fn of(member: impl Into<String>, detail: impl Into<String>) -> Self {
        Fault { member: member.into(), detail: detail.into() }
    }
}

impl Request {
    /// A mail with default values in all other members.
    pub fn mail(
        request_id: impl Into<String>,
        user_id: impl Into<String>,
        template_code: impl Into<String>,
    ) -> Self {
        Request {
            request_id: request_id.into(),
            channel: Channel::Email,
            user_id: user_id.into(),
            template_code: template_code.into(),
            variables: Vec::new(),
            language: None,
            priority: Priority::default(),
            metadata: BTreeMap::new(),
            subject: None,
        }
    }

    /// The first fault of the request, as far as it does not depend on the user or the template.
    pub fn fault(&self) -> Option<Fault> {
        self.id_fault()
            .or_else(|| self.variables_fault())
            .or_else(|| self.metadata_fault())
            .or_else(|| self.language_fault())
    }

    /// The same request with its variables in order, which has no meaning.
    pub fn canonical(mut self) -> Self {
        self.variables.sort();
        self
    }

    fn id_fault(&self) -> Option<Fault> {
        let id = &self.request_id;
        let is_valid = (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_graphic());
        let detail = format!("must have 1 to {REQUEST_ID_LENGTH_MAX} visible ASCII characters");
        (!is_valid).then(|| Fault::of("request_id", detail))
    }

    fn variables_fault(&self) -> Option<Fault> {
        if self.variables.len() > VARIABLE_COUNT_MAX {
            return Some(Fault::of("variables", format!("at most {VARIABLE_COUNT_MAX} variables")));
        }
        for (index, (name, value)) in self.variables.iter().enumerate() {
            let fault = |detail| Some(Fault::of(format!("variables/{name}"), detail));
            if self.variables[..index].iter().any(|(earlier, _)| earlier == name) {
                return fault("is a duplicate".to_owned());
            }
            if value.len() > VARIABLE_LENGTH_MAX {
                return fault(format!("longer than {VARIABLE_LENGTH_MAX} bytes"));
            }
        }
        None
    }

    fn metadata_fault(&self) -> Option<Fault> {
        let is_long = |text: &String| text.len() > METADATA_LENGTH_MAX;
        if self.metadata.len() > METADATA_COUNT_MAX {
            return Some(Fault::of("metadata", format!("at most {METADATA_COUNT_MAX} entries")));
        }
        let (name, _) = self.metadata.iter().find(|(name, text)| is_long(name) || is_long(text))?;
        let detail = format!("longer than {METADATA_LENGTH_MAX} bytes");
        Some(Fault::of(format!("metadata/{name}"), detail))
    }

    fn language_fault(&self) -> Option<Fault> {
        let tag = self.language.as_deref()?;
        let is_valid = (2..=LANGUAGE_LENGTH_MAX).contains(&tag.len())
            && tag.split('-').all(|part| {
                (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
            });
        (!is_valid)
            .then(|| Fault::of("language", "must be a BCP 47 language tag, like en or pt-BR"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn request() -> Request {
        let variables = vec![("b".into(), "2".into()), ("a".into(), "1".into())];
        Request { variables, ..Request::mail("r-1", "usr_1", "welcome") }
    }

    #[test]
    fn requests_are_compared_without_the_order_of_variables() {
        let mut swapped = request();
        swapped.variables.reverse();
        assert_eq!(request().canonical(), swapped.canonical());
    }

    #[test]
    fn invalid_requests_are_refused() {
        let with = |change: fn(&mut Request)| {
            let mut request = request();
            change(&mut request);
            request.fault()
        };
        assert_eq!(request().fault(), None);
        assert!(with(|r| r.request_id.clear()).is_some());
        assert!(with(|r| r.request_id = "a b".into()).is_some());
        assert!(with(|r| r.variables[1].0 = "b".into()).is_some());
        let long = with(|r| r.variables[0].1 = "x".repeat(VARIABLE_LENGTH_MAX + 1)).unwrap();
        assert_eq!(long.member, "variables/b");
        assert!(with(|r| r.language = Some("en_GB".into())).is_some());
        assert!(with(|r| drop(r.metadata.insert("k".into(), "x".repeat(300)))).is_some());
    }

    #[test]
    fn default_values_are_not_part_of_the_fingerprint() {
        let written = serde_json::to_string(&request()).unwrap();
        assert!(!written.contains("priority") && !written.contains("metadata"), "{written}");
    }
}
