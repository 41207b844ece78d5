//! Too much of it.

use crate::support::{Customer, PASSWORD, Shop, unique};
use futures::future::join_all;
use serde_json::json;

/// More tries than any quota lets pass at once.
const TRIES_MAX: usize = 200;

#[tokio::test]
async fn guessing_passwords_is_slowed_down_and_hurts_nobody_else() {
    let shop = Shop::shared().await;
    let email = format!("{}@example.org", unique().to_lowercase());
    let guess = json!({"email": email, "password": "a guess at her password"});
    let mut refused = None;
    for _ in 0..TRIES_MAX {
        let answer = shop.visitor().post("/api/v1/sessions", &guess).await;
        assert!(answer.header("ratelimit-policy").contains("credentials"), "{answer:?}");
        if answer.status != 401 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("guesses are counted");
    let problem = refused.problem(429);
    assert_eq!(problem["type"], "/problems/quota-exceeded");
    let retry_after: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=120).contains(&retry_after), "{retry_after}");
    assert!(refused.header("ratelimit").contains("\"credentials\";r=0"), "{refused:?}");
    // Somebody else signs in from the same address.
    Customer::new(shop).await;
}

#[tokio::test]
async fn what_is_left_of_a_quota_is_told() {
    let shop = Shop::shared().await;
    let email = format!("{}@example.org", unique().to_lowercase());
    let guess = json!({"email": email, "password": "a guess at her password"});
    let left = async || {
        let answer = shop.visitor().post("/api/v1/sessions", &guess).await.expect(401);
        let field = answer.header("ratelimit").to_owned();
        let rest = field.split("\"credentials\";r=").nth(1).expect(&field);
        rest.split(';').next().unwrap().parse::<u64>().unwrap()
    };
    let first = left().await;
    // More at once than the quota regains meanwhile.
    let later = join_all((0..10).map(|_| left())).await;
    assert!(later.iter().any(|later| *later + 2 < first), "{later:?} after {first}");
}

#[tokio::test]
async fn a_right_password_counts_like_a_wrong_one() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let credentials = json!({"email": ada.email, "password": PASSWORD});
    let answer = shop.visitor().post("/api/v1/sessions", &credentials).await.expect(200);
    let field = answer.header("ratelimit");
    assert!(
        field.contains("\"credentials\";r=") && field.contains("\"credentials-address\";r="),
        "{field}"
    );
}
