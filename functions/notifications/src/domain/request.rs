//! What somebody asks for, and what can be wrong with it whoever the reader is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Longest request id, in bytes.
pub const REQUEST_ID_LENGTH_MAX: usize = 200;
/// Most variables of one notification.
pub const VARIABLE_COUNT_MAX: usize = 50;
/// Longest text of a variable, in bytes.
pub const VARIABLE_LENGTH_MAX: usize = 4_000;
/// Most entries of the metadata.
pub const METADATA_COUNT_MAX: usize = 20;
/// Longest name or text in the metadata, in bytes.
pub const METADATA_LENGTH_MAX: usize = 200;
/// Longest language tag, in bytes (RFC 5646, section 4.4.1).
pub const LANGUAGE_LENGTH_MAX: usize = 35;

/// A way to reach a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, description = ""))]
pub enum Channel {
    /// A mail to the address of the account.
    Email,
    /// A message to the devices of the account.
    Push,
}

impl Channel {
    /// The word for it in requests and answers.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "email" => Some(Channel::Email),
            "push" => Some(Channel::Push),
            _ => None,
        }
    }
}

/// What goes first when more is due than one round can send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, description = ""))]
pub enum Priority {
    /// Before all others, as a code that somebody waits for.
    High,
    /// Unless somebody says otherwise.
    #[default]
    Normal,
    /// When nothing else is due.
    Low,
}

impl Priority {
    /// Reads the word for it.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "high" => Some(Priority::High),
            "normal" => Some(Priority::Normal),
            "low" => Some(Priority::Low),
            _ => None,
        }
    }

    fn is_normal(&self) -> bool {
        *self == Priority::Normal
    }
}

/// What somebody asked for. Members that are at their default are left out when it is written:
/// what is written is compared with what came before, and an older program wrote fewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the caller; the same id never sends a second message.
    pub request_id: String,
    /// How to reach the reader.
    pub channel: Channel,
    /// The reader.
    pub user_id: String,
    /// Names a template.
    pub template_code: String,
    /// Name and text of each variable.
    pub variables: Vec<(String, String)>,
    /// BCP 47 tag; none means the reader's own language.
    pub language: Option<String>,
    /// What goes first.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// Kept with the notification and shown to operators; means nothing here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What it is about, as the id of an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// A fault of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The member of the request, with the name of the entry where it has some:
    /// `variables/name`.
    pub place: String,
    /// For a person.
    pub detail: String,
}

impl Fault {
    /// A fault of this member.
    pub fn of(place: impl Into<String>, detail: impl Into<String>) -> Self {
        Fault { place: place.into(), detail: detail.into() }
    }
}

impl Request {
    /// The first thing that is wrong with the request, whoever the reader is.
    pub fn fault(&self) -> Option<Fault> {
        self.id_fault()
            .or_else(|| self.variables_fault())
            .or_else(|| self.metadata_fault())
            .or_else(|| self.language_fault())
    }

    /// The same content in one spelling: the order of variables means nothing.
    pub fn canonical(mut self) -> Self {
        self.variables.sort();
        self
    }

    fn id_fault(&self) -> Option<Fault> {
        let id = &self.request_id;
        let sound = (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_graphic());
        let detail =
            || format!("a request id has 1 to {REQUEST_ID_LENGTH_MAX} visible ASCII characters");
        (!sound).then(|| Fault::of("request_id", detail()))
    }

    fn variables_fault(&self) -> Option<Fault> {
        if self.variables.len() > VARIABLE_COUNT_MAX {
            return Some(Fault::of("variables", format!("at most {VARIABLE_COUNT_MAX} variables")));
        }
        for (index, (name, value)) in self.variables.iter().enumerate() {
            let place = format!("variables/{name}");
            if self.variables[..index].iter().any(|(earlier, _)| earlier == name) {
                return Some(Fault::of(place, format!("the variable {name} is given twice")));
            }
            if value.len() > VARIABLE_LENGTH_MAX {
                let detail = format!("{name} is longer than {VARIABLE_LENGTH_MAX} bytes");
                return Some(Fault::of(place, detail));
            }
        }
        None
    }

    fn metadata_fault(&self) -> Option<Fault> {
        let long = |text: &String| text.len() > METADATA_LENGTH_MAX;
        if self.metadata.len() > METADATA_COUNT_MAX {
            return Some(Fault::of("metadata", format!("at most {METADATA_COUNT_MAX} entries")));
        }
        let (name, _) = self.metadata.iter().find(|(name, text)| long(name) || long(text))?;
        let detail = format!("longer than {METADATA_LENGTH_MAX} bytes");
        Some(Fault::of(format!("metadata/{name}"), detail))
    }

    fn language_fault(&self) -> Option<Fault> {
        let tag = self.language.as_deref()?;
        let sound = (2..=LANGUAGE_LENGTH_MAX).contains(&tag.len())
            && tag.split('-').all(|part| {
                (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
            });
        (!sound).then(|| Fault::of("language", "must be a BCP 47 language tag, like en or pt-BR"))
    }
}
