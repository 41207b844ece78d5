//! One repository of a registry: its tags, manifests and blobs.

use super::authorization::Scope;
use super::manifest::{INDEX_MEDIA_TYPE, MEDIA_TYPE};
use super::session::{Asked, Session};
use super::{Credentials, Descriptor, Error, digest_of, is_digest};
use crate::capabilities::outbound_http::{Answer, Client};
use bytes::Bytes;
use http::header::{ACCEPT, HeaderMap, HeaderValue, LINK};
use http::{Method, uri::Authority};
use serde::Deserialize;
use url::Url;

/// Maximum size of a manifest, which the specification recommends.
const MANIFEST_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Maximum size of one page of tags.
const TAGS_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Maximum number of pages of tags.
const TAG_PAGES_MAX: usize = 100;
/// Maximum length of the name of a repository.
const NAME_MAX_BYTES: usize = 255;
/// What the registry `docker.io` is in URLs.
const DOCKER_HUB: &str = "index.docker.io";

/// How a registry is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    #[default]
    Https,
}

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) protocol: Protocol,
    /// The host of the registry, which may have a port.
    pub(crate) registry: String,
    /// For example `owner/project`.
    pub(crate) name: String,
}

/// A repository, with what it takes to use it.
pub(crate) struct Repository<'a> {
    /// Its base is `https://<registry>/v2/<name>/`.
    pub(super) session: Session<'a>,
}

/// What is done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Pull,
    Push,
}

/// A page of tags.
#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl Address {
    pub(super) fn is_valid(&self) -> bool {
        self.url().is_some()
    }

    fn url(&self) -> Option<Url> {
        let registry = registry_url(self.protocol, &self.registry)?;
        let path = format!("{}/", self.name);
        is_name(&self.name).then(|| registry.join(&path).ok()).flatten()
    }
}

/// `https://<registry>/v2/`.
pub(super) fn registry_url(protocol: Protocol, registry: &str) -> Option<Url> {
    let scheme = match protocol {
        Protocol::Http => "http",
        Protocol::Https => "https",
    };
    let host = match registry {
        "docker.io" => DOCKER_HUB,
        host => host,
    };
    let authority: Authority = host.parse().ok()?;
    let begins = |c: char| c.is_ascii_alphanumeric() || c == '[';
    let is_host = !authority.as_str().contains('@') && authority.host().starts_with(begins);
    is_host.then(|| Url::parse(&format!("{scheme}://{authority}/v2/")).ok()).flatten()
}

/// Whether this is the name of a repository: words of lowercase letters and digits, with single
/// separators.
fn is_name(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_inner)
            && part.ends_with(is_inner)
            && part.chars().all(|c| is_inner(c) || "._-".contains(c))
            && !part.contains("..")
    };
    name.len() <= NAME_MAX_BYTES && name.split('/').all(is_part)
}

impl<'a> Repository<'a> {
    pub(crate) fn new(
        client: &'a Client,
        address: &Address,
        access: Access,
        credentials: Option<Credentials>,
    ) -> Result<Self, Error> {
        let base = address.url().ok_or_else(|| {
            let Address { registry, name, .. } = address;
            Error::invalid(format!("`{registry}/{name}` is not the address of a repository"))
        })?;
        let name = address.name.clone();
        let scope = match access {
            Access::Pull => Scope::Pull(name),
            Access::Push => Scope::Push(name),
        };
        Ok(Self { session: Session::new(client, base, scope, credentials) })
    }

    /// All tags.
    pub(crate) async fn tags(&self) -> Result<Vec<String>, Error> {
        let (mut url, mut tags) = (self.url("tags/list")?, Vec::new());
        for _ in 0..TAG_PAGES_MAX {
            let answer = self.get(&url, "application/json", TAGS_MAX_BYTES).await?;
            let page: Tags = serde_json::from_slice(answer.body())
                .map_err(|error| Error::invalid(format!("its list of tags is invalid: {error}")))?;
            tags.extend(page.tags.unwrap_or_default());
            match next_page(&url, answer.headers()) {
                Some(next) => url = next,
                None => return Ok(tags),
            }
        }
        Err(Error::invalid(format!("it has more than {TAG_PAGES_MAX} pages of tags")))
    }

