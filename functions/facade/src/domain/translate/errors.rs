//! Problems of the functions, as errors of the older shop.

use serde_json::Value;

use crate::domain::Answer;

/// The answer of the older shop for a response of a function that is not a success. Texts about
/// members are not passed on: the client does not know the names of the functions' members.
pub fn refusal(status: u16, problem: &Value) -> Answer {
    match status {
        401 | 403 => Answer::error(401, "unauthorized", "sign in first"),
        404 => Answer::error(404, "not_found", "there is no such order"),
        409 => Answer::error(409, "conflict", title(problem)),
        429 => Answer::error(503, "unavailable", "try again later"),
        400..=499 => Answer::error(400, "bad_request", title(problem)),
        _ => Answer::error(503, "unavailable", "try again later"),
    }
}

fn title(problem: &Value) -> &str {
    problem["title"].as_str().unwrap_or("the request is refused")
}
