//! The mail provider over HTTP: one `POST` for each mail, with its key as `Idempotency-Key`.

use bytes::Bytes;
use chassis::http::Outbound;
use http::{Request, StatusCode, header};
use serde_json::json;

use crate::ports::{Mail, Unavailable};

/// The timeout of a request.
const TIMEOUT_MS: u64 = 2_500;
/// The provider, unless the variable `mail_provider_url` names another one.
pub const URL_DEFAULT: &str = "http://mailbox.spin.internal";

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Scheme and host.
    pub url: String,
    /// Sent as a bearer token.
    pub key: String,
}

impl Provider {
    /// Sends a mail. A mail that the provider will never accept counts as sent: this shop does not
    /// look at bounces.
    ///
    /// # Errors
    /// The provider does not respond, or responds that a later attempt may succeed.
    pub async fn send(&self, mail: &Mail, outbound: &impl Outbound) -> Result<(), Unavailable> {
        let request = self.request(mail).map_err(|error| Unavailable(error.to_string()))?;
        let response = outbound.send(request, TIMEOUT_MS).await;
        let status = response.map_err(|error| Unavailable(error.to_string()))?.status();
        let never = [StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_REQUEST];
        match status.is_success() || never.contains(&status) {
            true => Ok(()),
            false => Err(Unavailable(format!("the provider responded with {status}"))),
        }
    }

    fn request(&self, mail: &Mail) -> Result<Request<Bytes>, http::Error> {
        let body = json!({
            "to": mail.to,
            "subject": mail.subject,
            "text": mail.text,
            "language": mail.language,
        });
        Request::post(format!("{}/messages", self.url.trim_end_matches('/')))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header("idempotency-key", format!("\"{}\"", mail.key))
            .body(Bytes::from(body.to_string()))
    }
}
