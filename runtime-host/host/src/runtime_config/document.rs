//! Strict reading of TOML: what is read is what is allowed.
//!
//! A [`Table`] remembers what it was asked for and reports all other keys at its end, so the
//! keys that are known are written once, where they are read. Faults are collected: one per
//! run would turn ten typos into ten runs.

use crate::suggestion::nearest;
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use toml_edit::{Document, Item, TableLike, Value};

/// Bytes of the text.
type Place = Range<usize>;

/// One fault of the file.
#[derive(Debug)]
pub(crate) struct Fault {
    place: Option<Place>,
    message: String,
    hint: String,
}

/// Collects faults while the file is read.
#[derive(Default)]
pub(super) struct Reader(RefCell<Vec<Fault>>);

/// Parse the text; a text that is not TOML is a fault.
pub(super) fn parse<'a>(text: &'a str, reader: &Reader) -> Option<Document<&'a str>> {
    let parsed = Document::parse(text);
    parsed
        .map_err(|error| {
            reader.fault(error.span(), error.message().to_owned(), "the file is TOML");
        })
        .ok()
}

impl Reader {
    fn fault(&self, place: Option<Place>, message: String, hint: &str) {
        self.0.borrow_mut().push(Fault { place, message, hint: hint.to_owned() });
    }

    pub(super) fn root<'a, S>(&'a self, document: &'a Document<S>) -> Table<'a> {
        Table::new(self, String::new(), Some(0..0), document.as_table())
    }

    pub(super) fn into_result(self, path: &Path, text: &str) -> Result<(), Faults> {
        let mut faults = self.0.into_inner();
        if faults.is_empty() {
            return Ok(());
        }
        faults.sort_by_key(|fault| fault.place.as_ref().map_or(0, |place| place.start));
        let source = NamedSource::new(path.display().to_string(), text.to_owned());
        Err(Faults { source, faults })
    }
}

/// A table that is being read.
pub(super) struct Table<'a> {
    reader: &'a Reader,
    /// `key_value_store.orders`; empty for the whole file.
    pub(super) path: String,
    place: Option<Place>,
    table: &'a dyn TableLike,
    read: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    fn new(
        reader: &'a Reader,
        path: String,
        place: Option<Place>,
        table: &'a dyn TableLike,
    ) -> Self {
        Self { reader, path, place, table, read: RefCell::default() }
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn item(&self, key: &'static str) -> Option<&'a Item> {
        self.read.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Whether a key is there, whatever it holds.
    pub(super) fn skip(&self, key: &'static str) -> bool {
        self.item(key).is_some()
    }

    /// Reports the value of a key.
    pub(super) fn fault(&self, key: &str, message: &str, hint: &str) {
        let place = self.table.get(key).and_then(Item::span).or(self.place.clone());
        self.reader.fault(place, format!("`{}` {message}", self.join(key)), hint);
    }

    fn wrong_type(&self, key: &str, expected: &str, found: &Item) {
        let article = if found.type_name().starts_with(['a', 'i']) { "an" } else { "a" };
        let message = format!("must be {expected}, not {article} {}", found.type_name());
        self.fault(key, &message, &format!("write {expected} here"));
    }

    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        let item = self.item(key)?;
        if item.as_str().is_none() {
            self.wrong_type(key, "a string", item);
        }
        item.as_str().map(ToOwned::to_owned)
    }

    /// A value that has to be there.
    pub(super) fn required_text(&self, key: &'static str) -> Option<String> {
        if self.table.get(key).is_none() {
            self.missing(key, &format!("add `{key} = \"…\"`"));
        }
        self.text(key)
    }

    pub(super) fn missing(&self, key: &'static str, hint: &str) {
        let message = format!("`{}` has no `{key}`", self.path);
        self.reader.fault(self.place.clone(), message, hint);
    }

    /// The tables in a table, by key.
    pub(super) fn tables(&self, key: &'static str) -> Vec<(String, Table<'a>)> {
        let Some(item) = self.item(key) else { return Vec::new() };
        let Some(tables) = item.as_table_like() else {
            self.wrong_type(key, "a table", item);
            return Vec::new();
        };
        let outer = Table::new(self.reader, self.join(key), item.span(), tables);
        let inner = tables.iter().filter_map(|(name, item)| match item.as_table_like() {
            Some(table) => {
                let place = item.span().or_else(|| key_place(tables, name));
                let path = outer.join(name);
                Some((name.to_owned(), Table::new(self.reader, path, place, table)))
            }
            None => {
                outer.wrong_type(name, "a table", item);
                None
            }
        });
        inner.collect()
    }

    /// The tables in a list of tables.
    pub(super) fn list(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some(item) = self.item(key) else { return Vec::new() };
        let path = |index| format!("{}[{index}]", self.join(key));
        if let Some(tables) = item.as_array_of_tables() {
            let table = |(index, table): (usize, &'a toml_edit::Table)| {
                Table::new(self.reader, path(index), table.span(), table)
            };
            return tables.iter().enumerate().map(table).collect();
        }
        let inline = item.as_array().map(|array| array.iter().map(Value::as_inline_table));
        match inline.and_then(|tables| tables.collect::<Option<Vec<_>>>()) {
            Some(tables) => {
                let table = |(index, table): (usize, &'a toml_edit::InlineTable)| {
                    Table::new(self.reader, path(index), table.span(), table)
                };
                tables.into_iter().enumerate().map(table).collect()
            }
            None => {
                self.wrong_type(key, "a list of tables", item);
                Vec::new()
            }
        }
    }

    /// All entries of a table of texts.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<(String, String)>> {
        let item = self.item(key)?;
        let Some(entries) = item.as_table_like() else {
            self.wrong_type(key, "a table of strings", item);
            return None;
        };
        let outer = Table::new(self.reader, self.join(key), item.span(), entries);
        let text = |(name, item): (&str, &'a Item)| match item.as_str() {
            Some(text) => Some((name.to_owned(), text.to_owned())),
            None => {
                outer.wrong_type(name, "a string", item);
                None
            }
        };
        Some(entries.iter().filter_map(text).collect())
    }

    /// Every key that nobody asked for is a fault.
    pub(super) fn finish(&self) {
        let read = self.read.borrow();
        for (key, _) in self.table.iter().filter(|(key, _)| !read.contains(key)) {
            let hint = match nearest(key, read.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known here: `{}`", read.join("`, `")),
            };
            let place = key_place(self.table, key);
            self.reader.fault(place, format!("nobody reads `{}`", self.join(key)), &hint);
        }
    }
}

