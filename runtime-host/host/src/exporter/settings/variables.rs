//! Reads variables. What is wrong with one is a warning, and its default is used, as the standard
//! says.

use percent_encoding::percent_decode_str;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// The variables of a process.
pub(super) struct Variables<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    warnings: Vec<String>,
    /// Those that also matter if nothing is sent.
    lasting_warnings: Vec<String>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { get, warnings: Vec::new(), lasting_warnings: Vec::new() }
    }

    /// Without a value, it is not set.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = (self.get)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    pub(super) fn number(&mut self, name: &str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(text) = self.text(name) else { return default };
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let (least, most) = range.into_inner();
                self.warn(format!(
                    "{name}: `{text}` is not a number from {least} to {most}, and {default} is used"
                ));
                default
            }
        }
    }

    /// Warns if a variable has another value than these.
    pub(super) fn only_supports(&mut self, name: &str, values: &[&str]) {
        if let Some(value) = self.text(name)
            && !values.contains(&&*value.to_lowercase())
        {
            let values = values.join("`, `");
            self.warn(format!("{name}: `{value}` is not supported, only `{values}`"));
        }
    }

    pub(super) fn warn(&mut self, warning: impl Display) {
        let warning = warning.to_string();
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Warns even if nothing is sent.
    pub(super) fn warn_always(&mut self, warning: impl Display) {
        self.lasting_warnings.push(warning.to_string());
    }

    pub(super) fn into_warnings(self, is_sent: bool) -> Vec<String> {
        let mut warnings = self.lasting_warnings;
        // Without an exporter, the other variables have no effect.
        if is_sent {
            warnings.extend(self.warnings);
        }
        warnings
    }
}

/// `name=value,name=value`, with percent-encoded values.
///
/// Errors: the first part that is not of this form.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').ok_or_else(|| part.to_owned())?;
        let decoded = |text: &str| {
            let text = percent_decode_str(text.trim()).decode_utf8();
            text.map(String::from).map_err(|_| part.to_owned())
        };
        Ok((decoded(name)?, decoded(value)?))
    };
    parts.map(pair).collect()
}
