//! Accounts and sessions, as far as other functions take part.

use crate::support::{Api, Customer, JsonWebKey, PASSWORD, Shop, claims, eventually, unique};
use harness::Client;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// The timeout for mails, which a sweep requests.
const MAIL: Duration = Duration::from_secs(120);

async fn refresh(shop: &Shop, token: &Value) -> harness::Answer {
    let token = token.as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    shop.visitor().submit("/oauth2/token", &form).await
}

fn is_invalid_grant(answer: &harness::Answer) -> bool {
    answer.status == 400 && answer.json()["error"] == "invalid_grant"
}

#[tokio::test]
async fn mails_about_an_account_reach_its_owner() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let person = json!({"email": ada.email.to_uppercase(), "password": PASSWORD, "name": "Eve"});
    shop.visitor().post("/api/v1/users", &person).await.expect(202);
    mail(shop, &ada.email, "You already have an account").await;
    let path = "/api/v1/users/me/password";
    let new = "four unrelated words";
    let change = |current: &str| json!({"current_password": current, "new_password": new});
    ada.api.post(path, &change("not her password")).await.problem(403);
    ada.api.post(path, &change(PASSWORD)).await.expect(204);
    mail(shop, &ada.email, "Your password was changed").await;
}

/// The text of the newest mail to this address with this subject.
async fn mail(shop: &Shop, to: &str, subject: &str) -> String {
    let mailbox = Client::new(shop.base());
    let id = eventually("the mail arrives", MAIL, async || {
        let all = mailbox.get("/mailbox/messages.json").await.expect(200).json();
        let mine = all["items"].as_array().unwrap().clone().into_iter();
        let mut mine = mine.filter(|mail| mail["to"] == to && mail["subject"] == subject);
        mine.next().map(|mail| mail["id"].as_str().unwrap().to_owned())
    })
    .await;
    mailbox.get(&format!("/mailbox/{id}")).await.expect(200).text()
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_mail() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let visitor = shop.visitor();
    for email in [ada.email.as_str(), "unknown@example.org"] {
        let asked = visitor.post("/api/v1/password-resets", &json!({"email": email})).await;
        assert_eq!(asked.expect(202).json(), json!({}));
    }
    let mail = mail(shop, &ada.email, "Reset your password").await;
    let token = mail.split("/reset?token=").nth(1).expect(&mail);
    let token: String =
        token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    let path = format!("/api/v1/password-resets/{token}");
    visitor.put(&path, &json!({"new_password": "password"})).await.problem(422);
    let new = json!({"new_password": "four unrelated words here"});
    visitor.put(&path, &new).await.expect(204);
    visitor.put(&path, &new).await.problem(404);
    assert!(is_invalid_grant(&refresh(shop, &ada.session["refresh_token"]).await));
    let credentials = json!({"email": ada.email, "password": "four unrelated words here"});
    visitor.post("/api/v1/sessions", &credentials).await.expect(200);
}

#[tokio::test]
async fn a_deleted_account_leaves_no_readable_personal_data() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let delete = async |password: &str| {
        let body = json!({"password": password}).to_string();
        ada.api.send(Method::DELETE, "/api/v1/users/me", Some("application/json"), body).await
    };
    delete("not her password").await.problem(403);
    delete(PASSWORD).await.expect(204);
    ada.api.get("/api/v1/users/me").await.problem(401);
    let credentials = json!({"email": ada.email, "password": PASSWORD});
    shop.visitor().post("/api/v1/sessions", &credentials).await.problem(401);
    // Other functions erase her data when they receive the event.
    let admin = shop.admin().await;
    eventually("her data is erased everywhere", MAIL, async || {
        let body = json!({
            "request_id": unique(), "notification_type": "email", "user_id": ada.id,
            "template_code": "welcome", "variables": {},
        });
        let answer = admin.post("/api/v1/notifications", &body).await;
        (answer.status == 422).then_some(())
    })
    .await;
    // The address is free.
    let person = json!({"email": ada.email, "password": PASSWORD, "name": "Another Ada"});
    shop.visitor().post("/api/v1/users", &person).await.expect(202);
    let again = Customer::sign_in(shop, "", &ada.email).await;
    let again = again.api.get("/api/v1/users/me").await.expect(200).json();
    assert_ne!(again["id"], ada.id);
}

