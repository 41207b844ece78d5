//! How requests and responses are forwarded.

use super::*;
use bytes::Bytes;
use futures::stream;
use http::HeaderValue;

#[tokio::test]
async fn a_request_is_forwarded_with_the_header_fields_of_the_gateway() {
    let world = World::new();
    let headers = [
        ("host", "shop.test"),
        ("spin-client-addr", "10.0.0.1:555"),
        ("spin-full-url", "https://shop.test/api/v1/products"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-request-id", "trace-7"),
        ("accept-language", "de"),
        ("te", "trailers"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    let reply = world.send_empty("GET", "/api/v1/products?q=tea%20pot&limit=5", &headers).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "done"));
    assert_eq!(reply.header("x-request-id"), "trace-7");
    let seen = &world.seen()[0];
    assert_eq!(seen.uri, "http://catalog.spin.internal/api/v1/products?q=tea%20pot&limit=5");
    let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("x-forwarded-for"), Some("10.0.0.1"));
    assert_eq!(header("x-forwarded-proto"), Some("https"));
    assert_eq!(header("x-forwarded-host"), Some("shop.test"));
    assert_eq!(header("x-request-id"), Some("trace-7"));
    assert_eq!(header("via"), Some("1.1 tessera-gateway"));
    assert_eq!(header("accept-language"), Some("de"));
    assert!(header("traceparent").is_some());
    for name in ["host", "te", "spin-client-addr", "spin-full-url"] {
        assert_eq!(header(name), None, "{name}");
    }
}

#[tokio::test]
async fn bodies_are_forwarded_unchanged() {
    let world = World::new();
    let body: Vec<u8> = (0..=255).collect();
    let request = Request::post("/webhooks/psp").header("x-signature", "s");
    let reply = world.send(request.body(Body::from(body.clone())).unwrap()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.seen()[0].body, body);
    assert_eq!(world.seen()[0].uri, "http://payments.spin.internal/webhooks/psp");
    assert_eq!(world.seen()[0].headers["x-signature"], "s");
}

