//! Finding, rendering and publishing templates.
//!
//! A template is one value (`template/<code>`: its versions in order). The texts of each version
//! are a separate value (`texts/<id>`), which is written once, *before* a version refers to it. A
//! crash in between leaves unused texts. `codes` lists the templates of administrators; it may
//! contain one that was not created because of a crash.
//!
//! Built-in templates are stored when they are first used. From then on, their version 1 does not
//! change either, even if a later release has other texts.

use std::collections::{BTreeMap, BTreeSet};

use chassis::store::{Store, StoreError};

use crate::builtin;
use crate::domain::{Language, Rendered, Template, Texts, VERSION_COUNT_MAX, Version, is_code};

/// The maximum number of templates of administrators.
pub const TEMPLATE_COUNT_MAX: usize = 500;

/// Why an operation failed.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// There is no such template or version.
    #[error("{0}")]
    NotFound(String),
    /// Variables of the text without a value.
    #[error("missing variables: {}", .0.join(", "))]
    MissingVariables(Vec<String>),
    /// There is already a template with this code.
    #[error("the template {0} already exists")]
    Exists(String),
    /// A limit is reached.
    #[error("{0}")]
    Full(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The templates in a store.
#[derive(Clone)]
pub struct Templates<S> {
    store: S,
}

/// A version to publish.
#[derive(Debug)]
pub struct Publication {
    /// Its texts.
    pub texts: Texts,
    /// The administrator.
    pub user_id: String,
    /// Milliseconds since 1970.
    pub now_ms: u64,
}

impl<S: Store> Templates<S> {
    /// The templates in this store.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// The message of `code` in this language or a fallback, and the number of its version.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::MissingVariables`], [`Error::Store`].
    pub async fn render(
        &self,
        code: &str,
        version: Option<u32>,
        language: &str,
        variables: &[(String, String)],
    ) -> Result<(u32, Rendered), Error> {
        let template = self.template(code).await?;
        let (number, texts) = self.version(&template, version).await?;
        let wanted = Language::parse(language).unwrap_or_else(|| texts.default_language.clone());
        let variables: BTreeMap<&str, &str> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let rendered = texts.render(&wanted, &variables).map_err(Error::MissingVariables)?;
        Ok((number, rendered))
    }

    /// All codes, sorted.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn codes(&self) -> Result<BTreeSet<String>, Error> {
        let mut codes: BTreeSet<String> = self.store.read("codes").await?.unwrap_or_default();
        codes.extend(builtin::codes().map(str::to_owned));
        Ok(codes)
    }

    /// The template with this code.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn template(&self, code: &str) -> Result<Template, Error> {
        let missing = || Error::NotFound(format!("there is no template {code}"));
        if !is_code(code) {
            return Err(missing());
        }
        let key = template_key(code);
        if let Some(template) = self.store.read(&key).await? {
            return Ok(template);
        }
        let texts = builtin::texts(code).ok_or_else(missing)?;
        let texts_id = format!("builtin-{code}");
        self.store.write(&texts_key(&texts_id), &texts).await?;
        let version = Version { texts_id, created_at_ms: 0, created_by: None };
        let template = Template { code: code.to_owned(), versions: vec![version] };
        self.store.create_guarded(&key, &template).await?;
        self.store.read(&key).await?.ok_or_else(missing)
    }

    /// The texts of the version with this number, or of the newest.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn version(
        &self,
        template: &Template,
        number: Option<u32>,
    ) -> Result<(u32, Texts), Error> {
        let missing = || {
            let number = number.unwrap_or_else(|| template.newest());
            Error::NotFound(format!("{} has no version {number}", template.code))
        };
        let (number, version) = template.version(number).ok_or_else(missing)?;
        let texts = self.store.read(&texts_key(&version.texts_id)).await?;
        Ok((number, texts.ok_or_else(missing)?))
    }

    /// Creates a template with its first version.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Full`], [`Error::Store`].
    pub async fn create(&self, code: &str, first: Publication) -> Result<Template, Error> {
        if builtin::codes().any(|builtin| builtin == code) {
            return Err(Error::Exists(code.to_owned()));
        }
        self.list(code).await?;
        let version = self.store_texts(first).await?;
        let template = Template { code: code.to_owned(), versions: vec![version] };
        match self.store.create_guarded(&template_key(code), &template).await? {
            true => Ok(template),
            false => Err(Error::Exists(code.to_owned())),
        }
    }

    /// Adds a version and returns its number.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Full`], [`Error::Store`].
    pub async fn publish(&self, code: &str, next: Publication) -> Result<u32, Error> {
        self.template(code).await?;
        let version = self.store_texts(next).await?;
        let full = || Error::Full(format!("{code} has {VERSION_COUNT_MAX} versions"));
        self.store
            .update(&template_key(code), |template: Option<Template>| {
                let missing = || Error::NotFound(format!("there is no template {code}"));
                let mut template = template.ok_or_else(missing)?;
                let number = template.publish(version.clone()).ok_or_else(full)?;
                Ok((template, number))
            })
            .await
    }

    async fn list(&self, code: &str) -> Result<(), Error> {
        self.store
            .modify("codes", |codes: &mut BTreeSet<String>| {
                if codes.insert(code.to_owned()) && codes.len() > TEMPLATE_COUNT_MAX {
                    return Err(Error::Full(format!("at most {TEMPLATE_COUNT_MAX} templates")));
                }
                Ok(())
            })
            .await
    }

    async fn store_texts(&self, publication: Publication) -> Result<Version, Error> {
        let texts_id = chassis::id::new("txt");
        self.store.create(&texts_key(&texts_id), &publication.texts).await?;
        let Publication { user_id, now_ms, .. } = publication;
        Ok(Version { texts_id, created_at_ms: now_ms, created_by: Some(user_id) })
    }
}

