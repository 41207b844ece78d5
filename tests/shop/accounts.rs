//! Registering, signing in, staying signed in.

use crate::support::{Api, Customer, JsonWebKey, PASSWORD, Shop, claims, eventually, unique};
use harness::Client;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a mail may take, because a sweep requests it.
const MAIL: Duration = Duration::from_secs(60);

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
async fn registering_a_taken_address_changes_nothing_and_notifies_only_its_owner() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let stranger = json!({"email": ada.email.to_uppercase(), "password": "not her own password", "name": "Eve"});
    let free =
        json!({"email": format!("{}@example.org", unique()), "password": PASSWORD, "name": "Eve"});
    for person in [&stranger, &free] {
        let mut answer = shop.visitor().post("/api/v1/users", person).await.expect(202).json();
        answer.as_object_mut().unwrap().remove("email");
        assert_eq!(answer, json!({"name": "Eve", "language": "en"}));
    }
    let credentials = json!({"email": ada.email, "password": "not her own password"});
    shop.visitor().post("/api/v1/sessions", &credentials).await.problem(401);
    mail(shop, &ada.email, "You already have an account").await;
}

/// The text of the newest mail to this address with this subject.
async fn mail(shop: &Shop, to: &str, subject: &str) -> String {
    let mailbox = Client::new(shop.base());
    let id = eventually("a mail comes", MAIL, async || {
        let all = mailbox.get("/mailbox/messages.json").await.expect(200).json();
        let mine = all["items"].as_array().unwrap().clone().into_iter();
        let mut mine = mine.filter(|mail| mail["to"] == to && mail["subject"] == subject);
        mine.next().map(|mail| mail["id"].as_str().unwrap().to_owned())
    })
    .await;
    mailbox.get(&format!("/mailbox/{id}")).await.expect(200).text()
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_mail_and_all_sessions_end() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let visitor = shop.visitor();
    for email in [ada.email.as_str(), "nobody-at-all@example.org"] {
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
async fn changing_a_password_needs_the_current_one() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let path = "/api/v1/users/me/password";
    let change =
        |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    ada.api.post(path, &change("not her password", "four unrelated words")).await.problem(403);
    ada.api.post(path, &change(PASSWORD, &ada.email)).await.problem(422);
    ada.api.post(path, &change(PASSWORD, "four unrelated words")).await.expect(204);
    let credentials = json!({"email": ada.email, "password": PASSWORD});
    shop.visitor().post("/api/v1/sessions", &credentials).await.problem(401);
    mail(shop, &ada.email, "Your password was changed").await;
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
async fn addresses_of_orders_are_erased_with_the_account_and_the_books_stay() {
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
async fn weak_passwords_and_deceptive_names_are_refused() {
    let shop = Shop::shared().await;
    for (password, name, pointer) in [
        ("password", "Ada", "/password"),
        ("aaaaaaaa", "Ada", "/password"),
        ("        ", "Ada", "/password"),
        (PASSWORD, "Ada\u{202e}", "/name"),
        (PASSWORD, "A\u{200b}da", "/name"),
    ] {
        let email = format!("{}@example.org", unique().to_lowercase());
        let person = json!({"email": email, "password": password, "name": name});
        let problem = shop.visitor().post("/api/v1/users", &person).await.problem(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
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
async fn signing_out_everywhere_ends_every_session() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let elsewhere = Customer::sign_in(shop, &ada.id, &ada.email).await;
    ada.api.delete("/api/v1/sessions").await.expect(204);
    for session in [&ada.session, &elsewhere.session] {
        assert!(is_invalid_grant(&refresh(shop, &session["refresh_token"]).await));
    }
    let again = Customer::sign_in(shop, &ada.id, &ada.email).await;
    refresh(shop, &again.session["refresh_token"]).await.expect(200);
    shop.visitor().delete("/api/v1/sessions").await.problem(401);
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
