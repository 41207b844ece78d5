//! Finding, rendering and publishing templates in a store.
//!
//! A template is one value (`template/<code>`: its versions in order); the texts of each
//! version are a value of their own that is written once (`texts/<id>`) *before* a version
//! names it. A crash in between leaves texts that nobody refers to. `codes` lists the
//! templates that administrators made; it may name one whose making was cut short.
//!
//! Built-in templates enter the store when they are first asked for: from then on their
//! version 1 is as fixed as any other, also when a later program brings other words.

use std::collections::{BTreeMap, BTreeSet};

use chassis::store::{Store, StoreError};

use crate::builtin;
use crate::domain::{Language, Rendered, Template, Texts, VERSION_COUNT_MAX, Version, is_code};

/// Most templates that administrators can make.
pub const TEMPLATE_COUNT_MAX: usize = 500;

/// Why something was not done.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such template or version.
    #[error("{0}")]
    NotFound(String),
    /// Variables that the text needs and that were not given.
    #[error("missing variables: {}", .0.join(", "))]
    MissingVariables(Vec<String>),
    /// A template with this code is there already.
    #[error("the template {0} exists already")]
    Exists(String),
    /// A limit is reached.
    #[error("{0}")]
    Full(String),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The templates in a store.
#[derive(Clone)]
pub struct Templates<S> {
    store: S,
}

/// Who publishes what, when.
#[derive(Debug)]
pub struct Publication {
    /// The words.
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

    /// The message of `code` in the nearest language, and the number of its version.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::MissingVariables`], [`Refusal::Store`].
    pub async fn render(
        &self,
        code: &str,
        version: Option<u32>,
        language: &str,
        variables: &[(String, String)],
    ) -> Result<(u32, Rendered), Refusal> {
        let template = self.template(code).await?;
        let (number, texts) = self.version(&template, version).await?;
        let wanted = Language::parse(language).unwrap_or_else(|| texts.default_language.clone());
        let variables: BTreeMap<&str, &str> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let rendered = texts.render(&wanted, &variables).map_err(Refusal::MissingVariables)?;
        Ok((number, rendered))
    }

    /// All codes, sorted.
    ///
    /// # Errors
    /// [`Refusal::Store`].
    pub async fn codes(&self) -> Result<BTreeSet<String>, Refusal> {
        let made: Option<BTreeSet<String>> = self.store.read("codes").await?;
        Ok(made.unwrap_or_default().into_iter().chain(builtin::codes().map(Into::into)).collect())
    }

    /// The template with this code.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Store`].
    pub async fn template(&self, code: &str) -> Result<Template, Refusal> {
        let missing = || Refusal::NotFound(format!("there is no template {code}"));
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

    /// The words of a version, the newest without a number.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Store`].
    pub async fn version(
        &self,
        template: &Template,
        number: Option<u32>,
    ) -> Result<(u32, Texts), Refusal> {
        let missing = || {
            let number = number.unwrap_or_else(|| template.newest());
            Refusal::NotFound(format!("{} has no version {number}", template.code))
        };
        let (number, version) = template.version(number).ok_or_else(missing)?;
        let texts = self.store.read(&texts_key(&version.texts_id)).await?;
        Ok((number, texts.ok_or_else(missing)?))
    }

    /// Makes a template with its first version.
    ///
    /// # Errors
    /// [`Refusal::Exists`], [`Refusal::Full`], [`Refusal::Store`].
    pub async fn create(&self, code: &str, first: Publication) -> Result<Template, Refusal> {
        if builtin::codes().any(|builtin| builtin == code) {
            return Err(Refusal::Exists(code.to_owned()));
        }
        self.list(code).await?;
        let version = self.keep(first).await?;
        let template = Template { code: code.to_owned(), versions: vec![version] };
        match self.store.create_guarded(&template_key(code), &template).await? {
            true => Ok(template),
            false => Err(Refusal::Exists(code.to_owned())),
        }
    }

    /// Adds a version and says its number.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Full`], [`Refusal::Store`].
    pub async fn publish(&self, code: &str, next: Publication) -> Result<u32, Refusal> {
        self.template(code).await?;
        let version = self.keep(next).await?;
        let full = || Refusal::Full(format!("{code} has {VERSION_COUNT_MAX} versions"));
        self.store
            .update(&template_key(code), |template: Option<Template>| {
                let gone = || Refusal::NotFound(format!("there is no template {code}"));
                let mut template = template.ok_or_else(gone)?;
                let number = template.publish(version.clone()).ok_or_else(full)?;
                Ok((template, number))
            })
            .await
    }

    async fn list(&self, code: &str) -> Result<(), Refusal> {
        self.store
            .update("codes", |codes: Option<BTreeSet<String>>| {
                let mut codes = codes.unwrap_or_default();
                if codes.insert(code.to_owned()) && codes.len() > TEMPLATE_COUNT_MAX {
                    return Err(Refusal::Full(format!(
                        "{TEMPLATE_COUNT_MAX} templates are enough"
                    )));
                }
                Ok((codes, ()))
            })
            .await
    }

    async fn keep(&self, publication: Publication) -> Result<Version, Refusal> {
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
mod tests;
