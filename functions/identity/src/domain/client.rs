//! Third-party applications, to which users can sign in with their account.
//!
//! All are public clients (RFC 6749 section 2.1): pages and apps can't keep a secret, so they have
//! none, and PKCE binds a code to the application that requested it.

use chassis::text::is_visible;
use serde::Deserialize;

/// The maximum number of clients in the setting.
pub const CLIENTS_MAX: usize = 100;
/// The supported scopes, and what each allows an application to do.
pub const SCOPES: [(&str, &str); 4] = [
    ("openid", "know that you have an account here"),
    ("profile", "see your name and language"),
    ("email", "see your e-mail address"),
    ("orders:read", "see your orders"),
];
/// The value of the claim `client_id` for the shop's own pages.
pub const FIRST_PARTY: &str = "shop";
/// Longest name of an application, in characters.
const NAME_CHARS_MAX: usize = 100;

/// One registered application.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its id.
    #[serde(rename = "client_id")]
    pub id: String,
    /// Where users may be redirected to. Compared character by character: a prefix or pattern could
    /// let a foreign page receive codes.
    pub redirect_uris: Vec<String>,
    /// The name for users; its id if there is none.
    #[serde(default)]
    name: Option<String>,
    /// The scopes that it may request; all if none are listed.
    #[serde(default)]
    scopes: Option<Vec<String>>,
}

impl Client {
    /// An application that may request all scopes.
    pub fn new(id: &str, redirect_uris: Vec<String>) -> Self {
        Self { id: id.to_owned(), redirect_uris, name: None, scopes: None }
    }

    /// The name for users.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// The requested scopes that are supported and that the application may have, without
    /// duplicates and in a fixed order. Others are ignored, as RFC 6749 section 3.3 allows.
    pub fn scopes_of(&self, requested: &str) -> String {
        let requested: Vec<&str> = requested.split(' ').collect();
        let may = |scope: &str| {
            self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|one| one == scope))
        };
        let granted: Vec<&str> = SCOPES
            .into_iter()
            .map(|(scope, _)| scope)
            .filter(|scope| requested.contains(scope) && may(scope))
            .collect();
        granted.join(" ")
    }

    fn fault(&self) -> Option<String> {
        let known = |scope: &&String| !SCOPES.iter().any(|(known, _)| known == scope);
        if self.id.is_empty() || self.id == FIRST_PARTY {
            return Some(format!("client_id {:?} is reserved", self.id));
        }
        if let Some(uri) = self.redirect_uris.iter().find(|uri| !is_redirect(uri)) {
            return Some(format!("redirect URI {uri:?} must be absolute and have no fragment"));
        }
        let is_name = |name: &String| is_visible(name) && name.chars().count() <= NAME_CHARS_MAX;
        if !self.name.iter().all(is_name) {
            return Some(format!("the name of {:?} must be short and visible", self.id));
        }
        let unknown = self.scopes.iter().flatten().find(known)?;
        Some(format!("unknown scope {unknown:?}"))
    }
}

/// Reads the setting `oauth_clients`: a JSON array of `{"client_id": "…", "redirect_uris":
/// ["https://…"], "name": "…", "scopes": ["openid"]}`, the last two optional; empty for no
/// applications.
pub fn parse_clients(setting: &str) -> Result<Vec<Client>, String> {
    if setting.trim().is_empty() {
        return Ok(Vec::new());
    }
    let clients: Vec<Client> = serde_json::from_str(setting).map_err(|fault| fault.to_string())?;
    if clients.len() > CLIENTS_MAX {
        return Err(format!("more than {CLIENTS_MAX} clients"));
    }
    match clients.iter().find_map(Client::fault) {
        Some(fault) => Err(fault),
        None => Ok(clients),
    }
}

/// The part of a redirect URI that a content security policy names: `https://host:port`,
/// or `scheme:` for the private schemes of apps.
pub fn origin(redirect_uri: &str) -> &str {
    let Some((scheme, rest)) = redirect_uri.split_once(':') else { return "" };
    let Some(authority) = rest.strip_prefix("//").filter(|_| scheme.starts_with("http")) else {
        return &redirect_uri[..=scheme.len()];
    };
    let host = authority.find(['/', '?']).unwrap_or(authority.len());
    &redirect_uri[..scheme.len() + 3 + host]
}

/// Whether a granted scope contains this one.
pub fn has_scope(granted: &str, scope: &str) -> bool {
    granted.split(' ').any(|one| one == scope)
}

/// Whether it is absolute and without fragment (RFC 6749 section 3.1.2), and has no characters that
/// could end a header or a policy.
fn is_redirect(uri: &str) -> bool {
    let safe = |c: u8| c.is_ascii_graphic() && !b"\"'<>#\\;,".contains(&c);
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let scheme_is_one = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
    let runs_code = ["javascript", "data", "vbscript", "blob", "file"].contains(&scheme);
    scheme_is_one && !runs_code && uri.bytes().all(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_read_from_json() {
        let setting = r#"[{"client_id":"app","redirect_uris":["http://127.0.0.1:9/cb"]}]"#;
        let redirect_uris = vec!["http://127.0.0.1:9/cb".to_owned()];
        assert_eq!(parse_clients(setting).unwrap(), [Client::new("app", redirect_uris)]);
        assert_eq!(parse_clients(" ").unwrap(), []);
    }

    #[test]
    fn a_wrong_setting_is_an_error() {
        for uri in ["/cb", "https://a/#x", "javascript:alert(1)", "https://a/;b", "", "a b:c"] {
            let setting = format!(r#"[{{"client_id":"app","redirect_uris":["{uri}"]}}]"#);
            assert!(parse_clients(&setting).is_err(), "{uri}");
        }
        for more in [r#""scopes":["admin"]"#, r#""name":"""#, r#""name":"a\u202eb""#] {
            let setting = format!(r#"[{{"client_id":"app","redirect_uris":[],{more}}}]"#);
            assert!(parse_clients(&setting).is_err(), "{more}");
        }
        assert!(parse_clients(r#"[{"client_id":"shop","redirect_uris":[]}]"#).is_err());
        assert!(parse_clients("{}").is_err());
        assert!(parse_clients(r#"[{"client_id":"a","redirect_uris":[],"secret":"x"}]"#).is_err());
    }

    #[test]
    fn scopes_are_reduced_to_those_that_are_supported_and_allowed() {
        let all = Client::new("app", Vec::new());
        assert_eq!(all.scopes_of("email admin openid openid"), "openid email");
        assert_eq!(all.scopes_of(""), "");
        let few = r#"[{"client_id":"app","redirect_uris":[],"scopes":["openid"],"name":"An App"}]"#;
        let few = parse_clients(few).unwrap().remove(0);
        assert_eq!((few.scopes_of("email openid"), few.name()), ("openid".to_owned(), "An App"));
        assert!(has_scope("openid email", "email"));
        assert!(!has_scope("openid email", "mail"));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin("https://a.example:8/cb?x=/"), "https://a.example:8");
        assert_eq!(origin("https://a.example?x"), "https://a.example");
        assert_eq!(origin("com.example.app:/cb"), "com.example.app:");
    }
}
