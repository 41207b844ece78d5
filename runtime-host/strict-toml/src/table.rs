//! A table with a fixed set of keys: those that are read.

use crate::code::Code;
use crate::field::Field;
use crate::problem::Problem;
use crate::suggest::suggestion;
use crate::tree::{Key, Node, join};

/// A table that is being read. It remembers which keys were read; [`Table::finish`] reports the
/// others.
pub struct Table<'a, C> {
    /// The table as a value.
    pub field: Field<'a, C>,
    entries: &'a [(Key, Node)],
    known: Vec<&'static str>,
}

impl<'a, C: Code> Table<'a, C> {
    pub(crate) fn new(field: Field<'a, C>, entries: &'a [(Key, Node)]) -> Self {
        Self { field, entries, known: Vec::new() }
    }

    fn field_at(&self, key: &Key, node: &'a Node) -> Field<'a, C> {
        Field {
            path: join(&self.field.path, &key.name),
            key: key.span.clone(),
            node,
            problems: self.field.problems,
        }
    }

    pub(crate) fn entries(&self) -> Vec<(&'a Key, Field<'a, C>)> {
        self.entries.iter().map(|(key, node)| (key, self.field_at(key, node))).collect()
    }

    /// Whether the table has this key. Does not make it a known key.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.name == name)
    }

    /// The value of a key, if the table has it.
    pub fn optional(&mut self, name: &'static str) -> Option<Field<'a, C>> {
        self.known.push(name);
        let (key, node) = self.entries.iter().find(|(key, _)| key.name == name)?;
        Some(self.field_at(key, node))
    }

    /// The value of a key. Reports a missing key; `hint` is the line to add.
    pub fn required(&mut self, name: &'static str, hint: &str) -> Option<Field<'a, C>> {
        let field = self.optional(name);
        if field.is_none() {
            let message = format!("missing key `{}`", join(&self.field.path, name));
            let label = format!("`{name}` is missing");
            self.field.problems.report(C::MISSING_KEY, message, self.field.span(), label, hint);
        }
        field
    }

    /// The value of a key of an older format, which is not suggested for unknown keys.
    pub fn deprecated(&mut self, name: &'static str) -> Option<Field<'a, C>> {
        if self.has(name) { self.optional(name) } else { None }
    }

    /// Reports a key of the format that is not supported; `why` follows its path.
    pub fn unsupported(&mut self, name: &'static str, why: &str, hint: &str) {
        let Some(field) = self.deprecated(name) else { return };
        let message = format!("`{}` {why}", field.path);
        field.problems.report(C::UNSUPPORTED, message, field.key, "not supported", hint);
    }

    /// The value of an optional key as a string.
    pub fn string(&mut self, name: &'static str) -> Option<String> {
        self.optional(name)?.string()
    }

    /// The value of an optional key as a string that is not blank.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.optional(name)?.text()
    }

    /// The value of a required key as a string that is not blank; `hint` is the line to add.
    pub fn required_text(&mut self, name: &'static str, hint: &str) -> Option<String> {
        self.required(name, hint)?.text()
    }

    /// The value of an optional key as a boolean.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.optional(name)?.boolean()
    }

    /// Reports all keys that were not read.
    pub fn finish(self) {
        self.unread().into_iter().for_each(|problem| self.field.problems.push(problem));
    }

    /// Warns of all keys that were not read: the format allows them, and they have no effect.
    pub fn finish_with_warnings(self) {
        let warnings = self.unread().into_iter().map(Problem::warning);
        warnings.for_each(|warning| self.field.problems.push(warning));
    }

    fn unread(&self) -> Vec<Problem<C>> {
        let unread = self.entries.iter().filter(|(key, _)| !self.known.contains(&&*key.name));
        let problem = |(key, _): &(Key, Node)| {
            let path = join(&self.field.path, &key.name);
            Problem::new(C::UNKNOWN_KEY, format!("unknown key `{path}`"))
                .label(key.span.clone(), "unknown key")
                .hint(suggestion(&key.name, self.known.iter().copied()))
        };
        unread.map(problem).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use crate::testing::Code;
    use crate::{Document, Problems};

    #[test]
    fn all_problems_are_reported_with_their_locations() {
        let text = "naem = \"a\"\nsize = \"1\"\nkind = \"samll\"\nempty = \" \"\nold = 1\n";
        let problems: Problems<Code> = Problems::default();
        let document = Document::parse(text, &problems).unwrap();
        let mut table = document.root(&problems).table().unwrap();
        table.required("name", "add `name = \"…\"`");
        table.optional("size").and_then(|field| field.integer());
        table.optional("kind").and_then(|field| field.one_of(&[("small", 1), ("large", 2)]));
        table.text("empty");
        table.unsupported("old", "is not supported yet", "remove it");
        table.finish();
        let errors = problems.into_result(Path::new("a.toml"), text).unwrap_err();
        let expected = "\
            a.toml:1:1: missing key `name` [test::missing_key]\n  hint: add `name = \"…\"`\n\
            a.toml:1:1: unknown key `naem` [test::unknown_key]\n  hint: did you mean `name`?\n\
            a.toml:2:8: `size` must be an integer, not a string [test::wrong_type]\n  \
            hint: write an integer here\n\
            a.toml:3:8: `kind` has the unknown value `samll` [test::bad_value]\n  \
            hint: did you mean `small`?\n\
            a.toml:4:9: `empty` must not be empty [test::empty_value]\n  \
            hint: write a value, or remove the key\n\
            a.toml:5:1: `old` is not supported yet [test::unsupported]\n  hint: remove it\n";
        assert_eq!(format!("{errors:#}"), expected);
    }

    #[test]
    fn all_notations_of_a_table_read_alike() {
        let texts = ["[a.b]\nc = [{ d = 1 }]\n", "a.b.c = [{ d = 1 }]\n", "[[a.b.c]]\nd = 1\n"];
        for text in texts {
            let problems: Problems<Code> = Problems::default();
            let document = Document::parse(text, &problems).unwrap();
            let spans = document.spans();
            assert_eq!(&text[spans.value("a.b.c[0].d")], "1", "{text}");
            assert!(!spans.contains("a.b.c[1]"), "{text}");
        }
    }
}