/// The order as an administrator sees it.
async fn recorded(admin: &Api, order: &Value) -> Value {
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    admin.get(&path).await.expect(200).json()
}

/// The same, after its address was erased.
async fn erased(admin: &Api, order: &Value) -> Value {
    eventually("the order has no address", MAIL, async || {
        let now = recorded(admin, order).await;
        now["shipping_address"].is_null().then_some(now)
    })
    .await
}

#[tokio::test]
async fn addresses_of_orders_are_erased_with_the_account() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let ended = ada.buy(&[(&sku, 1)], "tok_declined").await;
    let under_way = ada.buy(&[(&sku, 1)], "tok_approved").await;
    let (item, one) = (format!("/api/v1/cart/items/{sku}"), json!({"quantity": 1}));
    ada.api.put(&item, &one).await.expect(200);
    let body = json!({"password": PASSWORD}).to_string();
    let deleted =
        ada.api.send(Method::DELETE, "/api/v1/users/me", Some("application/json"), body).await;
    deleted.expect(204);

    let now = erased(&admin, &ended).await;
    for member in ["status", "items", "total", "rejection"] {
        assert_eq!(now[member], ended[member], "{member}");
    }
    // Her access token is still valid for some minutes; her cart accepts nothing.
    eventually("the cart is closed", MAIL, async || {
        (ada.api.put(&item, &one).await.status == 401).then_some(())
    })
    .await;
    assert_eq!(ada.api.get("/api/v1/cart").await.expect(200).json()["items"], json!([]));
    assert!(!recorded(&admin, &under_way).await["shipping_address"].is_null());
    let id = under_way["id"].as_str().unwrap();
    for status in ["in_transit", "delivered"] {
        admin.report(&ada, id, status).await;
    }
    assert_eq!(erased(&admin, &under_way).await["total"], under_way["total"]);
}

#[tokio::test]
async fn rotating_the_signing_key_does_not_affect_users() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let keys = admin.post("/api/v1/admin/signing-keys", &json!({})).await.expect(200).json();
    assert_eq!(keys["items"][0]["state"], "waiting");
    let published = shop.visitor().get("/.well-known/jwks.json").await.expect(200).json();
    assert_eq!(published["keys"].as_array().unwrap().len(), 2);
    ada.api.get("/api/v1/users/me").await.expect(200);
    refresh(shop, &ada.session["refresh_token"]).await.expect(200);
    ada.api.post("/api/v1/admin/signing-keys", &json!({})).await.problem(403);
}

#[tokio::test]
async fn sessions_are_refreshed_and_ended() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let elsewhere = Customer::sign_in(shop, &ada.id, &ada.email).await;
    let renewed = refresh(shop, &ada.session["refresh_token"]).await.expect(200).json();
    let api = shop.visitor().bearer(renewed["access_token"].as_str().unwrap());
    assert_eq!(api.get("/api/v1/users/me").await.expect(200).json()["id"], ada.id);
    let token = renewed["refresh_token"].as_str().unwrap();
    shop.visitor().submit("/oauth2/revoke", &[("token", token)]).await.expect(200);
    assert!(is_invalid_grant(&refresh(shop, &renewed["refresh_token"]).await));
    elsewhere.api.delete("/api/v1/sessions").await.expect(204);
    assert!(is_invalid_grant(&refresh(shop, &elsewhere.session["refresh_token"]).await));
}

#[tokio::test]
async fn access_tokens_are_verified_with_the_published_keys() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let configuration = shop.visitor().get("/.well-known/openid-configuration").await;
    let configuration = configuration.expect(200).json();
    let issuer = configuration["issuer"].as_str().unwrap();
    if shop.host().is_some() {
        assert_eq!(issuer, shop.base(), "the issuer is the address of the shop");
    }
    assert_eq!(configuration["jwks_uri"], format!("{issuer}/.well-known/jwks.json"));
    assert_eq!(configuration["token_endpoint"], format!("{issuer}/oauth2/token"));

    let keys = shop.visitor().get("/.well-known/jwks.json").await.expect(200).json();
    let keys: Vec<_> = keys["keys"].as_array().unwrap().iter().map(JsonWebKey::read).collect();
    let token = ada.session["access_token"].as_str().unwrap();
    let (header, claims) = claims(token, &keys).expect("a valid signature");
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(issuer), &json!(ada.id)));
    let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(json!(life), ada.session["expires_in"]);
}
