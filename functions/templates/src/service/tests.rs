#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chassis::store::{FailingStore, MemoryStore};

use super::*;
use crate::domain::Text;

fn publication(subject: &str) -> Publication {
    let en = Language::parse("en").unwrap();
    let text = Text { subject: subject.into(), text: "{{who}}".into(), html: "{{who}}".into() };
    let texts = Texts { default_language: en.clone(), by_language: [(en, text)].into() };
    Publication { texts, user_id: "usr_1".into(), now_ms: 5 }
}

fn who() -> Vec<(String, String)> {
    vec![("who".into(), "Ada".into())]
}

/// The variables that notifications give for a welcome.
fn welcome() -> Vec<(String, String)> {
    vec![("name".into(), "You won, see http://evil.example".into())]
}

#[tokio::test]
async fn builtins_are_there_from_the_first_call_and_fall_back() {
    let templates = Templates::new(MemoryStore::new());
    let subject = async |language: &str| {
        templates.render("welcome", None, language, &welcome()).await.unwrap().1.subject
    };
    assert_eq!(subject("pt-BR").await, "Bem-vindo à loja Tessera");
    assert_eq!(subject("ja").await, "Welcome to the Tessera shop");
    assert_eq!(subject("not a language").await, "Welcome to the Tessera shop");
}

#[tokio::test]
async fn a_welcome_has_no_text_of_the_person_who_registered() {
    let templates = Templates::new(MemoryStore::new());
    for language in ["en", "de", "pt"] {
        let (_, mail) = templates.render("welcome", None, language, &welcome()).await.unwrap();
        let texts = [&mail.subject, &mail.text, &mail.html];
        assert!(texts.iter().all(|text| !text.contains("evil.example")), "{mail:?}");
    }
}

#[tokio::test]
async fn a_new_version_is_used_and_the_old_one_stays_as_it_was() {
    let templates = Templates::new(MemoryStore::new());
    let before = templates.render("welcome", Some(1), "en", &welcome()).await.unwrap();
    assert_eq!(templates.publish("welcome", publication("Ahoy")).await, Ok(2));
    let (number, newest) = templates.render("welcome", None, "en", &who()).await.unwrap();
    assert_eq!((number, newest.subject.as_str()), (2, "Ahoy"));
    let after = templates.render("welcome", Some(1), "en", &welcome()).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let templates = Templates::new(MemoryStore::new());
    let nothing = templates.render("nope", None, "en", &[]).await;
    assert!(matches!(nothing, Err(Refusal::NotFound(text)) if text.contains("nope")));
    let version = templates.render("welcome", Some(9), "en", &[]).await;
    assert!(matches!(version, Err(Refusal::NotFound(text)) if text.contains('9')));
    let missing = templates.render("password-reset", None, "en", &welcome()).await;
    let expected = vec!["link".into(), "minutes".into()];
    assert_eq!(missing, Err(Refusal::MissingVariables(expected)));
}

#[tokio::test]
async fn a_code_is_made_once() {
    let templates = Templates::new(MemoryStore::new());
    templates.create("news", publication("1")).await.unwrap();
    for code in ["news", "welcome"] {
        let again = templates.create(code, publication("2")).await;
        assert_eq!(again, Err(Refusal::Exists(code.into())));
    }
    assert_eq!(templates.codes().await.unwrap().len(), 12);
    assert_eq!(templates.render("news", None, "en", &who()).await.unwrap().1.subject, "1");
}

#[tokio::test]
async fn a_publication_that_dies_anywhere_is_there_wholly_or_not_at_all() {
    for operations in 0..20 {
        let store = MemoryStore::new();
        let failing = Templates::new(FailingStore::after(operations, store.clone()));
        let made = failing.create("news", publication("1")).await.is_ok();
        let templates = Templates::new(store);
        let found = templates.render("news", None, "en", &who()).await;
        match found {
            Ok((1, rendered)) => assert_eq!(rendered.subject, "1"),
            Err(Refusal::NotFound(_)) if !made => {
                templates.create("news", publication("again")).await.unwrap();
            }
            other => panic!("after {operations} operations: {other:?}"),
        }
    }
}
