//! The spans of a document by path, for checks that run after it was read.

use std::collections::BTreeMap;

use crate::problem::Span;
use crate::tree::{Kind, Node, join};

/// The spans of keys and values by path (`component.cart.files[0].source`).
///
/// Checks across tables work on finished types, which hold no spans.
#[derive(Clone, Debug, Default)]
pub struct SpanIndex(BTreeMap<String, (Span, Span)>);

impl SpanIndex {
    pub(crate) fn new(root: &Node) -> Self {
        let mut index = Self::default();
        index.visit("", root);
        index
    }

    fn visit(&mut self, path: &str, node: &Node) {
        match &node.kind {
            Kind::Table(entries) => {
                for (key, child) in entries {
                    self.add(join(path, &key.name), key.span.clone(), child);
                }
            }
            Kind::Array(items) => {
                for (index, child) in items.iter().enumerate() {
                    self.add(format!("{path}[{index}]"), child.span.clone(), child);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, path: String, key: Span, node: &Node) {
        self.visit(&path, node);
        self.0.insert(path, (key, node.span.clone()));
    }

    /// The key at a path; the start of the text if there is none.
    pub fn key(&self, path: &str) -> Span {
        self.0.get(path).map(|(key, _)| key.clone()).unwrap_or_default()
    }

    /// The value at a path; the start of the text if there is none.
    pub fn value(&self, path: &str) -> Span {
        self.0.get(path).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Whether the document has a value at this path.
    pub fn contains(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }
}
