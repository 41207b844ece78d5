//! The pages: their files, links and headings.

use harness::repository;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// The folder of the book.
const BOOK: &str = "docs";
/// The table of contents of the book.
pub(crate) const SUMMARY: &str = "docs/SUMMARY.md";
/// Pages outside of the book whose links are checked, too.
const OTHERS: [&str; 6] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "benches/README.md",
];

/// One page.
pub(crate) struct Page {
    /// Relative to the repository.
    pub(crate) path: PathBuf,
    /// The targets of its links and pictures, as written.
    pub(crate) links: Vec<String>,
    /// Its short pieces of code.
    pub(crate) code: Vec<String>,
    /// The anchors of its headings.
    anchors: BTreeSet<String>,
}

/// All pages, by their paths.
pub(crate) fn all() -> Vec<Page> {
    let book = of_book().into_iter();
    book.chain(OTHERS.map(PathBuf::from)).map(|path| Page::read(&path)).collect()
}

/// The pages in the folder of the book.
pub(crate) fn of_book() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&repository().join(BOOK), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the book") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path.strip_prefix(repository()).expect("a path below").to_owned());
        }
    }
}

/// The text of a page.
pub(crate) fn text(path: impl AsRef<Path>) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Parses Markdown as mdBook and GitHub do.
pub(crate) fn parse(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH)
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = text(path);
        let mut page =
            Self { path: path.to_owned(), links: vec![], code: vec![], anchors: BTreeSet::new() };
        let mut heading: Option<String> = None;
        let mut counts = HashMap::new();
        for event in parse(&text) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap_or_default());
                    page.anchors.insert(unique(anchor, &mut counts));
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Text(part) | Event::Code(part) if heading.is_some() => {
                    heading.get_or_insert_default().push_str(&part);
                }
                Event::Code(code) => page.code.push(code.into_string()),
                _ => {}
            }
        }
        page
    }

    pub(crate) fn has_anchor(&self, anchor: &str) -> bool {
        self.anchors.contains(anchor)
    }
}

/// The anchor of a heading: lower case, hyphens for spaces, and no punctuation.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    let text: String = heading.trim().chars().filter(kept).collect();
    text.to_lowercase().replace(' ', "-")
}

/// Headings with the same text are numbered.
fn unique(anchor: String, counts: &mut HashMap<String, usize>) -> String {
    let count = counts.entry(anchor.clone()).or_default();
    *count += 1;
    if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
}
