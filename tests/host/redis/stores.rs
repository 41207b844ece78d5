//! Key-value stores in Redis.

use super::{ask, url};
use crate::support::{Application, application, eventually};
use bytes::Bytes;
use http::Method;
use servers::{REDIS, Server};

#[tokio::test]
async fn a_store_can_be_a_database_of_redis() {
    let Some(mut server) = Server::start(&REDIS).await else { return };
    let app = application(&format!("{}key_value_stores = [\"ours\"]\n", Application::GUEST));
    let config =
        format!("[key_value_store.ours]\ntype = \"redis\"\nurl = \"{}/2\"\n", url(&server));
    let app = app.with_file("runtime-config.toml", config);
    let file = app.folder().join("runtime-config.toml");
    let host = app.host().argument("--runtime-config-file").argument(&file).start().await;
    let client = host.client();
    let value = Bytes::from_static(b"value");
    client.send(Method::PUT, "/kv?store=ours&key=name", None, value).await.expect(204);
    assert_eq!(ask(&server, &["-n", "2", "GET", "name"]).await, "value");
    client.get("/cas?store=ours&key=name&value=w").await.expect(200);
    assert_eq!(client.get("/wasi-kv?store=ours&key=name").await.expect(200).text(), "valuew;");
    assert_eq!(client.get("/increment?store=ours&key=n").await.expect(200).text(), "1");
    server.kill().await;
    client.get("/kv?store=ours&key=name").await.expect(500);
    server.start_again().await;
    eventually(async || (client.get("/kv?store=ours&key=name").await.status == 200).then_some(()))
        .await;
}
