//! One part of a route, between two slashes.

use crate::pattern_error::PatternError;

/// One part of a route, between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// This text exactly.
    Literal(String),
    /// Any text; the name of the parameter.
    Parameter(String),
    /// Texts and parameters, with a dot on each side of a parameter.
    Mixed(Vec<Piece>),
}

/// The beginning of a part, before a wildcard: it ends with a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stem(Vec<Piece>);

/// A piece of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// This text exactly.
    Text(String),
    /// Text without a dot, unless it is the last piece; the name of the parameter.
    Parameter(String),
}

impl Segment {
    /// Parses the text between two slashes.
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        Ok(match <[Piece; 1]>::try_from(pieces(text)?) {
            Ok([Piece::Text(text)]) => Self::Literal(text),
            Ok([Piece::Parameter(name)]) => Self::Parameter(name),
            Err(pieces) => Self::Mixed(pieces),
        })
    }

    /// Whether it matches a part of the path of a request, which is followed by other parts or is the
    /// `last` one. Each parameter is passed to `parameter` with its value, which is only empty
    /// before another part.
    pub fn matches<'s, 'p>(
        &'s self,
        part: &'p str,
        last: bool,
        mut parameter: impl FnMut(&'s str, &'p str),
    ) -> bool {
        match self {
            Self::Literal(literal) => is_literal(literal, part),
            Self::Parameter(name) => {
                parameter(name, part);
                !(last && part.is_empty())
            }
            Self::Mixed(pieces) => {
                without_pieces(pieces, part, last, parameter).is_some_and(str::is_empty)
            }
        }
    }

    /// Why no request has this segment, or not in the way that is meant.
    pub(super) fn doubt(&self) -> Option<PatternError> {
        let Self::Literal(text) = self else { return None };
        let odd = |c: &char| {
            c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '{' | '}' | '\\')
        };
        match text.as_str() {
            "..." => Some(PatternError::new(
                "`...` is not at its end, and is taken as text",
                "`/...` matches the rest of the path; use `:name` for one segment",
            )),
            "." | ".." => Some(PatternError::new(
                format!("`{text}` never occurs in the path of a request"),
                "clients resolve it before they send a request: write the resolved path",
            )),
            _ if text.contains('*') => Some(PatternError::new(
                "`*` is part of a segment, and is taken as text",
                "use `:name` for a whole segment, or `/...` for the rest of the path",
            )),
            _ => text.chars().find(odd).map(|c| match c {
                '?' | '#' => PatternError::new(
                    format!("{c:?} never occurs in the path of a request"),
                    "a route is only matched with the path: remove the query",
                ),
                _ => PatternError::new(
                    format!("clients do not send {c:?} as it is"),
                    "write it percent-encoded, as in a request",
                ),
            }),
        }
    }

    /// The segment with these names of its parameters.
    pub(super) fn written(&self, parameter: impl Fn(&str) -> String) -> String {
        match self {
            Self::Literal(text) => text.clone(),
            Self::Parameter(name) => parameter(name),
            Self::Mixed(pieces) => written(pieces, parameter),
        }
    }
}

impl Stem {
    /// Parses the text before a wildcard.
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        Ok(Self(pieces(text)?))
    }

    /// What follows it in a part of the path of a request, if the part begins with it.
    pub fn rest_of<'s, 'p>(
        &'s self,
        part: &'p str,
        parameter: impl FnMut(&'s str, &'p str),
    ) -> Option<&'p str> {
        without_pieces(&self.0, part, false, parameter)
    }

    pub(super) fn written(&self, parameter: impl Fn(&str) -> String) -> String {
        written(&self.0, parameter)
    }
}

/// Texts and parameters, with a dot on each side of a parameter.
fn pieces(text: &str) -> Result<Vec<Piece>, PatternError> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (index, section) in text.split('.').enumerate() {
        let dot = if index == 0 { "" } else { "." };
        let literal = match section.strip_prefix(':') {
            Some("") => return Err(without_name()),
            Some(_) => dot.to_owned(),
            None if section.starts_with('*') => return Err(wildcard()),
            None => format!("{dot}{section}"),
        };
        match pieces.last_mut() {
            Some(Piece::Text(last)) => last.push_str(&literal),
            _ if literal.is_empty() => {}
            _ => pieces.push(Piece::Text(literal)),
        }
        let parameter = section.strip_prefix(':');
        pieces.extend(parameter.map(|name| Piece::Parameter(name.to_owned())));
    }
    Ok(pieces)
}

