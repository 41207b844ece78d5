//! Downloads by the host itself, for what a manifest names by a URL.

use super::client::Client;
use crate::message::{Response, full_body};
use anyhow::{Context as _, anyhow, bail, ensure};
use http::header::{LOCATION, USER_AGENT};
use http_body_util::BodyExt as _;
use url::Url;

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 10;
/// What the host calls itself.
const AGENT: &str = concat!("tessera/", env!("CARGO_PKG_VERSION"));

impl Client {
    /// Downloads a URL, with a limit on the size of the body.
    pub(crate) async fn download(&self, url: &str, bytes_max: usize) -> anyhow::Result<Vec<u8>> {
        let mut url = Url::parse(url).context("this is not a URL")?;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.get(&url).await?;
            if !response.status().is_redirection() {
                return body(response, bytes_max).await;
            }
            url = target(&url, &response)?;
        }
        bail!("there were more than {REDIRECTS_MAX} redirects")
    }

    async fn get(&self, url: &Url) -> anyhow::Result<Response> {
        ensure!(["http", "https"].contains(&url.scheme()), "{url} is not an HTTP URL");
        ensure!(url.username().is_empty(), "user names in URLs are not supported");
        let mut url = url.clone();
        url.set_fragment(None);
        let request = http::Request::get(url.as_str()).header(USER_AGENT, AGENT);
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

async fn body(response: Response, bytes_max: usize) -> anyhow::Result<Vec<u8>> {
    ensure!(response.status().is_success(), "the server answered {}", response.status());
    let (mut body, mut bytes) = (response.into_body(), Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| anyhow!("the connection failed: {error:?}"))?;
        let Ok(data) = frame.into_data() else { continue };
        ensure!(bytes.len() + data.len() <= bytes_max, "it has more than {bytes_max} bytes");
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
