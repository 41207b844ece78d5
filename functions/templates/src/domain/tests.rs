#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn language(tag: &str) -> Language {
    Language::parse(tag).unwrap()
}

fn text(subject: &str, text: &str, html: &str) -> Text {
    Text { subject: subject.into(), text: text.into(), html: html.into() }
}

fn texts(entries: &[(&str, Text)]) -> Texts {
    let by_language = entries.iter().map(|(tag, text)| (language(tag), text.clone())).collect();
    Texts { default_language: language(entries[0].0), by_language }
}

#[test]
fn tags_are_normalized_and_invalid_ones_are_refused() {
    assert_eq!(language("PT-br").as_str(), "pt-BR");
    assert_eq!(language("zh-hANT-tw").as_str(), "zh-Hant-TW");
    for invalid in ["", "e", "en_GB", "english!", "pt--BR", "1234", "en-toolongsubtag"] {
        assert_eq!(Language::parse(invalid), None, "{invalid}");
    }
}

#[test]
fn a_language_falls_back_to_its_prefixes_and_then_to_the_default() {
    let texts = texts(&[
        ("en", text("en", "", "")),
        ("pt", text("pt", "", "")),
        ("pt-PT", text("pt-PT", "", "")),
    ]);
    let found = |tag| texts.find(&language(tag)).unwrap().1.subject.clone();
    assert_eq!(found("pt-PT"), "pt-PT");
    assert_eq!(found("pt-BR"), "pt");
    assert_eq!(found("pt-BR-x-old"), "pt");
    assert_eq!(found("ja"), "en");
}

#[test]
fn all_missing_variables_are_reported() {
    let texts = texts(&[("en", text("{{a}}", "{{b}} {{a}}", "<p>{{c}}</p> {{given}}"))]);
    let missing = texts.render(&language("en"), &BTreeMap::from([("given", "x")]));
    assert_eq!(missing, Err(vec!["a".into(), "b".into(), "c".into()]));
}

#[test]
fn values_are_escaped_in_html_and_can_not_add_headers_to_a_subject() {
    let texts = texts(&[("en", text("Hi {{n}}", "Hi {{n}}", "<p title=\"{{n}}\">{{n}}</p>"))]);
    let name = "<b>\"O'Neil\" & co</b>\r\nBcc: x";
    let rendered = texts.render(&language("en"), &BTreeMap::from([("n", name)])).unwrap();
    assert_eq!(rendered.subject, "Hi <b>\"O'Neil\" & co</b> Bcc: x");
    assert_eq!(rendered.text, format!("Hi {name}"));
    let escaped = "&lt;b&gt;&quot;O&#39;Neil&quot; &amp; co&lt;/b&gt;\r\nBcc: x";
    assert_eq!(rendered.html, format!("<p title=\"{escaped}\">{escaped}</p>"));
}

#[test]
fn variables_in_values_are_not_replaced() {
    let texts = texts(&[("en", text("{{a}}", "{{a}}{{b}}", "{{a}}"))]);
    let values = BTreeMap::from([("a", "{{b}}"), ("b", "secret")]);
    let rendered = texts.render(&language("en"), &values).unwrap();
    assert_eq!(rendered.subject, "{{b}}");
    assert_eq!(rendered.text, "{{b}}secret");
}

#[test]
fn codes_are_lowercase_words_joined_by_dashes() {
    assert!(is_code("order-confirmed2"));
    for invalid in ["", "-a", "a--b", "A", "a/b", "ü", &"a".repeat(65)] {
        assert!(!is_code(invalid), "{invalid}");
    }
}
