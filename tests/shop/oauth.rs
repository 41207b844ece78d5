//! Sign-in for another application: authorization code with PKCE, and its scopes in all functions.

use crate::support::{Customer, JsonWebKey, OAUTH_CLIENT, OAUTH_REDIRECT, PASSWORD, Shop, claims};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::Answer;
use http::Method;
use sha2::{Digest, Sha256};

const VERIFIER: &str = "a-verifier-that-only-this-application-knows-0123456789";
const STATE: &str = "state with spaces & \"quotes\"";

/// The sign-in page for an authorization request; none if the shop does not know the application.
async fn page(shop: &Shop) -> Option<Answer> {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", OAUTH_CLIENT),
            ("redirect_uri", OAUTH_REDIRECT),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("scope", "openid email"),
            ("state", STATE),
            ("nonce", "once"),
        ])
        .finish();
    let answer = shop.visitor().get(&format!("/oauth2/authorize?{query}")).await;
    if shop.host().is_none() && answer.status == 400 {
        skipped::because("the shop must be started with the variable `oauth_clients`");
        return None;
    }
    Some(answer.expect(200))
}

/// Submits the form with its hidden fields.
async fn submit(shop: &Shop, page: &Answer, email: &str, password: &str) -> Answer {
    let html = page.text();
    let attribute = |tag: &str, name: &str| {
        let value = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
        Some(value.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&"))
    };
    let inputs = html.split("<input").skip(1).map(|tag| tag.split('>').next().unwrap());
    let mut fields: Vec<(String, String)> = inputs
        .filter(|tag| tag.contains("type=\"hidden\""))
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
        .collect();
    assert!(fields.len() >= 8, "{html}");
    fields.push(("email".into(), email.into()));
    fields.push(("password".into(), password.into()));
    fields.push(("decision".into(), "allow".into()));
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    shop.visitor().submit("/oauth2/authorize", &fields).await
}

/// The parameters of the redirection to the application.
fn redirection(answer: &Answer) -> Vec<(String, String)> {
    let location = answer.header("location");
    let query = location.strip_prefix(OAUTH_REDIRECT).expect("a redirection to the application");
    form_urlencoded::parse(query.trim_start_matches('&').as_bytes()).into_owned().collect()
}

fn parameter(parameters: &[(String, String)], name: &str) -> String {
    let found = parameters.iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("{name} in {parameters:?}")).1.clone()
}

async fn redeem(shop: &Shop, code: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", OAUTH_CLIENT),
        ("redirect_uri", OAUTH_REDIRECT),
        ("code", code),
        ("code_verifier", VERIFIER),
    ];
    shop.visitor().submit("/oauth2/token", &form).await
}

#[tokio::test]
async fn an_application_may_only_use_granted_scopes() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let Some(page) = page(shop).await else { return };
    assert!(page.text().contains("see your e-mail address"), "{}", page.text());
    let again = submit(shop, &page, &ada.email, "not her password").await.expect(403);
    let back = redirection(&submit(shop, &again, &ada.email, PASSWORD).await.expect(303));
    assert_eq!(parameter(&back, "state"), STATE);
    let tokens = redeem(shop, &parameter(&back, "code")).await.expect(200).json();
    let keys = shop.visitor().get("/.well-known/jwks.json").await.expect(200).json();
    let keys: Vec<_> = keys["keys"].as_array().unwrap().iter().map(JsonWebKey::read).collect();
    let (_, identity) = claims(tokens["id_token"].as_str().unwrap(), &keys).unwrap();
    assert_eq!((&identity["nonce"], &identity["aud"]), (&"once".into(), &OAUTH_CLIENT.into()));
    let api = shop.visitor().bearer(tokens["access_token"].as_str().unwrap());
    let me = api.get("/api/v1/users/me").await.expect(200).json();
    let members: Vec<_> = me.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["email", "id"]);
    for path in ["/api/v1/orders", "/api/v1/order-history", "/api/v1/cart", "/api/v1/notifications"]
    {
        let refused = api.get(path).await;
        let challenge = refused.header("www-authenticate").to_owned();
        refused.problem(403);
        assert!(challenge.contains("insufficient_scope"), "{path}: {challenge}");
    }
    api.get("/api/v1/payments/ledger").await.problem(403);

    let refresh = tokens["refresh_token"].as_str().unwrap();
    let listed = ada.api.get("/api/v1/users/me/applications").await.expect(200).json();
    assert_eq!(listed["items"][0]["client_id"], OAUTH_CLIENT);
    let path = format!("/api/v1/users/me/applications/{OAUTH_CLIENT}");
    ada.api.send(Method::DELETE, &path, None, "").await.expect(204);
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", OAUTH_CLIENT)];
    let over = shop.visitor().submit("/oauth2/token", &form).await.expect(400).json();
    assert_eq!(over["error"], "invalid_grant");
}
