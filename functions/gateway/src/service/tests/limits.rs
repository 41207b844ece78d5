//! Quotas and limits.

use super::*;
use chassis::quota::Quota;

fn tight(limit: u32) -> impl FnOnce(&mut Settings) {
    move |settings| {
        let quota = Quota { limit, window_s: 60 };
        let wide = Quota { limit: limit * 3, window_s: 60 };
        settings.quotas = Some(Quotas {
            read: quota,
            write: quota,
            credentials: quota,
            credentials_address: wide,
            refused_tokens: wide,
            orders: wide,
            guest_carts: wide,
        });
    }
}

#[tokio::test]
async fn responses_have_the_remaining_quota_and_refusals_a_time() {
    let world = World::new();
    world.set(tight(2));
    let first = world.send_empty("GET", "/api/v1/products", &[]).await;
    assert_eq!(first.header("ratelimit-policy"), "\"read\";q=2;w=60");
    assert_eq!(first.header("ratelimit"), "\"read\";r=1;t=30");
    world.send_empty("GET", "/api/v1/products", &[]).await;
    let refused = world.send_empty("GET", "/api/v1/products", &[]).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), "2");
    assert_eq!(refused.header("ratelimit"), "\"read\";r=0;t=30");
    assert_eq!(problem(&refused)["violated-policies"], json!(["read"]));
    assert_eq!(world.seen().len(), 2, "refused before any work");
}

#[tokio::test]
async fn users_are_counted_by_id_and_others_by_address() {
    let world = World::new();
    world.set(tight(1));
    let token = bearer(&[]);
    let from = |address: &'static str| [("spin-client-addr", address), ("authorization", &token)];
    assert_eq!(world.send_empty("GET", "/api/v1/cart", &from("10.0.0.1:1")).await.status, 200);
    assert_eq!(world.send_empty("GET", "/api/v1/cart", &from("10.0.0.2:1")).await.status, 429);
    let status =
        async |address| world.send_empty("GET", "/api/v1/products", &from(address)).await.status;
    assert_eq!(status("10.0.0.1:1").await, 200);
    assert_eq!(status("10.0.0.1:2").await, 429);
    assert_eq!(status("10.0.0.2:1").await, 200);
}

#[tokio::test]
async fn a_forged_address_is_ignored() {
    let world = World::new();
    world.set(tight(1));
    for (forged, expected) in [("1.1.1.1", 200), ("2.2.2.2", 429), ("3.3.3.3", 429)] {
        let headers = [("x-forwarded-for", forged), ("spin-client-addr", "10.0.0.1:1")];
        assert_eq!(world.send_empty("GET", "/api/v1/products", &headers).await.status, expected);
    }
}

/// A body that fails the test when it is read.
fn unreadable() -> Body {
    Body::from_stream(futures::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<bytes::Bytes, axum::Error>>> {
            unreachable!("the body is read")
        },
    ))
}

#[tokio::test]
async fn an_exhausted_quota_is_reported_before_the_body_is_read() {
    let world = World::new();
    world.set(tight(1));
    let routes = [("/api/v1/sessions", 3), ("/oauth2/authorize", 0), ("/api/v1/carts", 1)];
    for (path, left) in routes {
        for _ in 0..left {
            let request = Request::post(path).header("content-type", "application/json");
            assert_eq!(world.send(request.body(Body::from("{}")).unwrap()).await.status, 200);
        }
        let request = Request::post(path).header("content-type", "application/json");
        let refused = world.send(request.body(unreadable()).unwrap()).await;
        assert_eq!(refused.status, 429, "{path}");
    }
}

#[tokio::test]
async fn quotas_of_identity_and_of_the_gateway_are_both_reported() {
    let world = World::new();
    world.set(tight(2));
    world.responds(|| {
        let rates = [
            ("ratelimit", "\"credentials\";r=1;t=60"),
            ("ratelimit-policy", "\"credentials\";q=2;w=60"),
        ];
        Ok((StatusCode::UNAUTHORIZED, rates, axum::Json(json!({}))).into_response())
    });
    let reply = world.send_empty("POST", "/api/v1/sessions", &[]).await;
    assert_eq!(
        reply.header("ratelimit"),
        "\"credentials-address\";r=5;t=30, \"credentials\";r=1;t=60"
    );
    assert_eq!(
        reply.header("ratelimit-policy"),
        "\"credentials-address\";q=6;w=60, \"credentials\";q=2;w=60"
    );
}

#[tokio::test]
async fn too_many_bad_tokens_are_refused_without_verification() {
    let world = World::new();
    world.set(tight(1));
    let good = bearer(&["admin"]);
    let from = |address: &'static str, token: &str| {
        [("spin-client-addr", address), ("authorization", token)].map(|(n, v)| (n, v.to_owned()))
    };
    let status = async |address, token: &str, path| {
        let headers = from(address, token);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        world.send_empty("GET", path, &headers).await.status
    };
    let paths = ["/api/v1/cart", "/api/v1/recommendations", "/api/v1/payments/ledger"];
    for path in paths {
        assert_eq!(status("10.0.0.1:1", "Bearer made.up.token", path).await, 401);
    }
    assert_eq!(status("10.0.0.1:1", "Bearer made.up.token", paths[0]).await, 429);
    assert_eq!(status("10.0.0.1:1", &good, paths[0]).await, 429, "nothing more is verified");
    assert_eq!(status("10.0.0.2:1", &good, paths[0]).await, 200, "elsewhere");
}

#[tokio::test]
async fn administrators_and_health_are_not_counted() {
    let world = World::new();
    world.set(tight(1));
    let admin = bearer(&["admin"]);
    for _ in 0..3 {
        let import =
            world.send_empty("POST", "/api/v1/products", &[("authorization", &admin)]).await;
        assert_eq!(import.status, 200);
        assert_eq!(import.header("ratelimit"), "");
        assert_eq!(world.send_empty("GET", "/livez", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn without_limiter_or_quotas_all_requests_pass() {
    let world = World::new();
    world.set(tight(1));
    world.limiter_is_down.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(world.send_empty("GET", "/api/v1/products", &[]).await.status, 200);
    }
    world.limiter_is_down.store(false, Ordering::SeqCst);
    world.set(|settings| settings.quotas = None);
    for _ in 0..3 {
        assert_eq!(world.send_empty("GET", "/api/v1/products", &[]).await.status, 200);
    }
}
