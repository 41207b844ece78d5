//! Language models on a server.

use crate::modules::{SPIN_1, made_of};
use crate::support::{Application, Backend, application, assert_problem, soon, tessera};
use harness::HostBuilder;
use serde_json::{Value, json};

const GUEST: &str = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
    [component.guest]\nsource = \"$services\"\nai_models = [\"llama2-chat\"]\n";

/// The guest, with models on this server.
fn guest(backend: &Backend, api: &str, more: &str) -> (Application, HostBuilder) {
    with_models(application(&format!("{GUEST}{more}")), backend, api)
}

/// An application with models on this server.
fn with_models(app: Application, backend: &Backend, api: &str) -> (Application, HostBuilder) {
    let url = backend.url("/ignored");
    let config = format!(
        "[llm_compute]\ntype = \"remote_http\"\nurl = {url:?}\nauth_token = \"secret\"\n\
         api_type = {api:?}\n"
    );
    let app = app.with_file("rc.toml", config);
    let file = app.folder().join("rc.toml");
    let host = app.host().argument("--runtime-config-file").argument(file);
    (app, host)
}

/// Answers one request, and returns its path and its body.
async fn answer(backend: &mut Backend, status: u16, answer: Value) -> (String, Value) {
    let received = backend.next().await;
    assert_eq!(received.request.method(), "POST");
    assert_eq!(received.header("authorization"), "Bearer secret");
    assert!(received.header("traceparent").starts_with("00-"));
    let asked = serde_json::from_slice(received.request.body()).unwrap();
    let path = received.request.uri().path().to_owned();
    received.answer(status, &answer.to_string());
    (path, asked)
}

#[tokio::test]
async fn a_text_is_generated_by_a_server_of_spin() {
    let mut backend = Backend::start().await;
    let (_app, host) = guest(&backend, "default", "");
    let host = host.start().await;
    let client = host.client();
    let asking = client.get("/infer?model=llama2-chat&prompt=hi&tokens=7");
    let usage = json!({ "promptTokenCount": 1, "generatedTokenCount": 2 });
    let serving = answer(&mut backend, 200, json!({ "text": "hello", "usage": usage }));
    let (answered, (path, asked)) = tokio::join!(asking, serving);
    assert_eq!(answered.expect(200).text(), "hello 1 2");
    assert_eq!((path.as_str(), &asked["model"]), ("/infer", &json!("llama2-chat")));
    assert_eq!(asked["prompt"], "hi");
    let options = json!({
        "maxTokens": 7, "repeatPenalty": 1.1, "repeatPenaltyLastNTokenCount": 64,
        "temperature": 0.8, "topK": 40, "topP": 0.9,
    });
    assert_eq!(asked["options"], options);
}

#[tokio::test]
async fn a_text_is_generated_by_a_server_of_open_ai() {
    let mut backend = Backend::start().await;
    let (_app, host) = guest(&backend, "open_ai", "");
    let host = host.start().await;
    let client = host.client();
    let completed = json!({
        "choices": [{ "message": { "role": "assistant", "content": "hello" } }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7 },
    });
    let asking = client.get("/infer?model=llama2-chat&prompt=hi");
    let (answered, (path, asked)) = tokio::join!(asking, answer(&mut backend, 200, completed));
    assert_eq!(answered.expect(200).text(), "hello 3 4");
    assert_eq!(path, "/v1/chat/completions");
    let expected = json!({
        "model": "llama2-chat",
        "messages": [{ "role": "user", "content": "hi" }],
        "max_completion_tokens": 100,
        "frequency_penalty": 1.1,
    });
    assert_eq!(asked, expected);
    // What went wrong there is the guest's to read.
    let failed = json!({ "error": { "message": "no credit", "type": "x" } });
    let asking = client.get("/infer?model=llama2-chat&prompt=hi");
    let (answered, _) = tokio::join!(asking, answer(&mut backend, 429, failed));
    assert_eq!(answered.expect(502).text(), "Error::RuntimeError(\"no credit\")");
}

#[tokio::test]
async fn a_text_is_generated_for_a_module_of_spin_1() {
    // In the place of a value, it gets what a model says.
    let module = SPIN_1
        .replace(
            r#"(import "spin-config" "get-config" (func $get (param i32 i32 i32)))"#,
            r#"(import "llm" "infer" (func $infer (param
                i32 i32 i32 i32 i32 i32 f32 i32 f32 i32 f32 i32)))"#,
        )
        .replace(
            r#"(data (i32.const 0) "greeting")"#,
            r#"(data (i32.const 0) "llama2-chat") (data (i32.const 32) "hi")"#,
        )
        .replace(
            "(call $get (i32.const 0) (i32.const 8) (i32.const 64))",
            "(call $infer (i32.const 0) (i32.const 11) (i32.const 32) (i32.const 2)
                (i32.const 0) (i32.const 0) (f32.const 0) (i32.const 0) (f32.const 0)
                (i32.const 0) (f32.const 0) (i32.const 64))",
        );
    let mut backend = Backend::start().await;
    let app = made_of(&module, "ai_models = [\"llama2-chat\"]\n");
    let (_app, host) = with_models(app, &backend, "default");
    let host = host.start().await;
    let client = host.client();
    let usage = json!({ "promptTokenCount": 1, "generatedTokenCount": 2 });
    let serving = answer(&mut backend, 200, json!({ "text": "hello", "usage": usage }));
    let (answered, (path, asked)) = tokio::join!(client.get("/"), serving);
    assert_eq!(answered.expect(200).text(), "hello");
    assert_eq!((path.as_str(), &asked["model"]), ("/infer", &json!("llama2-chat")));
    assert_eq!(asked["prompt"], "hi");
}

