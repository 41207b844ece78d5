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
fn tags_are_spelled_in_one_way_and_nonsense_is_refused() {
    assert_eq!(language("PT-br").as_str(), "pt-BR");
    assert_eq!(language("zh-hANT-tw").as_str(), "zh-Hant-TW");
    for nonsense in ["", "e", "en_GB", "english!", "pt--BR", "1234", "en-toolongsubtag"] {
        assert_eq!(Language::parse(nonsense), None, "{nonsense}");
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
fn all_missing_variables_are_named_at_once() {
    let texts = texts(&[("en", text("{{a}}", "{{b}} {{a}}", "<p>{{c}}</p> {{given}}"))]);
    let missing = texts.render(&language("en"), &BTreeMap::from([("given", "x")]));
    assert_eq!(missing, Err(vec!["a".into(), "b".into(), "c".into()]));
}

#[test]
fn variables_are_escaped_in_html_only_and_cannot_add_headers_to_a_subject() {
    let texts = texts(&[("en", text("Hi {{n}}", "Hi {{n}}", "<p title=\"{{n}}\">{{n}}</p>"))]);
    let name = "<b>\"O'Neil\" & co</b>\r\nBcc: x";
    let rendered = texts.render(&language("en"), &BTreeMap::from([("n", name)])).unwrap();
    assert_eq!(rendered.subject, "Hi <b>\"O'Neil\" & co</b> Bcc: x");
    assert_eq!(rendered.text, format!("Hi {name}"));
    let escaped = "&lt;b&gt;&quot;O&#39;Neil&quot; &amp; co&lt;/b&gt;\r\nBcc: x";
    assert_eq!(rendered.html, format!("<p title=\"{escaped}\">{escaped}</p>"));
}

#[test]
fn a_value_is_never_read_as_a_template() {
    let texts = texts(&[("en", text("{{a}}", "{{a}}{{b}}", "{{a}}"))]);
    let values = BTreeMap::from([("a", "{{b}}"), ("b", "secret")]);
    let rendered = texts.render(&language("en"), &values).unwrap();
    assert_eq!(rendered.subject, "{{b}}");
    assert_eq!(rendered.text, "{{b}}secret");
}

#[test]
fn faulty_texts_are_not_publishable_and_every_fault_has_its_place() {
    let mut texts = texts(&[("en", text("two\nlines", "open {{name", "<p class={{name}}>"))]);
    texts.default_language = language("de");
    let places: Vec<_> = texts.faults().into_iter().map(|fault| fault.place.join("/")).collect();
    assert_eq!(places, ["default_language", "en/subject", "en/text", "en/html"]);
}

#[test]
fn published_versions_keep_their_numbers() {
    let version = |id: &str| Version { texts_id: id.into(), created_at_ms: 0, created_by: None };
    let mut template = Template { code: "x".into(), versions: vec![version("a")] };
    assert_eq!(template.publish(version("b")), Some(2));
    assert_eq!(template.version(Some(1)).unwrap().1.texts_id, "a");
    assert_eq!(template.version(None).unwrap().1.texts_id, "b");
    assert_eq!(template.version(Some(0)), None);
    assert_eq!(template.version(Some(3)), None);
}

#[test]
fn codes_are_lower_case_words() {
    assert!(is_code("order-confirmed2"));
    for nonsense in ["", "-a", "a--b", "A", "a/b", "ü", &"a".repeat(65)] {
        assert!(!is_code(nonsense), "{nonsense}");
    }
}