    /// The text of the manifest of a tag or a digest, which is checked if it is a digest.
    pub(crate) async fn manifest(&self, reference: &str) -> Result<Bytes, Error> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let accept = format!("{MEDIA_TYPE}, {INDEX_MEDIA_TYPE}");
        let bytes = self.get(&url, &accept, MANIFEST_MAX_BYTES).await?.into_body();
        let found = digest_of(&bytes);
        if is_digest(reference) && found != reference {
            return Err(Error::invalid(format!(
                "the registry sent a manifest with the digest {found} instead of {reference}"
            )));
        }
        Ok(bytes)
    }

    /// The bytes of a part, whose digest is checked. No more than the declared size are read.
    pub(crate) async fn blob(&self, part: &Descriptor, bytes_max: usize) -> Result<Bytes, Error> {
        let declared = usize::try_from(part.size).ok().filter(|bytes| *bytes <= bytes_max);
        let Some(declared) = declared else {
            return Err(Error::invalid(format!(
                "it has {} bytes, and the maximum is {bytes_max}",
                part.size
            )));
        };
        let url = self.url(&format!("blobs/{}", part.digest))?;
        let bytes = self.get(&url, "*/*", declared).await?.into_body();
        let found = digest_of(&bytes);
        if found != part.digest {
            return Err(Error::invalid(format!(
                "the registry sent content with the digest {found} instead of {}",
                part.digest
            )));
        }
        Ok(bytes)
    }

    pub(super) fn url(&self, path: &str) -> Result<Url, Error> {
        self.session.base().join(path).map_err(|error| Error::invalid(format!("`{path}`: {error}")))
    }

    async fn get(&self, url: &Url, accept: &str, bytes_max: usize) -> Result<Answer, Error> {
        let accept = HeaderValue::from_str(accept).ok().map(|accept| (ACCEPT, accept));
        let (fields, body) = (accept.into_iter().collect(), Bytes::new());
        self.session.send(Asked { method: Method::GET, url, fields, body, bytes_max }).await
    }
}

/// The next page of a list, if it is at the same server.
fn next_page(url: &Url, headers: &HeaderMap) -> Option<Url> {
    let (target, rest) = headers.get(LINK)?.to_str().ok()?.strip_prefix('<')?.split_once('>')?;
    let is_next = rest.contains("rel=\"next\"") || rest.contains("rel=next");
    let next = url.join(target).ok()?;
    (is_next && next.origin() == url.origin()).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(registry: &str, name: &str) -> Option<String> {
        let (registry, name) = (registry.to_owned(), name.to_owned());
        Address { protocol: Protocol::Https, registry, name }.url().map(String::from)
    }

    #[test]
    fn the_url_of_a_repository_is_that_of_the_specification() {
        assert_eq!(url("ghcr.io", "a/b").unwrap(), "https://ghcr.io/v2/a/b/");
        assert_eq!(url("localhost:5000", "a").unwrap(), "https://localhost:5000/v2/a/");
        assert_eq!(url("docker.io", "a/b").unwrap(), "https://index.docker.io/v2/a/b/");
        for name in ["", "A", "a//b", "../b", "a/..", "a?b", "a#b", "a/-b", &"a".repeat(256)] {
            assert_eq!(url("ghcr.io", name), None, "{name}");
        }
        for registry in ["", "a/b", "u@b", "a b", ".."] {
            assert_eq!(url(registry, "a"), None, "{registry}");
        }
    }

    #[test]
    fn the_next_page_is_one_of_the_same_server() {
        let from = Url::parse("https://a.example/v2/b/tags/list").unwrap();
        let next = |link: &str| {
            let headers = [(LINK, HeaderValue::from_str(link).unwrap())].into_iter().collect();
            next_page(&from, &headers).map(String::from)
        };
        let expected = "https://a.example/v2/b/tags/list?last=1";
        assert_eq!(next("</v2/b/tags/list?last=1>; rel=\"next\"").as_deref(), Some(expected));
        assert_eq!(next("</v2/b/tags/list?last=1>; rel=\"prev\""), None);
        assert_eq!(next("<https://b.example/>; rel=\"next\""), None);
    }
}
