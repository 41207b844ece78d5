//! Templates and their rendering. Pure: no I/O, no clock.
//!
//! A published version never changes: a message that was accepted with version 3 must have the same
//! text when it is sent an hour later, regardless of newer versions. So a change is a new version.
//!
//! The grammar is `{{name}}` and nothing else. Conditions and loops would make a template a program
//! that can fail in production; a caller that needs another text uses another template. A missing
//! variable is an error, never an empty string: "Your order  has shipped" must not be sent.

mod language;
mod markup;

pub use language::Language;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Longest template code, in bytes.
pub const CODE_LENGTH_MAX: usize = 64;
/// Longest subject of a template, in bytes.
pub const SUBJECT_LENGTH_MAX: usize = 200;
/// Longest plain text or HTML of a template, in bytes.
pub const BODY_LENGTH_MAX: usize = 16 * 1024;
/// Most languages of one version.
pub const LANGUAGE_COUNT_MAX: usize = 20;
/// Most versions of one template.
pub const VERSION_COUNT_MAX: usize = 1000;

/// Whether `code` is valid: lowercase words joined by dashes.
pub fn is_code(code: &str) -> bool {
    (1..=CODE_LENGTH_MAX).contains(&code.len())
        && code.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// The text of a version in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Text {
    /// One line.
    #[cfg_attr(test, schemars(length(min = 1, max = SUBJECT_LENGTH_MAX)))]
    pub subject: String,
    /// Plain text with `{{variables}}`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub text: String,
    /// HTML with `{{variables}}` between tags or in quoted attributes.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub html: String,
}

/// The texts of a version in all its languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// The language for users of none of the others. Always in `by_language`.
    pub default_language: Language,
    /// At least one.
    pub by_language: BTreeMap<Language, Text>,
}

/// A message ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The language of the text that was used.
    pub language: Language,
    /// One line, no markup.
    pub subject: String,
    /// Plain text with unchanged values.
    pub text: String,
    /// HTML with escaped values.
    pub html: String,
}

/// Why texts are not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The member: `default_language`, or a language and its member (`en`, `subject`).
    pub member: Vec<String>,
    /// What is wrong.
    pub detail: String,
}

impl Texts {
    /// All faults of these texts.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !self.by_language.contains_key(&self.default_language) {
            let detail = format!("there is no text in {}", self.default_language);
            faults.push(Fault { member: vec!["default_language".into()], detail });
        }
        for (language, text) in &self.by_language {
            for (member, detail) in text.faults() {
                let member = vec![language.to_string(), member.to_owned()];
                faults.push(Fault { member, detail });
            }
        }
        faults
    }

    /// The names of all variables, in any language.
    pub fn variables(&self) -> BTreeSet<String> {
        let names = self.by_language.values().flat_map(Text::variables);
        names.map(str::to_owned).collect()
    }

    /// The text in `wanted`, a prefix of it, or the default language.
    fn find(&self, wanted: &Language) -> Option<(&Language, &Text)> {
        let named =
            |tag: &str| self.by_language.iter().find(|(language, _)| language.as_str() == tag);
        wanted.fallbacks().find_map(named).or_else(|| named(self.default_language.as_str()))
    }

    /// The message in `wanted`, a prefix of it, or the default language.
    ///
    /// # Errors
    /// The names of the missing variables of that language's text.
    pub fn render(
        &self,
        wanted: &Language,
        variables: &BTreeMap<&str, &str>,
    ) -> Result<Rendered, Vec<String>> {
        let Some((language, text)) = self.find(wanted) else {
            return Ok(Rendered {
                language: self.default_language.clone(),
                subject: String::new(),
                text: String::new(),
                html: String::new(),
            });
        };
        let lacking = |name: &&str| !variables.contains_key(name);
        let missing: Vec<String> =
            text.variables().into_iter().filter(lacking).map(str::to_owned).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let value = |name: &str| variables.get(name).copied().unwrap_or_default();
        Ok(Rendered {
            language: language.clone(),
            subject: markup::fill(&text.subject, |name| markup::one_line(value(name))),
            text: markup::fill(&text.text, |name| value(name).to_owned()),
            html: markup::fill(&text.html, |name| chassis::html::escape(value(name))),
        })
    }
}

impl Text {
    fn variables(&self) -> BTreeSet<&str> {
        [&self.subject, &self.text, &self.html]
            .into_iter()
            .flat_map(|source| markup::variables(source))
            .collect()
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.subject.chars().any(char::is_control) {
            faults.push(("subject", "must be one line without control characters".into()));
        }
        for (member, source) in
            [("subject", &self.subject), ("text", &self.text), ("html", &self.html)]
        {
            faults.extend(markup::syntax_faults(source).into_iter().map(|detail| (member, detail)));
        }
        faults.extend(markup::html_faults(&self.html).into_iter().map(|detail| ("html", detail)));
        faults
    }
}

/// A template: its versions in order, without their texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Identifies the template.
    pub code: String,
    /// Oldest first; the number of a version is its position plus one.
    pub versions: Vec<Version>,
}

/// A published version. Its texts are stored separately: rendering needs only one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Identifies the stored texts.
    pub texts_id: String,
    /// When it was published, milliseconds since 1970.
    pub created_at_ms: u64,
    /// The user who published it; `None` for built-in texts.
    pub created_by: Option<String>,
}

impl Template {
    /// The number of the newest version, from 1.
    pub fn newest(&self) -> u32 {
        u32::try_from(self.versions.len()).unwrap_or(u32::MAX)
    }

    /// The version with this number, or the newest.
    pub fn version(&self, number: Option<u32>) -> Option<(u32, &Version)> {
        let number = number.unwrap_or_else(|| self.newest());
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.versions.get(index).map(|version| (number, version))
    }

    /// Adds a version and returns its number; `None` if there are too many.
    pub fn publish(&mut self, version: Version) -> Option<u32> {
        if self.versions.len() >= VERSION_COUNT_MAX {
            return None;
        }
        self.versions.push(version);
        Some(self.newest())
    }
}

#[cfg(test)]
mod tests;
