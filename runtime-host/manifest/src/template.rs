//! Templates: strings with variables, for example `https://{{ host }}/api`.
//!
//! Spin's grammar: a name between `{{` and `}}`, with optional white space around it. A `}}` without
//! `{{` is literal, and a literal `{{` can't be written. There are no filters or defaults.

use std::fmt;

use crate::names;

/// A parsed template.
///
/// ```
/// # use tessera_manifest::template::Template;
/// let template = Template::parse("https://{{ host }}/").unwrap();
/// let text = template.render(|name| Ok::<_, String>(format!("{name}.example"))).unwrap();
/// assert_eq!(text, "https://host.example/");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    /// `{{` without `}}`.
    Unclosed,
    /// The text between the braces is not the name of a variable.
    BadName(String),
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// Unclosed braces, or braces without a lower snake_case name between them.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, opened)) = rest.split_once("{{") {
            let (inside, after) = opened.split_once("}}").ok_or(TemplateError::Unclosed)?;
            let name = inside.trim();
            if names::lower_snake(name).is_err() {
                return Err(TemplateError::BadName(name.to_owned()));
            }
            parts.extend((!literal.is_empty()).then(|| Part::Literal(literal.to_owned())));
            parts.push(Part::Variable(name.to_owned()));
            rest = after;
        }
        parts.extend((!rest.is_empty()).then(|| Part::Literal(rest.to_owned())));
        Ok(Self { parts })
    }

    /// Whether it has no variables.
    pub fn is_literal(&self) -> bool {
        self.variables().next().is_none()
    }

    /// The names of its variables in order, including duplicates.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// The text with each variable replaced by its value from `lookup`. Values are not templates
    /// themselves.
    ///
    /// # Errors
    /// The first error of `lookup`.
    pub fn render<V: AsRef<str>, E>(
        &self,
        mut lookup: impl FnMut(&str) -> Result<V, E>,
    ) -> Result<String, E> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Variable(name) => text.push_str(lookup(name)?.as_ref()),
            }
        }
        Ok(text)
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed => f.write_str("`{{` is not closed by `}}`"),
            Self::BadName(name) if name.is_empty() => f.write_str("`{{ }}` has no variable name"),
            Self::BadName(name) => write!(f, "`{name}` is not a valid variable name"),
        }
    }
}

impl std::error::Error for TemplateError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn render(text: &str) -> String {
        let values = BTreeMap::from([("a", "1"), ("b_c", "{{ a }}")]);
        let template = Template::parse(text).unwrap();
        template.render(|name| values.get(name).copied().ok_or(name.to_owned())).unwrap()
    }

    #[test]
    fn variables_are_replaced_once() {
        assert_eq!(render(""), "");
        assert_eq!(render("plain }} text"), "plain }} text");
        assert_eq!(render("x{{a}}y{{  a }}"), "x1y1");
        assert_eq!(render("{{ b_c }}"), "{{ a }}");
    }

    #[test]
    fn variables_are_listed_in_order() {
        let template = Template::parse("{{ b }}-{{ a }}-{{ b }}").unwrap();
        assert_eq!(template.variables().collect::<Vec<_>>(), ["b", "a", "b"]);
        assert!(!template.is_literal());
        assert!(Template::parse("{ a }").unwrap().is_literal());
    }

    #[test]
    fn the_error_of_the_lookup_is_returned() {
        let template = Template::parse("{{ a }}{{ b }}").unwrap();
        let result = template.render(|name| if name == "a" { Ok("1") } else { Err(name.len()) });
        assert_eq!(result, Err(1));
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let error = |text| Template::parse(text).unwrap_err().to_string();
        assert_eq!(error("é{{ a"), "`{{` is not closed by `}}`");
        assert_eq!(error("x{{ A b }}y"), "`A b` is not a valid variable name");
        assert_eq!(error("{{}}"), "`{{ }}` has no variable name");
    }
}
