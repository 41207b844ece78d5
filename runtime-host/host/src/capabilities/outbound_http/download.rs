//! Requests by the host itself, for what it downloads: whole answers, and redirects are followed.

use super::client::Client;
use crate::message::{Request, Response, full_body};
use anyhow::{Context as _, anyhow, bail, ensure};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue, LOCATION, USER_AGENT, WWW_AUTHENTICATE};
use http_body_util::BodyExt as _;
use url::Url;

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 10;
/// Maximum size of the body of an error response.
const ERROR_MAX_BYTES: usize = 64 * 1024;
/// What the host calls itself.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("tessera/", env!("CARGO_PKG_VERSION")));

/// A response with its whole body.
pub(crate) type Answer = http::Response<Bytes>;

impl Client {
    /// Downloads a URL, with a limit on the size of the body.
    pub(crate) async fn download(&self, url: &str, bytes_max: usize) -> anyhow::Result<Bytes> {
        let url = Url::parse(url).context("this is not a URL")?;
        let answer = self.get(&url, &HeaderMap::new(), bytes_max).await?;
        ensure!(answer.status().is_success(), "the server answered {}", answer.status());
        Ok(answer.into_body())
    }

    /// Gets a URL, with these header fields and a limit on the size of the body. Other servers than
    /// that of the URL do not get the authorization, and can't ask for one.
    pub(crate) async fn get(
        &self,
        url: &Url,
        fields: &HeaderMap,
        bytes_max: usize,
    ) -> anyhow::Result<Answer> {
        let (mut url, mut fields) = (url.clone(), fields.clone());
        fields.insert(USER_AGENT, AGENT);
        let mut is_elsewhere = false;
        for _ in 0..=REDIRECTS_MAX {
            let mut response = self.get_once(&url, &fields).await?;
            if is_elsewhere {
                response.headers_mut().remove(WWW_AUTHENTICATE);
            }
            if !response.status().is_redirection() {
                return whole(response, bytes_max).await;
            }
            let next = target(&url, &response)?;
            if next.origin() != url.origin() {
                fields.remove(AUTHORIZATION);
                is_elsewhere = true;
            }
            url = next;
        }
        bail!("there were more than {REDIRECTS_MAX} redirects")
    }

    /// Sends one request, and reads the whole answer, with a limit on the size of its body.
    pub(crate) async fn exchange(
        &self,
        request: Request,
        bytes_max: usize,
    ) -> anyhow::Result<Answer> {
        whole(self.fetch(request).await?, bytes_max).await
    }

    async fn get_once(&self, url: &Url, fields: &HeaderMap) -> anyhow::Result<Response> {
        ensure!(["http", "https"].contains(&url.scheme()), "{url} is not an HTTP URL");
        ensure!(url.username().is_empty(), "user names in URLs are not supported");
        let mut url = url.clone();
        url.set_fragment(None);
        let mut request = http::Request::get(url.as_str());
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(fields);
        }
        let request = request.body(full_body("")).with_context(|| format!("{url} is no URL"))?;
        self.fetch(request).await
    }
}

/// Where a redirect leads.
fn target(from: &Url, response: &Response) -> anyhow::Result<Url> {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let location = location.with_context(|| {
        format!("the server answered {} without a `location`", response.status())
    })?;
    from.join(location)
        .with_context(|| format!("it was redirected to `{location}`, which is no URL"))
}

/// The response with its body. That of an error is empty if it is too long.
async fn whole(response: Response, bytes_max: usize) -> anyhow::Result<Answer> {
    let (head, body) = response.into_parts();
    let failed = !head.status.is_success();
    let body = match body_of(body, if failed { ERROR_MAX_BYTES } else { bytes_max }).await {
        Err(_) if failed => Bytes::new(),
        body => body?,
    };
    Ok(http::Response::from_parts(head, body))
}

async fn body_of(mut body: crate::message::Body, bytes_max: usize) -> anyhow::Result<Bytes> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| anyhow!("the connection failed: {error:?}"))?;
        let Ok(data) = frame.into_data() else { continue };
        ensure!(bytes.len() + data.len() <= bytes_max, "it has more than {bytes_max} bytes");
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}
