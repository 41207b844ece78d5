//! Rotation of signing keys.

use super::*;
use crate::domain::key::{KEY_AHEAD_MS, KEY_BEHIND_MS, KEY_LIFETIME_MS};

async fn published(shop: &Shop) -> Vec<String> {
    let set = shop.get("/.well-known/jwks.json", None).await.json;
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

async fn token(shop: &Shop) -> String {
    shop.sign_in(ADA, PASSWORD).await.member("access_token")
}

/// An administrator's token, for one request.
async fn admin(shop: &Shop) -> String {
    shop.set_admin(ROOT, "first password");
    shop.sign_in(ROOT, "first password").await.member("access_token")
}

#[tokio::test]
async fn a_due_key_is_published_before_it_signs() {
    let shop = Shop::new();
    shop.register(ADA).await;
    let first = kid(&token(&shop).await);
    shop.wait_ms(KEY_LIFETIME_MS);
    shop.sweep().await;
    let both = published(&shop).await;
    assert_eq!((both.len(), &both[1]), (2, &first));
    assert_eq!(kid(&token(&shop).await), first, "caches may not have the new one yet");
    shop.wait_ms(KEY_AHEAD_MS);
    assert_eq!(kid(&token(&shop).await), both[0]);
    shop.sweep().await;
    assert_eq!(published(&shop).await.len(), 2, "tokens of the old one are valid");
    shop.wait_ms(KEY_BEHIND_MS);
    shop.sweep().await;
    assert_eq!(published(&shop).await, both[..1]);
}

#[tokio::test]
async fn an_administrator_rotates_the_key_without_ending_sessions() {
    let shop = Shop::new();
    shop.register(ADA).await;
    let before = token(&shop).await;
    let path = "/api/v1/admin/signing-keys";
    assert_eq!(shop.call("POST", path, &before, json!({})).await.status, 403);
    let admin = admin(&shop).await;
    let states = |response: &Reply| {
        let items = response.json["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let rotated = shop.call("POST", path, &admin, json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    assert_eq!(states(&rotated), ["waiting", "signing"]);
    assert!(!rotated.text.contains("seed") && !rotated.text.contains("\"x\""));
    let again = shop.call("POST", path, &admin, json!({})).await;
    assert_eq!(states(&again).len(), 2, "a published key is enough");
    assert_eq!(shop.get(ME, Some(&before)).await.status, 200);
    shop.wait_ms(KEY_AHEAD_MS);
    assert_eq!(states(&shop.get(path, Some(&admin)).await), ["signing", "ending"]);
}

#[tokio::test]
async fn a_compromised_key_is_revoked_immediately() {
    let shop = Shop::new();
    shop.register(ADA).await;
    let session = shop.sign_in(ADA, PASSWORD).await;
    let admin = admin(&shop).await;
    let body = json!({"compromised": true});
    let rotated = shop.call("POST", "/api/v1/admin/signing-keys", &admin, body).await;
    assert_eq!(rotated.json["items"].as_array().unwrap().len(), 1);
    let old = session.member("access_token");
    assert_eq!(shop.get(ME, Some(&old)).await.status, 401);
    let refreshed = shop.refresh(&session.member("refresh_token")).await;
    let new = refreshed.member("access_token");
    assert_eq!(shop.get(ME, Some(&new)).await.status, 200, "the session continues");
}
