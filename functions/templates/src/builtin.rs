//! The built-in texts: version 1 of the templates.
//!
//! They are data files, so that translators need no Rust. A file `<code>/<language>.txt` begins
//! with `Subject: …` and an empty line; the `.html` file beside it is the content of `layout.html`.
//!
//! They do not contain the name of the user. Anyone can register any address with any text as the
//! name, and would otherwise choose a part of what the shop sends to the owner of the address.

use std::collections::BTreeMap;

use crate::domain::{Language, Text, Texts};

/// The codes of the built-in templates, each with its languages, plain texts and HTML.
type Files = &'static [(&'static str, &'static [(&'static str, &'static str, &'static str)])];

macro_rules! files {
    ($($code:literal: $($language:literal)+;)+) => {
        &[$(($code, &[$((
            $language,
            include_str!(concat!("../data/", $code, "/", $language, ".txt")),
            include_str!(concat!("../data/", $code, "/", $language, ".html")),
        )),+])),+]
    };
}

const FILES: Files = files! {
    "account-exists": "en" "de" "pt";
    "order-cancelled": "en" "de" "pt";
    "order-confirmed": "en" "de" "pt";
    "order-delivered": "en" "de" "pt";
    "order-refunded": "en" "de" "pt";
    "order-rejected": "en" "de" "pt";
    "order-returned": "en" "de" "pt";
    "order-shipped": "en" "de" "pt";
    "password-changed": "en" "de" "pt";
    "password-reset": "en" "de" "pt";
    "welcome": "en" "de" "pt";
};

const LAYOUT: &str = include_str!("../data/layout.html");

/// The codes of the built-in templates.
pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(code, _)| *code)
}

/// Version 1 of the built-in template `code`.
pub(crate) fn texts(code: &str) -> Option<Texts> {
    let (_, files) = FILES.iter().find(|(known, _)| *known == code)?;
    let by_language: BTreeMap<Language, Text> =
        files.iter().filter_map(|(tag, text, html)| read(tag, text, html)).collect();
    Some(Texts { default_language: Language::parse("en")?, by_language })
}

fn read(tag: &str, text: &str, html: &str) -> Option<(Language, Text)> {
    let (subject, text) = text.strip_prefix("Subject: ")?.split_once("\n\n")?;
    let html = LAYOUT.replace("<!-- language -->", tag).replace("<!-- content -->", html.trim());
    let text = Text { subject: subject.to_owned(), text: text.to_owned(), html };
    Some((Language::parse(tag)?, text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn built_in_templates_are_valid_in_three_languages_with_the_same_variables() {
        assert_eq!(codes().count(), 11);
        for code in codes() {
            let texts = texts(code).unwrap();
            assert_eq!(texts.faults(), [], "{code}");
            assert_eq!(texts.by_language.len(), 3, "{code}");
            assert!(!texts.variables().contains("name"), "{code}");
            for language in texts.by_language.keys() {
                let mut alone = texts.clone();
                alone.by_language.retain(|other, _| other == language);
                assert_eq!(alone.variables(), texts.variables(), "{code} in {language}");
            }
        }
    }
}
