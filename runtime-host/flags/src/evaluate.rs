//! Evaluation: which variant a context gets, and why.

use crate::bucket;
use crate::context::Context;
use crate::flag::{Flag, Kind, Variant};
use crate::flags::Flags;
use crate::rule::Choice;

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation<'a> {
    /// The flag, if there is one.
    pub flag: Option<&'a Flag>,
    /// The variant that was chosen. Without one, the value is the caller's default.
    pub variant: Option<&'a Variant>,
    /// Why.
    pub reason: Reason,
    /// Only with [`Reason::Error`].
    pub error: Option<Error>,
}

/// Why a variant was chosen, as in OpenFeature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The flag has no rules.
    Static,
    /// No rule applies.
    Default,
    /// A rule chose the variant.
    TargetingMatch,
    /// A percentage split chose the variant.
    Split,
    /// The flag is switched off.
    Disabled,
    /// There is an error.
    Error,
}

/// The kind of an error, as in OpenFeature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// There is no such flag.
    FlagNotFound,
    /// The flag has values of another type.
    TypeMismatch,
    /// A percentage split needs a targeting key.
    TargetingKeyMissing,
    /// The context is not valid.
    InvalidContext,
    /// The definitions can't be read.
    ParseError,
    /// Any other error.
    General,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Its kind.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

impl Flags {
    /// Evaluates a flag. `wanted` is the type that the caller can use, if it can't use all.
    pub fn evaluate(&self, key: &str, wanted: Option<Kind>, context: &Context) -> Evaluation<'_> {
        let Some(flag) = self.all.get(key) else {
            let message = format!("there is no flag `{}`", shown(key));
            return Evaluation::error(ErrorCode::FlagNotFound, message);
        };
        let mut evaluation = match wanted {
            Some(wanted) if wanted != flag.kind => {
                let message = format!("`{key}` has the type {}, not {wanted}", flag.kind);
                Evaluation::error(ErrorCode::TypeMismatch, message)
            }
            _ => flag.evaluate(context),
        };
        evaluation.flag = Some(flag);
        evaluation
    }
}

impl Flag {
    fn evaluate(&self, context: &Context) -> Evaluation<'_> {
        if !self.enabled {
            return Evaluation::of(None, Reason::Disabled);
        }
        let Some(rule) = self.rules.iter().find(|rule| rule.applies(context)) else {
            let reason = if self.rules.is_empty() { Reason::Static } else { Reason::Default };
            return Evaluation::of(self.variants.get(self.default), reason);
        };
        match &rule.choice {
            Choice::Variant(chosen) => {
                Evaluation::of(self.variants.get(*chosen), Reason::TargetingMatch)
            }
            Choice::Split { variants, weights } => {
                let Some(targeting_key) = context.targeting_key() else {
                    let message = format!("a split of `{}` needs a targeting key", self.key);
                    return Evaluation::error(ErrorCode::TargetingKeyMissing, message);
                };
                let chosen = bucket::choose(&self.key, targeting_key, weights);
                let chosen = chosen.and_then(|chosen| self.variants.get(*variants.get(chosen)?));
                Evaluation::of(chosen, Reason::Split)
            }
        }
    }
}

impl<'a> Evaluation<'a> {
    /// Without a value, because of an error.
    pub fn error(code: ErrorCode, message: impl Into<String>) -> Self {
        let error = Some(Error { code, message: message.into() });
        Self { flag: None, variant: None, reason: Reason::Error, error }
    }

    fn of(variant: Option<&'a Variant>, reason: Reason) -> Self {
        Self { flag: None, variant, reason, error: None }
    }
}

impl Reason {
    /// Its name in OpenFeature.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Default => "DEFAULT",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Disabled => "DISABLED",
            Self::Error => "ERROR",
        }
    }
}

impl ErrorCode {
    /// Its name in OpenFeature.
    pub fn name(self) -> &'static str {
        match self {
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::InvalidContext => "INVALID_CONTEXT",
            Self::ParseError => "PARSE_ERROR",
            Self::General => "GENERAL",
        }
    }
}

/// A key that a caller chose: printable and short.
fn shown(key: &str) -> String {
    key.chars().take(crate::limits::NAME_MAX_BYTES).flat_map(char::escape_debug).collect()
}
