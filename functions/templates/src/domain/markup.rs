//! The `{{name}}` grammar, escaping, and where HTML may contain a variable.
//!
//! Escaping makes a value harmless between tags and in a quoted attribute, and nowhere else: not in
//! an unquoted attribute, in a script or style, nor at the start of a link (`javascript:…`).
//! Instead of an escaper for each context, templates with a variable elsewhere are not published.

/// Longest name of a variable, in bytes.
const VARIABLE_LENGTH_MAX: usize = 64;

/// A piece of a template.
enum Piece<'a> {
    Words(&'a str),
    Variable(&'a str),
    /// An invalid variable, with its braces.
    Broken(&'a str),
}

/// Splits a template. Broken pieces are unchanged.
fn pieces(source: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = source;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(start) = rest.find("{{") else {
            return Some(Piece::Words(std::mem::take(&mut rest)));
        };
        if start > 0 {
            let (words, tail) = rest.split_at(start);
            rest = tail;
            return Some(Piece::Words(words));
        }
        let Some(end) = rest.find("}}") else {
            return Some(Piece::Broken(std::mem::take(&mut rest)));
        };
        let (whole, tail) = rest.split_at(end + 2);
        rest = tail;
        let name = whole[2..end].trim();
        Some(if is_name(name) { Piece::Variable(name) } else { Piece::Broken(whole) })
    })
}

fn is_name(name: &str) -> bool {
    name.len() <= VARIABLE_LENGTH_MAX
        && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The names of the variables in `source`, in order, with repetitions.
pub(super) fn variables(source: &str) -> impl Iterator<Item = &str> {
    pieces(source).filter_map(|piece| match piece {
        Piece::Variable(name) => Some(name),
        _ => None,
    })
}

/// `source` with each variable replaced. Variables in values are not replaced.
pub(super) fn fill(source: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(source.len() * 2);
    for piece in pieces(source) {
        match piece {
            Piece::Words(words) | Piece::Broken(words) => filled.push_str(words),
            Piece::Variable(name) => filled.push_str(&value(name)),
        }
    }
    filled
}

/// What is wrong with the braces of `source`.
pub(super) fn syntax_faults(source: &str) -> Vec<String> {
    let broken = |piece| match piece {
        Piece::Broken(whole) => Some(format!(
            "`{}` is not a valid variable: write {{{{name}}}} with lowercase letters, digits and _",
            whole.chars().take(40).collect::<String>()
        )),
        _ => None,
    };
    pieces(source).filter_map(broken).collect()
}

/// A value for a subject: each run of control characters becomes one space, so that no value can
/// end the header line.
pub(super) fn one_line(value: &str) -> String {
    value.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The context of a position in HTML.
#[derive(Clone, Copy, PartialEq)]
enum Context {
    Content,
    /// In a tag, outside quotes.
    Tag,
    /// In a quoted attribute; the quote, and where the value begins.
    Quoted(char, usize),
    /// In `<script>` or `<style>`.
    Raw,
}

/// The faults of the variables that escaping does not make harmless.
pub(super) fn html_faults(html: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut context = Context::Content;
    let mut tag_start = 0;
    for (index, c) in html.char_indices() {
        if html[index..].starts_with("{{")
            && let Some(detail) = variable_fault(html, index, context, tag_start)
        {
            faults.push(detail.to_owned());
        }
        context = match (context, c) {
            (Context::Content, '<') => {
                tag_start = index;
                Context::Tag
            }
            (Context::Raw, '<') if html[index..].starts_with("</") => {
                tag_start = index;
                Context::Tag
            }
            (Context::Tag, '"' | '\'') => Context::Quoted(c, index + 1),
            (Context::Tag, '>') if opens_raw(&html[tag_start..index]) => Context::Raw,
            (Context::Tag, '>') => Context::Content,
            (Context::Quoted(quote, _), c) if c == quote => Context::Tag,
            (context, _) => context,
        };
    }
    faults
}

fn opens_raw(tag: &str) -> bool {
    let name = tag[1..].split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    ["script", "style"].iter().any(|raw| name.eq_ignore_ascii_case(raw))
}

fn variable_fault(
    html: &str,
    at: usize,
    context: Context,
    tag_start: usize,
) -> Option<&'static str> {
    match context {
        Context::Content => None,
        Context::Tag => Some("a variable in a tag must be in a quoted attribute"),
        Context::Raw => Some("a variable must not be in a script or style"),
        Context::Quoted(_, start) => {
            let before = html[tag_start..start - 1].trim_end().strip_suffix('=')?.trim_end();
            let name = before.rsplit(char::is_whitespace).next()?.to_ascii_lowercase();
            if name.starts_with("on") || name == "style" || name == "srcdoc" {
                return Some("a variable must not be in an event handler, style or srcdoc");
            }
            (start == at && matches!(name.as_str(), "href" | "src" | "action" | "formaction"))
                .then_some("a link must not begin with a variable: write https://host/{{name}}")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn variables_in_harmless_contexts_are_accepted() {
        for html in [
            "<p>{{a}}</p>",
            "<p title=\"{{a}}\" lang='{{b}}'>x > y</p>",
            "<a href=\"https://shop.example/{{a}}\">{{b}}</a>",
            "<style>p { color: red }</style><p>{{a}}</p>",
        ] {
            assert_eq!(html_faults(html), Vec::<String>::new(), "{html}");
        }
    }

    #[test]
    fn variables_that_escaping_does_not_make_harmless_are_refused() {
        for html in [
            "<p class={{a}}>",
            "<{{a}}>",
            "<script>let a = '{{a}}'</script>",
            "<STYLE>{{a}}</STYLE>",
            "<a href=\"{{a}}\">",
            "<a href = '{{a}}'>",
            "<p onclick=\"go({{a}})\">",
            "<p style=\"color: {{a}}\">",
        ] {
            assert_eq!(html_faults(html).len(), 1, "{html}");
        }
    }

    #[test]
    fn invalid_variables_are_faults() {
        assert_eq!(syntax_faults("{ } {{ok}} {{ spaced }} }}"), Vec::<String>::new());
        assert_eq!(syntax_faults("{{Upper}} {{}} {{a b}} {{open").len(), 4);
    }
}