#[tokio::test]
async fn requests_without_a_body_refuse_content() {
    let world = World::new();
    world.set(|settings| settings.quotas = None);
    let admin = bearer(&["admin"]);
    let bodiless: Vec<_> = routes().iter().filter(|route| route.refuses_content()).collect();
    assert!(bodiless.len() > 10);
    for route in bodiless {
        let send = async |body: &str| {
            let request = Request::builder().method(&route.method);
            let request = request.uri(route.path.replace(['{', '}'], ""));
            let request = request.header("authorization", &admin);
            let request = request.header("content-type", "application/json");
            world.send(request.body(Body::from(body.to_owned())).unwrap()).await
        };
        for (body, pointer) in [
            (r#"{"items": []}"#, "/items"),
            ("[]", ""),
            ("null", ""),
            ("items=1", ""),
            (r#"{"a": 1, "a": 2}"#, ""),
        ] {
            let reply = send(body).await;
            let problem = problem(&reply);
            assert_eq!(problem["type"], "/problems/invalid-body", "{} {body}", route.path);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{} {body}", route.path);
        }
        assert_eq!(world.seen().len(), 0, "{} {}", route.method, route.path);
        for body in ["", "{}", " { } "] {
            assert_eq!(send(body).await.status, 200, "{} {}", route.method, route.path);
        }
        assert!(world.seen().iter().all(|seen| seen.body.is_empty()));
        world.seen.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn the_import_has_another_path_in_its_function() {
    let world = World::new();
    let admin = bearer(&["admin"]);
    world.send_empty("POST", "/api/v1/admin/import", &[("authorization", &admin)]).await;
    assert_eq!(world.seen()[0].uri, "http://importer.spin.internal/import");
}

#[tokio::test]
async fn the_mailbox_exists_only_if_it_is_on() {
    let world = World::new();
    let here = [("spin-client-addr", "127.0.0.1:5000"), ("host", "localhost:3000")];
    assert_eq!(world.send_empty("GET", "/mailbox", &here).await.status, 404);
    world.set(|settings| settings.mailbox_page = true);
    assert_eq!(world.send_empty("GET", "/mailbox", &here).await.status, 200);
    assert_eq!(world.send_empty("GET", "/mailbox/messages/1", &here).await.status, 200);
    assert_eq!(world.send_empty("POST", "/mailbox", &here).await.status, 405);
}

#[tokio::test]
async fn the_mailbox_is_open_to_this_machine_and_to_administrators() {
    let world = World::new();
    world.set(|settings| settings.mailbox_page = true);
    let (customer, admin) = (bearer(&["customer"]), bearer(&["admin"]));
    let from = |address: &'static str, more: &[(&'static str, &str)]| {
        let mut headers = vec![
            ("spin-client-addr".to_owned(), address.to_owned()),
            ("host".to_owned(), "localhost:3000".to_owned()),
        ];
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        headers
    };
    let status = async |headers: Vec<(String, String)>| {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        world.send_empty("GET", "/mailbox/messages.json", &headers).await.status
    };
    assert_eq!(status(from("10.0.0.1:5000", &[])).await, 401);
    assert_eq!(status(from("127.0.0.1:5000", &[("x-forwarded-for", "10.0.0.1")])).await, 401);
    assert_eq!(status(from("10.0.0.1:5000", &[("authorization", &customer)])).await, 403);
    assert_eq!(world.seen().len(), 0);
    assert_eq!(status(from("10.0.0.1:5000", &[("authorization", &admin)])).await, 200);
    let asked = world.send_empty("GET", "/mailbox", &[("spin-client-addr", "10.0.0.1:1")]).await;
    assert!(asked.header("www-authenticate").starts_with("Basic"), "a browser asks its user");
    assert_eq!(status(from("127.0.0.1:5000", &[])).await, 200);
    world.set(|settings| settings.issuer = "https://shop.example".to_owned());
    assert_eq!(
        status(from("127.0.0.1:5000", &[])).await,
        401,
        "a proxy that adds no header fields looks like the local machine"
    );
    assert_eq!(status(from("127.0.0.1:5000", &[("authorization", &admin)])).await, 200);
    world.set(|settings| {
        settings.issuer = "http://localhost:3000".to_owned();
        settings.proxies_trusted = 1;
    });
    assert_eq!(
        status(from("127.0.0.1:5000", &[])).await,
        401,
        "all requests come through the proxy"
    );
    assert!(world.seen().iter().all(|seen| !seen.headers.contains_key("authorization")));
}

#[tokio::test]
async fn a_browser_signs_an_administrator_in_to_the_mailbox() {
    let world = World::new();
    world.set(|settings| settings.mailbox_page = true);
    let sign_in = async |role: &'static str| {
        world.responds(move || {
            let token = Issuer::new().token("usr_1", &[role]);
            let session = json!({"access_token": token, "refresh_token": "r.1"});
            Ok(axum::Json(session).into_response())
        });
        // root@example.org:first password
        let basic = "Basic cm9vdEBleGFtcGxlLm9yZzpmaXJzdCBwYXNzd29yZA==";
        let headers = [("spin-client-addr", "10.0.0.1:1"), ("authorization", basic)];
        world.send_empty("GET", "/mailbox", &headers).await.status
    };
    assert_eq!(sign_in("customer").await, 403);
    assert_eq!(sign_in("admin").await, 200);
    let seen = world.seen();
    assert_eq!(seen.len(), 5);
    for at in [0, 2] {
        assert_eq!(seen[at].uri, "http://identity.spin.internal/api/v1/sessions");
        let body: Value = serde_json::from_slice(&seen[at].body).unwrap();
        assert_eq!(body, json!({"email": "root@example.org", "password": "first password"}));
        assert_eq!(seen[at].headers["x-forwarded-for"], "10.0.0.1");
        // The page does not leave a session behind.
        assert_eq!(seen[at + 1].uri, "http://identity.spin.internal/oauth2/revoke");
        let body: Value = serde_json::from_slice(&seen[at + 1].body).unwrap();
        assert_eq!(body, json!({"token": "r.1"}));
    }
    assert_eq!(seen[4].uri, "http://mailbox.spin.internal/mailbox");
}

#[tokio::test]
async fn an_event_stream_is_sent_while_it_is_open() {
    let world = World::new();
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Bytes, axum::Error>>();
    let receiver = Mutex::new(Some(receiver));
    world.responds(move || {
        let stream = receiver.lock().unwrap().take().unwrap();
        let mut response = Response::new(Body::from_stream(stream));
        let kind = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(response)
    });
    let token = bearer(&[]);
    let request = Request::get("/api/v1/orders/1/events").header("authorization", token);
    let request = request.body(Body::empty()).unwrap();
    let mut response = Gateway::new(world).handle(request).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    // The function has not finished, and will not before this has been read.
    sender.unbounded_send(Ok(Bytes::from_static(b"data: 1\n\n"))).unwrap();
    let frame = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "data: 1\n\n");
    drop(sender);
    assert!(response.body_mut().frame().await.is_none());
}

#[tokio::test]
async fn a_body_is_limited_by_its_announced_and_by_its_actual_length() {
    let world = World::new();
    let token = bearer(&[]);
    let send = |body: Body| {
        let request = Request::put("/api/v1/cart/items/TEA").header("authorization", &token);
        world.send(request.body(body).unwrap())
    };
    let limit = 64 * 1024;
    let chunks = |count: usize| {
        Body::from_stream(stream::iter((0..count).map(|_| Ok::<_, axum::Error>(vec![b'x'; 1024]))))
    };
    assert_eq!(send(chunks(limit / 1024)).await.status, 200);
    let reply = send(chunks(limit / 1024 + 1)).await;
    assert_eq!(reply.status, 413);
    assert_eq!(problem(&reply)["type"], "/problems/body-too-large");
    assert_eq!(world.seen().len(), 1, "a body that was cut off does not look complete");
    let length = (limit + 1).to_string();
    let headers = [("authorization", token.as_str()), ("content-length", length.as_str())];
    assert_eq!(world.send_empty("PUT", "/api/v1/cart/items/TEA", &headers).await.status, 413);
}

