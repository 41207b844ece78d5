//! SQLite databases in files: what a guest reads row by row.

use crate::support::application;
use harness::{Answer, Host};
use http::Method;

async fn rows(host: &Host, statement: &'static str) -> Answer {
    host.client().send(Method::POST, "/rows?label=default", None, statement.into()).await
}

#[tokio::test]
async fn rows_that_are_read_one_by_one_have_no_limit_together() {
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n[component.guest]\n\
         source = \"$services\"\nsqlite_databases = [\"default\"]\n",
    );
    let host = app.host().start().await;
    // 64 MiB.
    let many = "with recursive n(i) as (select 1 union all select i + 1 from n limit 1024) \
                select i, zeroblob(65536) from n";
    assert_eq!(rows(&host, many).await.expect(200).text(), "1024");
    let large = rows(&host, "select zeroblob(33554432)").await.expect(502).text();
    assert!(large.contains("exceeds limit of 33554432 bytes"), "{large}");
    assert_eq!(rows(&host, "create table t (a)").await.expect(200).text(), "0");
    let absent = rows(&host, "select * from absent").await.expect(502).text();
    assert!(absent.contains("no such table: absent"), "{absent}");
}