#[tokio::test]
async fn texts_become_vectors() {
    for (api, path, vectors) in [
        (
            "default",
            "/embed",
            json!({ "embeddings": [[0.5, 1.0], [2.0]], "usage": { "promptTokenCount": 5 } }),
        ),
        (
            "open_ai",
            "/v1/embeddings",
            json!({
                "data": [{ "embedding": [0.5, 1.0] }, { "embedding": [2.0] }],
                "usage": { "prompt_tokens": 5, "total_tokens": 5 },
            }),
        ),
    ] {
        let mut backend = Backend::start().await;
        let (_app, host) = guest(&backend, api, "");
        let host = host.start().await;
        let client = host.client();
        let asking = client.get("/embed?model=llama2-chat&prompt=a,b");
        let (answered, (asked_at, asked)) =
            tokio::join!(asking, answer(&mut backend, 200, vectors));
        assert_eq!(answered.expect(200).text(), "[[0.5, 1.0], [2.0]] 5");
        assert_eq!(asked_at, path);
        assert_eq!(asked, json!({ "model": "llama2-chat", "input": ["a", "b"] }));
    }
}

#[tokio::test]
async fn a_model_that_the_manifest_does_not_name_is_refused() {
    let mut backend = Backend::start().await;
    let (_app, host) = guest(&backend, "default", "");
    let host = host.start().await;
    for path in ["/infer", "/embed"] {
        let answer = host.client().get(&format!("{path}?model=other&prompt=hi")).await;
        let text = answer.expect(502).text();
        assert!(text.contains("InvalidInput") && text.contains("ai_models"), "{text}");
    }
    assert!(backend.idle());
}

#[tokio::test]
async fn a_server_that_fails_is_an_error_of_the_guest() {
    let mut backend = Backend::start().await;
    let (_app, host) = guest(&backend, "default", "");
    let host = host.start().await;
    let client = host.client();
    let asking = client.get("/infer?model=llama2-chat&prompt=hi");
    let (answered, _) = tokio::join!(asking, answer(&mut backend, 500, json!("down")));
    let text = answered.expect(502).text();
    assert!(text.contains("RuntimeError") && text.contains("answered 500"), "{text}");
    // More than the host holds for a guest.
    let asking = client.get("/infer?model=llama2-chat&prompt=hi");
    let long = json!("a".repeat(33 << 20));
    let (answered, _) = tokio::join!(asking, answer(&mut backend, 200, long));
    let text = answered.expect(502).text();
    assert!(text.contains("exceeds the limit"), "{text}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_no_more_than_the_call() {
    let mut backend = Backend::start().await;
    let (_app, host) = guest(&backend, "default", "tool.tessera.limits = { deadline_ms = 500 }\n");
    let host = host.start().await;
    let client = host.client();
    let asking = client.get("/infer?model=llama2-chat&prompt=hi");
    let (answered, asked) = tokio::join!(asking, backend.next());
    // The guest is stopped by the same deadline, and it may still have seen the error.
    if answered.status.as_u16() == 504 {
        assert_problem(&answered, 504, "deadline-exceeded");
    } else {
        assert!(answered.expect(502).text().contains("deadline"));
    }
    soon(asked.abandoned()).await;
}

#[tokio::test]
async fn models_without_a_server_cause_a_warning_and_an_error_of_the_guest() {
    let app = application(GUEST);
    let host = app.host().start().await;
    let warning = |line: &Value| {
        let text = line["message"].as_str().unwrap_or_default();
        line["component"] == "guest" && text.contains("`ai_models` have no server")
    };
    assert_eq!(host.log_line(warning).await["level"], "WARN");
    let answer = host.client().get("/infer?model=llama2-chat&prompt=hi").await;
    assert!(answer.expect(502).text().contains("no server of language models"));
}

#[tokio::test]
async fn models_in_the_host_itself_are_refused() {
    let app = application(GUEST).with_file("rc.toml", "[llm_compute]\ntype = \"spin\"\n");
    let (manifest, config) = (app.manifest(), app.folder().join("rc.toml"));
    let arguments = ["up", "--from", manifest.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let config = ["--runtime-config-file", config.to_str().unwrap()];
    let (code, output) = tessera(&[&arguments[..], &config[..]].concat()).await;
    assert_ne!(code, Some(0));
    let words = crate::support::unwrapped(&output);
    assert!(words.contains("runs no models itself") && words.contains("remote_http"), "{words}");
}