#[tokio::test]
async fn failures_of_functions_are_problems_with_advice() {
    let world = World::new();
    for (error, status) in [
        (OutboundError::Connect("refused".into()), 503),
        (OutboundError::Timeout(5), 504),
        (OutboundError::Broken("reset".into()), 502),
    ] {
        world.responds(move || Err(error.clone()));
        let reply = world.send_empty("GET", "/api/v1/products", &[]).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("retry-after"), "1");
        assert!(!problem(&reply).to_string().contains("refused"), "the inside stays inside");
    }
    world.responds(|| Ok((StatusCode::INTERNAL_SERVER_ERROR, "trap at 0x1").into_response()));
    let reply = world.send_empty("GET", "/api/v1/products", &[]).await;
    assert_eq!(reply.status, 502);
    assert!(!reply.text.contains("trap"));
}

#[tokio::test]
async fn problems_and_oauth_errors_of_functions_are_forwarded_unchanged() {
    let world = World::new();
    world.responds(|| Ok(Problem::conflict("taken").into_response()));
    let reply = world.send_empty("GET", "/api/v1/products", &[]).await;
    assert_eq!(reply.status, 409);
    assert!(reply.text.contains("taken"));
    world.responds(|| {
        let error = axum::Json(json!({"error": "invalid_grant"}));
        Ok((StatusCode::BAD_REQUEST, error).into_response())
    });
    let reply = world.send_empty("POST", "/oauth2/token", &[]).await;
    assert_eq!((reply.status, reply.text.as_str()), (400, r#"{"error":"invalid_grant"}"#));
}

#[tokio::test]
async fn unknown_query_parameters_are_refused() {
    let world = World::new();
    let reply = world.send_empty("GET", "/api/v1/products?q=tea&categroy=Tea", &[]).await;
    let problem = problem(&reply);
    assert_eq!((reply.status, &problem["type"]), (400, &json!("/problems/unknown-parameter")));
    assert_eq!(problem["parameter"], "categroy");
    assert!(problem["detail"].as_str().unwrap().contains("category"), "{problem}");
    assert_eq!(world.send_empty("GET", "/api/v1/categories?limit=1", &[]).await.status, 400);
    assert_eq!(world.seen().len(), 0);
    for path in ["/api/v1/products?category=Tea&limit=1&cursor=", "/?utm_source=x"] {
        assert_eq!(world.send_empty("GET", path, &[]).await.status, 200, "{path}");
    }
    let path = "/oauth2/authorize?client_id=a&unknown=1";
    assert_eq!(world.send_empty("GET", path, &[]).await.status, 200, "RFC 6749 has it ignored");
}

#[tokio::test]
async fn unknown_methods_and_unknown_paths_have_different_statuses() {
    let world = World::new();
    let reply = world.send_empty("PATCH", "/api/v1/cart", &[]).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "DELETE, GET, HEAD, OPTIONS"));
    problem(&reply);
    let reply = world.send_empty("OPTIONS", "/api/v1/cart", &[]).await;
    assert_eq!((reply.status, reply.header("allow")), (204, "DELETE, GET, HEAD, OPTIONS"));
    assert_eq!(world.send_empty("OPTIONS", "/api/v1/nothing", &[]).await.status, 404);
    let reply = world.send_empty("HEAD", "/api/v1/products", &[]).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, ""));
    assert_eq!(world.seen()[0].method, Method::HEAD);
}

#[tokio::test]
async fn every_response_is_safe_to_show() {
    let world = World::new();
    for (path, status) in [("/livez", 200), ("/api/nothing", 404), ("/api/v1/products", 200)] {
        let reply = world.send_empty("GET", path, &[]).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert_eq!(reply.header("x-request-id"), "req_made");
        assert_eq!(reply.header("strict-transport-security"), "", "not over http");
        assert_eq!(reply.header("access-control-allow-origin"), "");
    }
    let token = bearer(&[]);
    let reply = world.send_empty("GET", "/api/v1/cart", &[("authorization", &token)]).await;
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn only_pages_of_configured_origins_may_call() {
    let world = World::new();
    let preflight = [("origin", "https://a.test"), ("access-control-request-method", "PUT")];
    let refused = world.send_empty("OPTIONS", "/api/v1/cart/items/TEA", &preflight).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (204, ""));
    world.set(|settings| settings.cors_origins = "https://a.test".to_owned());
    let allowed = world.send_empty("OPTIONS", "/api/v1/cart/items/TEA", &preflight).await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://a.test");
    assert_eq!(allowed.header("access-control-allow-methods"), "DELETE, OPTIONS, PUT");
    let headers: Vec<_> = allowed.header("access-control-allow-headers").split(", ").collect();
    for name in ["authorization", "if-match", "if-none-match", "last-event-id", "traceparent"] {
        assert!(headers.contains(&name), "{name}");
    }
    let other = world.send_empty("GET", "/api/v1/products", &[("origin", "https://b.test")]).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    let mut varies = other.headers.get_all("vary").iter();
    assert!(varies.any(|value| value == "origin"), "a cache must not show it to the named one");
    assert_eq!(world.calls.lock().unwrap().len(), 1, "preflights are not counted");
}