fn written(pieces: &[Piece], parameter: impl Fn(&str) -> String) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Parameter(name) => parameter(name),
    };
    pieces.iter().map(piece).collect()
}

/// What follows the pieces in a part, if it begins with them.
fn without_pieces<'s, 'p>(
    pieces: &'s [Piece],
    part: &'p str,
    last: bool,
    mut parameter: impl FnMut(&'s str, &'p str),
) -> Option<&'p str> {
    let mut left = part;
    for (index, piece) in pieces.iter().enumerate() {
        let rest = match piece {
            Piece::Text(text) => left.strip_prefix(text.as_str()),
            Piece::Parameter(name) => {
                let end = if index + 1 == pieces.len() { Some(left.len()) } else { left.find('.') };
                let end = end.filter(|end| !(last && *end == 0 && left.is_empty()));
                end.map(|end| {
                    parameter(name, &left[..end]);
                    &left[end..]
                })
            }
        };
        left = rest?;
    }
    Some(left)
}

/// Whether a literal stands for a part of a path. Clients send characters outside of ASCII
/// percent-encoded, or as they are.
fn is_literal(literal: &str, part: &str) -> bool {
    literal == part || (!literal.is_ascii() && is_encoded(literal.as_bytes(), part.as_bytes()))
}

fn is_encoded(literal: &[u8], part: &[u8]) -> bool {
    match (literal, part) {
        ([], []) => true,
        ([byte, literal @ ..], [b'%', high, low, part @ ..]) if !byte.is_ascii() => {
            let digit = |digit: &u8| char::from(*digit).to_digit(16);
            let encoded = digit(high).zip(digit(low)).map(|(high, low)| high * 16 + low);
            encoded == Some(u32::from(*byte)) && is_encoded(literal, part)
        }
        ([byte, literal @ ..], [same, part @ ..]) => byte == same && is_encoded(literal, part),
        _ => false,
    }
}

fn without_name() -> PatternError {
    PatternError::new(
        "a parameter has no name",
        "a parameter is a colon and a name, for example `:id`",
    )
}

fn wildcard() -> PatternError {
    PatternError::new(
        "`*` is not at its end, after a slash or a dot",
        "use `:name` for one segment, or `/...` at the end for the rest of the path",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_outside_of_ascii_may_be_percent_encoded_in_requests() {
        for part in ["endeløst", "endel%C3%B8st", "endel%c3%b8st"] {
            assert!(is_literal("endeløst", part), "{part}");
        }
        for part in ["endelost", "endel%C3%B8", "endel%C3%B8st2", "endel%C3st", "%65ndel%C3%B8st"] {
            assert!(!is_literal("endeløst", part), "{part}");
        }
        assert!(is_literal("endel%C3%B8st", "endel%C3%B8st"));
        assert!(!is_literal("a", "%61"), "ASCII is compared as it is");
    }

    /// The parameters of a part, if a segment matches it.
    fn matched<'p>(segment: &str, part: &'p str) -> Option<Vec<&'p str>> {
        let mut values = Vec::new();
        let segment = Segment::parse(segment).unwrap();
        segment.matches(part, true, |_, value| values.push(value)).then_some(values)
    }

    #[test]
    fn dots_separate_parameters() {
        assert_eq!(matched(":name.json", "a.json"), Some(vec!["a"]));
        assert_eq!(matched(":name.json", ".json"), Some(vec![""]));
        assert_eq!(matched(":name.json", "a.b.json"), None);
        assert_eq!(matched(":name.tar.gz", "a.tar.gz"), Some(vec!["a"]));
        assert_eq!(matched(":name.:kind", "a.b.c"), Some(vec!["a", "b.c"]));
        assert_eq!(matched("v1.:rest", "v1.x"), Some(vec!["x"]));
        assert_eq!(matched("v1.:rest", "v1."), None);
        assert_eq!(matched("v1.:rest", "v2.x"), None);
    }

    #[test]
    fn a_wildcard_takes_what_follows_its_dot() {
        let rest = |stem: &str, part: &'static str| {
            let mut values = Vec::new();
            let stem = Stem::parse(stem).unwrap();
            let rest = stem.rest_of(part, |_, value| values.push(value))?;
            Some((rest, values))
        };
        assert_eq!(rest("v1.", "v1.2.3"), Some(("2.3", vec![])));
        assert_eq!(rest("v1.", "v1."), Some(("", vec![])));
        assert_eq!(rest("v1.", "v1"), None);
        assert_eq!(rest(":x.", "a.b.c"), Some(("b.c", vec!["a"])));
        assert_eq!(rest(".", ".git"), Some(("git", vec![])));
    }
}
