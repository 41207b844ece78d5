//! Too much of it.

use crate::hostile::{made_up_positions, wrong_passwords};
use crate::support::{Customer, PASSWORD, Shop, unique};
use futures::future::join_all;
use harness::Answer;
use http::Method;
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

#[tokio::test]
async fn guesses_are_counted_in_any_spelling() {
    let shop = Shop::shared().await;
    let email = format!("{}@example.org", unique().to_lowercase());
    for number in 0..TRIES_MAX {
        let kind = if number % 2 == 0 { "Application/JSON" } else { "application/json" };
        let guess =
            json!({"email": email, "password": format!("guess&email={number}@example.org")});
        let answer = shop
            .visitor()
            .send(Method::POST, "/api/v1/sessions", Some(kind), guess.to_string())
            .await;
        if answer.status == 429 {
            return;
        }
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    panic!("guesses are counted");
}

#[tokio::test]
async fn many_concurrent_guesses_do_not_affect_others() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let visitor = shop.visitor();
    let guesses = wrong_passwords::at_once(&visitor);
    let looks =
        join_all((0..16).map(|_| async { ada.api.get("/api/v1/users/me").await.status.as_u16() }));
    let (guesses, looks) = futures::join!(guesses, looks);
    assert!(looks.iter().all(|status| *status == 200), "{looks:?}");
    // Every guess gets a response, possibly to retry later.
    let status = |guess: &Option<Answer>| guess.as_ref().map(|answer| answer.status.as_u16());
    let guesses: Vec<_> = guesses.iter().map(status).collect();
    assert!(guesses.iter().all(|status| [Some(401), Some(503)].contains(status)), "{guesses:?}");
}

#[tokio::test]
async fn bad_tokens_are_counted() {
    let Some(shop) = Shop::own(|host| host.variable("rate_limits", "refused-tokens=20/60")).await
    else {
        return;
    };
    let stranger = shop.visitor().bearer("made.up.token");
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(stranger.get("/api/v1/users/me").await.status.as_u16());
    }
    assert_eq!(statuses[..20], [401; 20]);
    assert!(statuses[20..].contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn readiness_checks_of_the_shop_are_cached() {
    let shop = Shop::shared().await;
    for _ in 0..100 {
        shop.visitor().get("/readyz").await.expect(200);
        shop.visitor().get("/livez").await.expect(200);
    }
}

#[tokio::test]
async fn an_invented_position_does_not_wait_and_streams_are_limited() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    for made_up in [made_up_positions::of_old(), made_up_positions::of_now()] {
        let api = ada.api.with(made_up_positions::FIELD, &made_up);
        let answer = api.get(made_up_positions::PATH).await;
        assert!([400, 503].contains(&answer.status.as_u16()), "{answer:?}");
    }
}
