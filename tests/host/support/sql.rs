//! The guest that runs SQL.

use super::{Application, application};
use harness::Host;
use serde_json::{Value, json};

/// The guest, which may connect to these servers.
pub(crate) fn sql_guest(allowed: &str, more: &str) -> Application {
    application(&format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n[component.guest]\n\
         source = \"$sql\"\nallowed_outbound_hosts = [{allowed}, \"http://127.0.0.1:*\"]\n{more}"
    ))
}

/// Runs steps on one connection, by this interface. Returns what each of them has returned.
pub(crate) async fn run(host: &Host, interface: &str, address: &str, steps: Value) -> Vec<Value> {
    let work = json!({ "address": address, "steps": steps });
    run_work(host, interface, work).await
}

pub(crate) async fn run_work(host: &Host, interface: &str, work: Value) -> Vec<Value> {
    let answer = host.client().post(&format!("/{interface}"), &work).await.expect(200).json();
    answer.as_array().cloned().unwrap_or_default()
}

/// The only value of the only row.
pub(crate) fn value(done: &Value) -> &str {
    done["rows"][0][0].as_str().unwrap_or_else(|| panic!("no value: {done}"))
}

/// The text of an error.
pub(crate) fn error(done: &Value) -> &str {
    done["error"].as_str().unwrap_or_else(|| panic!("no error: {done}"))
}

pub(crate) fn query(text: &str) -> Value {
    json!({ "query": text })
}

pub(crate) fn execute(text: &str) -> Value {
    json!({ "execute": text })
}