fn template_key(code: &str) -> String {
    format!("template/{code}")
}

fn texts_key(id: &str) -> String {
    format!("texts/{id}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use chassis::testing::{MemoryStore, ScriptedStore};

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

    /// The variables of notifications for a welcome mail.
    fn welcome() -> Vec<(String, String)> {
        vec![("name".into(), "You won, see http://evil.example".into())]
    }

    #[tokio::test]
    async fn built_in_templates_exist_from_the_first_call_with_fallback_languages() {
        let templates = Templates::new(MemoryStore::new());
        let subject = async |language: &str| {
            templates.render("welcome", None, language, &welcome()).await.unwrap().1.subject
        };
        assert_eq!(subject("pt-BR").await, "Bem-vindo à loja Tessera");
        assert_eq!(subject("ja").await, "Welcome to the Tessera shop");
        assert_eq!(subject("not a language").await, "Welcome to the Tessera shop");
    }

    #[tokio::test]
    async fn a_welcome_mail_does_not_contain_the_name_of_the_user() {
        let templates = Templates::new(MemoryStore::new());
        for language in ["en", "de", "pt"] {
            let (_, mail) = templates.render("welcome", None, language, &welcome()).await.unwrap();
            let texts = [&mail.subject, &mail.text, &mail.html];
            assert!(texts.iter().all(|text| !text.contains("evil.example")), "{mail:?}");
        }
    }

    #[tokio::test]
    async fn a_new_version_is_used_and_the_old_one_does_not_change() {
        let templates = Templates::new(MemoryStore::new());
        let before = templates.render("welcome", Some(1), "en", &welcome()).await.unwrap();
        assert_eq!(templates.publish("welcome", publication("Ahoy")).await, Ok(2));
        let (number, newest) = templates.render("welcome", None, "en", &who()).await.unwrap();
        assert_eq!((number, newest.subject.as_str()), (2, "Ahoy"));
        let after = templates.render("welcome", Some(1), "en", &welcome()).await.unwrap();
        assert_eq!(before, after);
    }

    #[tokio::test]
    async fn errors_name_what_is_missing() {
        let templates = Templates::new(MemoryStore::new());
        let nothing = templates.render("nope", None, "en", &[]).await;
        assert!(matches!(nothing, Err(Error::NotFound(text)) if text.contains("nope")));
        let version = templates.render("welcome", Some(9), "en", &[]).await;
        assert!(matches!(version, Err(Error::NotFound(text)) if text.contains('9')));
        let missing = templates.render("password-reset", None, "en", &welcome()).await;
        let expected = vec!["link".into(), "minutes".into()];
        assert_eq!(missing, Err(Error::MissingVariables(expected)));
    }

    #[tokio::test]
    async fn after_a_crash_at_any_step_a_template_exists_completely_or_not_at_all() {
        for operations in 0..20 {
            let store = MemoryStore::new();
            let failing = Templates::new(ScriptedStore::failing_after(operations, store.clone()));
            let is_created = failing.create("news", publication("1")).await.is_ok();
            let templates = Templates::new(store);
            let found = templates.render("news", None, "en", &who()).await;
            match found {
                Ok((1, rendered)) => assert_eq!(rendered.subject, "1"),
                Err(Error::NotFound(_)) if !is_created => {
                    templates.create("news", publication("again")).await.unwrap();
                }
                other => panic!("after {operations} operations: {other:?}"),
            }
        }
    }
}
