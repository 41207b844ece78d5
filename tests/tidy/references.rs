//! The paths that a source text refers to: in `use` declarations, and everywhere else.

use crate::tokens::{Token, tokens};

/// A path that a source text refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The inline modules around it.
    pub(crate) modules: Vec<String>,
    /// Its segments, as written.
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// All paths with at least two segments, and all imports.
pub(crate) fn references(source: &str) -> Vec<Reference> {
    let tokens = tokens(source);
    let mut reader =
        Reader { tokens: &tokens, at: 0, modules: Vec::new(), depth: 0, found: vec![] };
    while reader.at < tokens.len() {
        reader.step();
    }
    reader.found
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// The inline modules around the position, each with the number of braces around it.
    modules: Vec<(&'a str, usize)>,
    depth: usize,
    found: Vec<Reference>,
}

impl<'a> Reader<'a> {
    fn text(&self, offset: usize) -> &'a str {
        self.tokens.get(self.at + offset).map_or("", |token| &token.text)
    }

    fn is_identifier(&self, offset: usize) -> bool {
        self.tokens.get(self.at + offset).is_some_and(Token::is_identifier)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |token| token.line)
    }

    fn step(&mut self) {
        match self.text(0) {
            "{" => {
                self.depth += 1;
                self.at += 1;
            }
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                self.modules.pop_if(|(_, depth)| *depth == self.depth);
                self.at += 1;
            }
            "mod" if self.is_identifier(1) && self.text(2) == "{" => {
                self.modules.push((self.text(1), self.depth));
                self.at += 2;
            }
            "use" if self.is_identifier(1) || ["::", "{"].contains(&self.text(1)) => {
                self.at += 1;
                self.use_tree(&[]);
            }
            _ if self.begins_path() => self.path(),
            _ => self.at += 1,
        }
    }

    /// Whether the first segment of a path is here.
    fn begins_path(&self) -> bool {
        let before = |offset: usize| self.at.checked_sub(offset).and_then(|at| self.tokens.get(at));
        let continues = before(1).is_some_and(|token| token.text == "::")
            && before(2).is_some_and(|token| token.is_identifier() || token.text == ">");
        self.is_identifier(0) && self.text(1) == "::" && !continues
    }

    fn path(&mut self) {
        let line = self.line();
        let mut path = vec![self.text(0).to_owned()];
        self.at += 1;
        while self.text(0) == "::" && self.is_identifier(1) {
            path.push(self.text(1).to_owned());
            self.at += 2;
        }
        self.add(path, line);
    }

    /// The tree of a `use` declaration below a prefix.
    fn use_tree(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        let line = self.line();
        loop {
            match self.text(0) {
                "::" => self.at += 1,
                "{" => return self.use_group(&path),
                "*" => {
                    self.at += 1;
                    break;
                }
                "as" => {
                    self.at += 2;
                    break;
                }
                segment if self.is_identifier(0) => {
                    path.push(segment.to_owned());
                    self.at += 1;
                }
                _ => break,
            }
        }
        self.add(path, line);
    }

    fn use_group(&mut self, prefix: &[String]) {
        self.at += 1;
        while !["}", ""].contains(&self.text(0)) {
            let before = self.at;
            self.use_tree(prefix);
            if self.text(0) == "," || self.at == before {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    fn add(&mut self, path: Vec<String>, line: usize) {
        let modules = self.modules.iter().map(|(name, _)| (*name).to_owned()).collect();
        self.found.push(Reference { modules, path, line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str) -> Vec<String> {
        references(source).into_iter().map(|reference| reference.path.join("::")).collect()
    }

    #[test]
    fn imports_are_read_with_their_groups() {
        let source = "use a::{self, b::{c, d as e}, f::*};\npub(crate) use g;\nuse ::h::i;";
        let expected = ["a::self", "a::b::c", "a::b::d", "a::f", "g", "h::i"];
        assert_eq!(paths(source), expected);
    }

    #[test]
    fn paths_in_code_are_read() {
        let source = "fn f(x: a::B) -> Vec::<c::D> { <E as g::H>::new(::i::j()) }";
        assert_eq!(paths(source), ["a::B", "Vec", "c::D", "g::H", "i::j"]);
        assert!(paths("fn f() -> impl Send + use<'_> {}").is_empty());
    }

    #[test]
    fn inline_modules_are_known() {
        let source = "mod a { fn f() {} mod b { use super::c; } }\nuse d::e;";
        let references = references(source);
        let modules: Vec<_> = references.iter().map(|one| one.modules.join("::")).collect();
        assert_eq!(modules, ["a::b", ""]);
        assert_eq!((references[0].line, references[1].line), (1, 2));
    }
}