/// The known word that is closest to what was written, as advice.
pub(super) fn choice(written: &str, known: &[&str]) -> String {
    match nearest(written, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("it can be `{}`", known.join("`, `")),
    }
}

fn key_place(table: &dyn TableLike, key: &str) -> Option<Place> {
    let (key, item) = table.get_key_value(key)?;
    key.span().or_else(|| item.span())
}

/// Everything that is wrong with the file. `{:#}` has two lines for each fault; as a
/// [`miette::Diagnostic`] it marks the places in the text.
#[derive(Debug)]
pub(crate) struct Faults {
    source: NamedSource<String>,
    faults: Vec<Fault>,
}

impl Faults {
    /// A file that cannot be read at all.
    pub(super) fn without_place(path: &Path, message: String) -> Self {
        let source = NamedSource::new(path.display().to_string(), String::new());
        let hint = "name another one with `--runtime-config-file`, or leave the option out";
        Self { source, faults: vec![Fault { place: None, message, hint: hint.to_owned() }] }
    }

    fn at(&self, fault: &Fault) -> String {
        let name = self.source.name();
        let Some(place) = &fault.place else { return name.to_owned() };
        let before = self.source.inner().get(..place.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{name}:{line}:{column}")
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return self.faults.iter().try_for_each(|fault| {
                writeln!(f, "{}: {}\n  hint: {}", self.at(fault), fault.message, fault.hint)
            });
        }
        match self.faults.as_slice() {
            [only] => write!(f, "{}: {}", self.at(only), only.message),
            all => write!(f, "{} has {} faults", self.source.name(), all.len()),
        }
    }
}

impl std::error::Error for Faults {}

impl Faults {
    /// A fault that is alone is shown as the error itself, not as a list of one.
    fn only(&self) -> Option<&Fault> {
        match self.faults.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

impl Diagnostic for Faults {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only()?.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only()?.help()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only()?.labels()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let all = self.faults.iter().map(|fault| fault as &dyn Diagnostic);
        self.only().is_none().then(|| Box::new(all) as Box<_>)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Diagnostic for Fault {
    /// The heading of its part of a report.
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new("tessera::runtime_config"))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.hint))
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place.clone()?;
        let label = LabeledSpan::new_with_span(Some("here".to_owned()), place);
        Some(Box::new(std::iter::once(label)))
    }
}
