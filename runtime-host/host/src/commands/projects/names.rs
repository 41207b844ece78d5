//! The names of applications and components. They also name crates, Rust modules and packages of WIT.

/// The longest name.
const LENGTH_MAX_BYTES: usize = 64;

/// Names with another meaning: keywords of Rust and WIT, crates that all code knows, and what the code of
/// templates uses.
const RESERVED: [&str; 108] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "bool",
    "borrow",
    "box",
    "break",
    "build",
    "char",
    "component",
    "const",
    "constructor",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "error-context",
    "event-log",
    "events",
    "export",
    "exports",
    "extern",
    "f32",
    "f64",
    "false",
    "fermyon",
    "final",
    "flags",
    "fn",
    "for",
    "from",
    "func",
    "future",
    "gen",
    "humantime",
    "if",
    "impl",
    "import",
    "in",
    "include",
    "interface",
    "let",
    "list",
    "loop",
    "macro",
    "map",
    "match",
    "mod",
    "move",
    "mut",
    "option",
    "override",
    "own",
    "package",
    "priv",
    "proc-macro",
    "producer",
    "pub",
    "record",
    "ref",
    "resource",
    "result",
    "return",
    "s16",
    "s32",
    "s64",
    "s8",
    "self",
    "serde",
    "serde-json",
    "service",
    "spin",
    "spin-sdk",
    "static",
    "std",
    "stream",
    "string",
    "struct",
    "super",
    "tessera",
    "test",
    "trait",
    "true",
    "try",
    "tuple",
    "type",
    "typeof",
    "u16",
    "u32",
    "u64",
    "u8",
    "union",
    "unsafe",
    "unsized",
    "use",
    "variant",
    "virtual",
    "wasi",
    "where",
    "while",
    "wit-bindgen",
    "with",
];

/// Checks a name.
pub(super) fn check(name: &str) -> Result<(), String> {
    let words = || name.split('-');
    if name.is_empty() {
        return Err("it is empty".to_owned());
    }
    if name.len() > LENGTH_MAX_BYTES {
        return Err(format!("it has more than {LENGTH_MAX_BYTES} characters"));
    }
    if words().any(|word| !word.starts_with(|c: char| c.is_ascii_lowercase())) {
        return Err("each of its words must start with a letter from a to z, and single hyphens \
                    join them: `shopping-cart`"
            .to_owned());
    }
    if let Some(c) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return Err(format!("{c:?} is not allowed: use the letters a to z, digits and hyphens"));
    }
    if RESERVED.contains(&name) {
        return Err("this word is reserved in Rust, in WIT or in the code of templates".to_owned());
    }
    Ok(())
}

/// The most similar name that is valid, or `app`.
pub(super) fn similar(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.map(|word| word.trim_start_matches(|c: char| c.is_ascii_digit()));
    let name = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    match check(&name) {
        Ok(()) => name,
        Err(_) => "app".to_owned(),
    }
}

/// A name as an identifier of Rust.
pub(super) fn identifier(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_with_hyphens() {
        for name in ["a", "cart", "shopping-cart", "v2", "a1-b2"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for (name, reason) in [
            ("", "empty"),
            ("2nd", "start with a letter"),
            ("a--b", "start with a letter"),
            ("-a", "start with a letter"),
            ("a-2", "start with a letter"),
            ("Cart", "start with a letter"),
            ("caRt", "'R' is not allowed"),
            ("my cart", "' ' is not allowed"),
            ("../cart", "start with a letter"),
            ("a/b", "'/' is not allowed"),
            ("größe", "'ö' is not allowed"),
            ("match", "reserved"),
            ("interface", "reserved"),
            ("spin-sdk", "reserved"),
        ] {
            let error = check(name).unwrap_err();
            assert!(error.contains(reason), "{name}: {error}");
        }
        assert!(check(&"a".repeat(65)).is_err());
    }

    #[test]
    fn reserved_names_are_sorted() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn a_similar_name_is_always_valid() {
        for (text, name) in
            [("My Shop", "my-shop"), ("shop_2", "shop"), ("", "app"), ("type", "app"), ("é", "app")]
        {
            assert_eq!(similar(text), name);
        }
    }
}
