//! The circuit breakers of edges: an operator opens or closes them.

use super::query::Query;
use super::reply::{self, Reply};
use super::route::Call;
use crate::calls::Switched;
use crate::problem::Code;
use serde_json::json;
use tessera_resilience::breaker::Mode;

const NAMES: [&str; 4] = ["caller", "callee", "function", "mode"];

/// What an operator wants.
struct Order {
    caller: String,
    callee: String,
    /// That of a link; all of them if it is missing.
    function: Option<String>,
    mode: Mode,
}

/// Switches circuit breakers.
pub(super) fn set_breaker(call: &Call<'_>) -> Reply {
    let Order { caller, callee, function, mode } = match order(&call.query) {
        Ok(order) => order,
        Err(detail) => return reply::problem(Code::BadRequest, &detail),
    };
    match call.state.edges.set_mode(&caller, &callee, function.as_deref(), mode) {
        Switched { breakers: 0, without_breaker: 0 } => {
            let detail = "there are no calls with a policy between the two: see GET /edges";
            reply::problem(Code::NOT_FOUND, detail)
        }
        Switched { breakers: 0, .. } => {
            let detail = "the policy of these calls has no `breaker`";
            reply::problem(Code::BadRequest, detail)
        }
        Switched { breakers, .. } => {
            let mode = name(mode);
            tracing::info!(caller, callee, mode, "an operator switches a circuit breaker");
            reply::json(&json!({ "breakers": breakers }))
        }
    }
}

fn order(query: &str) -> Result<Order, String> {
    let mut given = Query::parse(query, &NAMES)?;
    let (caller, callee) = (given.required("caller")?, given.required("callee")?);
    let mode = match given.required("mode")?.as_str() {
        "open" => Mode::ForcedOpen,
        "closed" => Mode::Disabled,
        "automatic" => Mode::Automatic,
        other => return Err(format!("`mode` can't be `{other}`: open, closed or automatic")),
    };
    Ok(Order { caller, callee, function: given.take("function"), mode })
}

fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::ForcedOpen => "open",
        Mode::Disabled => "closed",
        Mode::Automatic => "automatic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(query: &str) -> String {
        order(query).err().unwrap()
    }

    #[test]
    fn an_order_names_caller_callee_and_mode() {
        let order = order("caller=a&callee=https%3A%2F%2Fb&mode=open&function=i.f").unwrap();
        assert_eq!((&*order.caller, &*order.callee), ("a", "https://b"));
        assert_eq!((order.function.as_deref(), order.mode), (Some("i.f"), Mode::ForcedOpen));
    }

    #[test]
    fn what_is_missing_or_misspelled_is_an_error() {
        assert_eq!(error("caller=a&mode=open"), "`callee` is missing");
        assert_eq!(error("caller=a&callee=b&mod=open"), "there is no parameter `mod` here");
        assert!(error("caller=a&callee=b&mode=close").contains("open, closed or automatic"));
        assert_eq!(error("caller=a&caller=b"), "`caller` is given twice");
    }
}
