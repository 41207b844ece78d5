//! The bodies of requests.

use axum::extract::{FromRequest, Request};
use chassis::form::{BODY_BYTES_MAX, read_limited};
use chassis::text::is_visible;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::Error;
use crate::domain::{self, NAME_CHARS_MAX, REFERENCE_CHARS_MAX, is_address, is_amount};
use crate::service::{NewUser, Refusal};

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let too_long = |_| invalid(format!("send at most {BODY_BYTES_MAX} bytes"));
        let bytes = read_limited(request.into_body(), BODY_BYTES_MAX).await.map_err(too_long)?;
        let read = serde_json::from_slice(&bytes);
        read.map(Body).map_err(|error| invalid(format!("the body can't be read: {error}")).into())
    }
}

fn invalid(detail: impl Into<String>) -> Refusal {
    Refusal::Invalid(detail.into())
}

fn name(text: String) -> Result<String, Refusal> {
    match is_visible(&text) && text.chars().count() <= NAME_CHARS_MAX {
        true => Ok(text),
        false => Err(invalid(format!("name: 1 to {NAME_CHARS_MAX} visible characters"))),
    }
}

fn language(tag: Option<String>) -> Result<String, Refusal> {
    let tag = tag.unwrap_or_else(|| "en".to_owned());
    match (2..=35).contains(&tag.len())
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    {
        true => Ok(tag),
        false => Err(invalid("language: a tag like en or pt-BR")),
    }
}

/// `POST /legacy/api/users`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    email: String,
    name: String,
    password: String,
    language: Option<String>,
}

impl Registration {
    pub(super) fn read(self) -> Result<NewUser, Refusal> {
        let email = self.email.to_ascii_lowercase();
        if !is_address(&email) {
            return Err(invalid("email: not a mail address"));
        }
        if !(8..=128).contains(&self.password.len()) {
            return Err(invalid("password: 8 to 128 bytes"));
        }
        let (name, language) = (name(self.name)?, language(self.language)?);
        Ok(NewUser { email, name, language, password: self.password })
    }
}

/// `POST /legacy/api/sessions`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    pub(super) email: String,
    pub(super) password: String,
}

/// `PUT /legacy/api/users/me`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    name: String,
    language: Option<String>,
}

impl Profile {
    pub(super) fn read(self) -> Result<(String, String), Refusal> {
        Ok((name(self.name)?, language(self.language)?))
    }
}

/// `POST /legacy/api/orders`. Where it is sent to and how it is paid for are for the warehouse and
/// the accountant, who get them from a file: this shop does not look at them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrder {
    reference: String,
    articles: Vec<Wanted>,
    #[serde(rename = "ship_to")]
    _ship_to: ShipTo,
    #[serde(rename = "card")]
    _card: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    article: String,
    pieces: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShipTo {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "street")]
    _street: String,
    #[serde(rename = "city")]
    _city: String,
    #[serde(rename = "zip")]
    _zip: String,
    #[serde(rename = "country")]
    _country: String,
}

impl NewOrder {
    pub(super) fn read(self) -> Result<domain::NewOrder, Refusal> {
        let reference = self.reference;
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !(1..=REFERENCE_CHARS_MAX).contains(&reference.len()) || !reference.bytes().all(is_plain)
        {
            return Err(invalid(format!(
                "reference: 1 to {REFERENCE_CHARS_MAX} letters, digits, dots, hyphens"
            )));
        }
        let articles = self.articles.into_iter().map(|it| (it.article, it.pieces)).collect();
        Ok(domain::NewOrder { reference, articles })
    }
}

/// `PUT /legacy/api/support/orders/{number}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Correction {
    total: String,
}

impl Correction {
    pub(super) fn read(self) -> Result<String, Refusal> {
        match is_amount(&self.total) {
            true => Ok(self.total),
            false => Err(invalid("total: an amount like 4.50")),
        }
    }
}
