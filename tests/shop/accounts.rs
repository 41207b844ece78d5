//! Registering, signing in, staying signed in.

use crate::support::{Customer, JsonWebKey, PASSWORD, Shop, claims};
use serde_json::{Value, json};

async fn refresh(shop: &Shop, token: &Value) -> harness::Answer {
    let token = token.as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    shop.visitor().submit("/oauth2/token", &form).await
}

fn is_invalid_grant(answer: &harness::Answer) -> bool {
    answer.status == 400 && answer.json()["error"] == "invalid_grant"
}

#[tokio::test]
async fn somebody_registers_and_is_who_they_are() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let me = ada.api.get("/api/v1/users/me").await.expect(200);
    assert_eq!(me.header("cache-control"), "no-store");
    let me = me.json();
    assert_eq!(me["id"], ada.id);
    assert_eq!(me["email"], ada.email);
    assert_eq!(me["name"], "Ada Lovelace");
    assert_eq!(me["roles"], json!(["customer"]));
    assert!(!me.to_string().contains("password"), "{me}");
}

#[tokio::test]
async fn an_address_is_taken_once_whatever_its_case() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    for email in [ada.email.clone(), ada.email.to_uppercase()] {
        let person = json!({"email": email, "password": PASSWORD, "name": "Somebody else"});
        shop.visitor().post("/api/v1/users", &person).await.problem(409);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_the_same() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let mut answers = Vec::new();
    for email in [ada.email.as_str(), "nobody-at-all@example.org"] {
        let credentials = json!({"email": email, "password": "not her password"});
        let answer = shop.visitor().post("/api/v1/sessions", &credentials).await;
        let mut problem = answer.problem(401);
        problem.as_object_mut().unwrap().remove("request_id");
        answers.push(problem);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn without_a_token_nobody_is_anybody() {
    let shop = Shop::shared().await;
    for token in ["", "nonsense", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMSJ9."] {
        let answer = shop.visitor().bearer(token).get("/api/v1/users/me").await;
        answer.problem(401);
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
    }
    shop.visitor().get("/api/v1/users/me").await.problem(401);
}

#[tokio::test]
async fn refreshing_rotates_and_the_new_access_token_works() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let answer = refresh(shop, &ada.session["refresh_token"]).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.json();
    assert_ne!(tokens["refresh_token"], ada.session["refresh_token"]);
    let renewed = shop.visitor().bearer(tokens["access_token"].as_str().unwrap());
    let me = renewed.get("/api/v1/users/me").await.expect(200).json();
    assert_eq!(me["id"], ada.id);
}

#[tokio::test]
async fn a_refresh_token_that_comes_again_ends_its_family_and_no_other() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let elsewhere = Customer::sign_in(shop, &ada.id, &ada.email).await;
    let first = ada.session["refresh_token"].clone();
    let second = refresh(shop, &first).await.expect(200).json()["refresh_token"].clone();
    let third = refresh(shop, &second).await.expect(200).json()["refresh_token"].clone();
    // Only the immediate predecessor may be repeated, and only for a moment.
    assert!(is_invalid_grant(&refresh(shop, &first).await), "a stolen token");
    assert!(is_invalid_grant(&refresh(shop, &third).await), "the family has ended");
    refresh(shop, &elsewhere.session["refresh_token"]).await.expect(200);
}

#[tokio::test]
async fn signing_out_ends_a_session() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let token = ada.session["refresh_token"].as_str().unwrap();
    for _ in 0..2 {
        shop.visitor().submit("/oauth2/revoke", &[("token", token)]).await.expect(200);
    }
    assert!(is_invalid_grant(&refresh(shop, &ada.session["refresh_token"]).await));
    shop.visitor().submit("/oauth2/revoke", &[("token", "unknown")]).await.expect(200);
}

#[tokio::test]
async fn anybody_can_check_a_token_with_the_published_keys() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let configuration = shop.visitor().get("/.well-known/openid-configuration").await;
    let configuration = configuration.expect(200).json();
    let issuer = configuration["issuer"].as_str().unwrap();
    if shop.host().is_some() {
        assert_eq!(issuer, shop.base(), "the issuer is where clients reach it");
    }
    assert_eq!(configuration["jwks_uri"], format!("{issuer}/.well-known/jwks.json"));
    assert_eq!(configuration["token_endpoint"], format!("{issuer}/oauth2/token"));

    let keys = shop.visitor().get("/.well-known/jwks.json").await.expect(200).json();
    let keys: Vec<_> = keys["keys"].as_array().unwrap().iter().map(JsonWebKey::read).collect();
    let token = ada.session["access_token"].as_str().unwrap();
    let (header, claims) = claims(token, &keys).expect("a good signature");
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(issuer), &json!(ada.id)));
    let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(json!(life), ada.session["expires_in"]);
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_refused() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let token = ada.session["access_token"].as_str().unwrap();
    let keys = shop.visitor().get("/.well-known/jwks.json").await.expect(200).json();
    let keys: Vec<_> = keys["keys"].as_array().unwrap().iter().map(JsonWebKey::read).collect();
    for index in [10, token.find('.').unwrap() + 20, token.len() - 20] {
        let other = if &token[index..=index] == "A" { "B" } else { "A" };
        let forged = format!("{}{other}{}", &token[..index], &token[index + 1..]);
        assert!(claims(&forged, &keys).is_none(), "{index}");
        shop.visitor().bearer(&forged).get("/api/v1/users/me").await.problem(401);
    }
}
