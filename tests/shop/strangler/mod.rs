//! Leaving a monolith: each family of requests moves from an older shop to the functions that replace
//! it, back, and forth again, while customers use it.
//!
//! The clients know only the API of the older shop. They place orders and read all the time; at the
//! end, each side has to list each order and each message once, and one mail was sent for each order.

mod application;
mod client;
mod crowd;
mod stock;

use application::Application;
use crowd::{Crowd, Kind};
use serde_json::json;

/// The first of them is among the first 10 %, and all but one are among the first 50 %. The mailbox has
/// room for all of their mails.
const CUSTOMERS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn families_move_one_after_the_other_while_customers_use_them() {
    let application = Application::start().await;
    let mut crowd = Crowd::register(&application, CUSTOMERS).await;

    // What is there before the move.
    crowd.place_one_order_each().await;
    application.carry_over().await;

    crowd.begin();
    for kind in [Kind::Messages, Kind::Reads, Kind::Orders] {
        crowd.move_to_the_new_side(&application, kind).await;
    }
    crowd.end().await;
    crowd.repeat_the_first_order(&application).await;
    crowd.check_that_nothing_is_lost_or_doubled(&application).await;

    a_correction_without_an_event_is_found_and_repaired(&application, &crowd).await;
}

/// The support corrects an order by hand, in a part of the older shop that publishes nothing.
async fn a_correction_without_an_event_is_found_and_repaired(
    application: &Application,
    crowd: &Crowd,
) {
    let (client, number) = crowd.an_order_of_the_older_shop();
    application.set("order-reads", json!({"mode": "shadow"})).await;
    application.forget_findings().await;
    let path = format!("/legacy/api/orders/{number}");
    let before = client.get(&path).await;
    assert_eq!(application.compared("order-reads").await["different"], 0);

    application.correct(&number, "1.23").await;
    assert_eq!(client.get(&path).await["total"], "1.23", "the older shop answers");
    assert_eq!(application.compared("order-reads").await["different"], 1);
    let found = application.status().await["findings"].clone();
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(
        (&found[0]["path"], &found[0]["customer"]),
        (&path.as_str().into(), &client.id.into())
    );
    let expected = json!([{"at": "/total", "legacy": "1.23", "new": before["total"]}]);
    assert_eq!(found[0]["differences"], expected);

    application.carry_over().await;
    application.set("order-reads", json!({"mode": "new"})).await;
    client.eventually_reads(&path, |order| order["total"] == "1.23").await;
    application.set("order-reads", json!({"mode": "shadow"})).await;
    application.forget_findings().await;
    client.get(&path).await;
    let compared = application.compared("order-reads").await;
    assert_eq!(compared, json!({"same": 1, "late": 0, "different": 0, "failed": 0}));
}
