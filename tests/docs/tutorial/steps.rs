//! The steps of a page.
//!
//! The paragraph before a code block says what to do with it: `` `path`: `` writes a file, ``Add to
//! `path`:`` appends to one, and ``In `path`, replace`` with ``with`` replaces a part of one. Blocks of
//! the language `sh` are commands; a block of another language after them is what they print.

use crate::pages::parse;
use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

/// What a reader does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Writes a file.
    Write { path: String, text: String },
    /// Adds lines to the end of a file.
    Append { path: String, text: String },
    /// Replaces a part of a file, which occurs once.
    Replace { path: String, old: String, new: String },
    /// Starts the host.
    Start { arguments: Vec<String> },
    /// Runs commands and compares what they print.
    Run { script: String, expected: Vec<String> },
}

/// Commands that only prepare the machine of a reader.
const IGNORED: &str = "sh,ignore";
/// The command that starts the host.
const START: &str = "tessera up";

/// The steps of a page in Markdown.
pub(super) fn steps(page: &str) -> Vec<Step> {
    let mut reader = Reader::default();
    for event in parse(page) {
        reader.read(event);
    }
    assert_eq!(reader.replaced, None, "a part is replaced with nothing");
    reader.steps
}

#[derive(Default)]
struct Reader {
    steps: Vec<Step>,
    /// The last paragraph before the next code block, with its code in backticks.
    paragraph: String,
    /// The language and the text of the block that is being read.
    block: Option<(String, String)>,
    /// Path and text of a part that the next block replaces.
    replaced: Option<(String, String)>,
}

impl Reader {
    fn read(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                self.block = Some((language.into_string(), String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                let (language, text) = self.block.take().unwrap_or_default();
                let paragraph = std::mem::take(&mut self.paragraph);
                self.block(&paragraph, &language, text);
            }
            Event::Text(text) => match &mut self.block {
                Some((_, block)) => block.push_str(&text),
                None => self.paragraph.push_str(&text),
            },
            Event::Code(code) => self.paragraph.push_str(&format!("`{code}`")),
            Event::SoftBreak => self.paragraph.push(' '),
            Event::Start(Tag::Paragraph | Tag::Heading { .. }) => self.paragraph.clear(),
            _ => {}
        }
    }

    fn block(&mut self, paragraph: &str, language: &str, text: String) {
        let path = |before: &str, after: &str| {
            let path = paragraph.strip_prefix(before)?.strip_suffix(after)?;
            (!path.contains('`')).then(|| path.to_owned())
        };
        if let Some((path, old)) = self.replaced.take() {
            assert_eq!(paragraph, "with", "the paragraph between the two parts");
            self.steps.push(Step::Replace { path, old, new: text });
        } else if let Some(path) = path("`", "`:") {
            self.steps.push(Step::Write { path, text });
        } else if let Some(path) = path("Add to `", "`:") {
            self.steps.push(Step::Append { path, text });
        } else if let Some(path) = path("In `", "`, replace") {
            self.replaced = Some((path, text));
        } else {
            self.command(language, text);
        }
    }

    fn command(&mut self, language: &str, text: String) {
        match (language, self.steps.last_mut()) {
            (IGNORED, _) => {}
            ("sh", _) => self.steps.push(match text.trim().strip_prefix(START) {
                Some(rest) => {
                    Step::Start { arguments: rest.split_whitespace().map(str::to_owned).collect() }
                }
                None => Step::Run { script: text, expected: Vec::new() },
            }),
            (_, Some(Step::Run { expected, .. })) if expected.is_empty() => {
                expected.extend(text.lines().map(str::to_owned));
            }
            _ => panic!("it is unclear what a reader does with this block:\n{text}"),
        }
    }
}

#[test]
fn paragraphs_say_what_blocks_are_for() {
    let page = "# Title\n\n`a/b.txt`:\n\n```text\none\n```\n\nAdd to `a/b.txt`:\n\n```text\ntwo\n```\n\n\
                In `a/b.txt`,\nreplace\n\n```text\none\n```\n\nwith\n\n```text\n1\n```\n\n\
                ```sh,ignore\nrm -r /\n```\n\nRun `it`:\n\n```sh\ncat a/b.txt\n```\n\n```text\n1\n```\n\n\
                ```sh\ntessera up --quiet\n```\n";
    let text = str::to_owned;
    let path = text("a/b.txt");
    let expected = [
        Step::Write { path: path.clone(), text: text("one\n") },
        Step::Append { path: path.clone(), text: text("two\n") },
        Step::Replace { path, old: text("one\n"), new: text("1\n") },
        Step::Run { script: text("cat a/b.txt\n"), expected: vec![text("1")] },
        Step::Start { arguments: vec![text("--quiet")] },
    ];
    assert_eq!(steps(page), expected);
}
