//! The tokens of Rust source text: identifiers and punctuation, without comments and literals.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A token and its line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Token {
    pub(crate) fn is_identifier(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// All tokens of a source text. `::` is one token, all other punctuation is split.
///
/// # Panics
/// If it is not Rust.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    collect(source.parse().expect("Rust source text"), &mut tokens);
    tokens
}

fn collect(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut stream = stream.into_iter().peekable();
    while let Some(tree) = stream.next() {
        let line = tree.span().start().line;
        let mut push = |text: &str, line| tokens.push(Token { text: text.to_owned(), line });
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace | Delimiter::None => ("{", "}"),
                };
                push(open, line);
                collect(group.stream(), tokens);
                let line = group.span_close().start().line;
                tokens.push(Token { text: close.to_owned(), line });
            }
            TokenTree::Ident(ident) => push(ident.to_string().trim_start_matches("r#"), line),
            // A lifetime, with its name.
            TokenTree::Punct(punct) if punct.as_char() == '\'' => drop(stream.next()),
            TokenTree::Punct(punct) => {
                let is_joint = punct.as_char() == ':' && punct.spacing() == Spacing::Joint;
                if is_joint && stream.next_if(is_colon).is_some() {
                    push("::", line);
                } else {
                    push(&punct.to_string(), line);
                }
            }
            TokenTree::Literal(_) => {}
        }
    }
}

fn is_colon(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ':')
}

#[test]
fn comments_literals_and_lifetimes_are_skipped() {
    let source = "// a::b\n/* c */ fn r#type<'a>(x: &'a str) { \"d::e\"; 0..f::g('h') }";
    let texts: Vec<_> = tokens(source).into_iter().map(|token| token.text).collect();
    let expected = [
        "fn", "type", "<", ">", "(", "x", ":", "&", "str", ")", "{", ";", ".", ".", "f", "::", "g",
        "(", ")", "}",
    ];
    assert_eq!(texts, expected);
    assert_eq!(tokens("\na /*\n*/ b")[1], Token { text: "b".to_owned(), line: 3 });
}
