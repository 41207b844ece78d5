//! Strict reading of TOML documents: a key that is not read is an error, every problem has a span,
//! and all problems are reported at once.
//!
//! Serde would stop at the first error and lose the spans across tables, and a list of known keys
//! beside the code that reads them would drift from it. Here, reading a key makes it a known one:
//! [`Table::finish`] reports the others, with a guess at what was meant.
//!
//! A document is read in three steps: [`Document::parse`] builds a tree with spans,
//! [`Document::root`] gives typed access to it, and [`Problems::into_result`] ends with success or
//! with all problems as one [`Errors`].

mod code;
mod document;
mod errors;
mod field;
mod problem;
mod spans;
mod suggest;
mod table;
mod tree;

pub use code::Code;
pub use document::Document;
pub use errors::Errors;
pub use field::Field;
pub use problem::{Label, Problem, Problems, Span};
pub use spans::SpanIndex;
pub use suggest::{listed, nearest, suggestion};
pub use table::Table;
pub use tree::{Key, join};

/// Codes for the tests of this crate.
#[cfg(test)]
mod testing {
    crate::codes!(pub(crate) enum Code in "test" {});
}
