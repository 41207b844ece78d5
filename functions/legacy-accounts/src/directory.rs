//! The accounts of the older shop over HTTP.

use bytes::Bytes;
use chassis::http::Outbound;
use http::{Request, StatusCode};

use crate::ports::{Account, Directory, Unavailable};

/// The older shop.
const LEGACY: &str = "http://legacy.spin.internal";
/// The timeout of a request.
const TIMEOUT_MS: u64 = 5_000;

/// The older shop, reached through this client.
#[derive(Clone, Debug)]
pub struct Legacy<O>(pub O);

impl<O: Outbound> Legacy<O> {
    async fn read(&self, path: &str, session: &str) -> Result<Option<Account>, Unavailable> {
        let unavailable = |reason: &dyn ToString| Unavailable(reason.to_string());
        let request = Request::get(format!("{LEGACY}{path}")).header("x-session", session);
        let request = request.body(Bytes::new()).map_err(|error| unavailable(&error))?;
        let sent = self.0.send(request, TIMEOUT_MS).await;
        let response = sent.map_err(|error| unavailable(&error))?;
        match response.status() {
            StatusCode::OK => serde_json::from_slice(response.body())
                .map(Some)
                .map_err(|error| unavailable(&error)),
            StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED => Ok(None),
            status => Err(Unavailable(format!("it responded with {status}"))),
        }
    }
}

impl<O: Outbound> Directory for Legacy<O> {
    async fn of_session(&self, session: &str) -> Result<Option<Account>, Unavailable> {
        // Other texts can't be in a header, and belong to no session.
        match session.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => self.read("/legacy/api/users/me", session).await,
            false => Ok(None),
        }
    }

    async fn account(&self, customer: u64) -> Result<Option<Account>, Unavailable> {
        self.read(&format!("/internal/users/{customer}"), "").await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chassis::http::OutboundError;
    use http::Response;

    use super::*;

    /// Gives one reply to all requests.
    #[derive(Clone)]
    struct Fixed(u16, &'static str);

    impl Outbound for Fixed {
        async fn send(
            &self,
            request: Request<Bytes>,
            _: u64,
        ) -> Result<Response<Bytes>, OutboundError> {
            assert!(request.uri().to_string().starts_with(LEGACY));
            let body = Bytes::from_static(self.1.as_bytes());
            Ok(Response::builder().status(self.0).body(body).unwrap())
        }
    }

    #[tokio::test]
    async fn what_the_older_shop_responds_is_read() {
        let ada = r#"{"id":1001,"email":"ada@example.org","name":"Ada","language":"en"}"#;
        let account = Legacy(Fixed(200, ada)).account(1001).await.unwrap().unwrap();
        assert_eq!((account.id, account.name.as_str()), (1001, "Ada"));
        for status in [401, 404] {
            assert_eq!(Legacy(Fixed(status, "{}")).of_session("1001-a").await, Ok(None));
        }
        assert_eq!(Legacy(Fixed(200, ada)).of_session("a\nb").await, Ok(None));
        assert!(Legacy(Fixed(503, "{}")).account(1).await.is_err());
        assert!(Legacy(Fixed(200, "{}")).account(1).await.is_err());
    }
}
