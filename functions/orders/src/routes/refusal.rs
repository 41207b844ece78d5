//! The problems of refused requests.

use chassis::http::version_tag;
use chassis::money::Money;
use chassis::store::StoreError;
use chassis::{Problem, ProblemType};
use http::header;
use serde_json::json;

use crate::ports::Unavailable;
use crate::service::{CancelError, PlaceError, ResumeError};

const NOT_PLACED: &str = "The order can't be placed now.";

pub(super) fn no_such_order() -> Problem {
    Problem::not_found("There is no such order.")
}

pub(super) fn not_placed(error: PlaceError, from_cart: bool) -> Problem {
    let fault = |pointer: String, detail: String| {
        let pointer = if from_cart { String::new() } else { pointer };
        Problem::unprocessable(Vec::new()).error(pointer, detail)
    };
    match error {
        PlaceError::UnknownSku(line, sku) => {
            fault(format!("/items/{line}/sku"), format!("there is no product `{sku}`"))
        }
        PlaceError::TooMany(line) => {
            let most = crate::domain::placed::QUANTITY_MAX;
            let detail = format!("the quantity of one product must not exceed {most}");
            fault(format!("/items/{line}/quantity"), detail)
        }
        PlaceError::CartSize(0) => fault(String::new(), "the cart is empty".to_owned())
            .detail("Add products to the cart, or send `items`."),
        PlaceError::CartSize(lines) => {
            let most = crate::domain::placed::LINES_MAX;
            fault(String::new(), format!("the cart has {lines} lines, more than {most}"))
        }
        PlaceError::NoTotal => {
            fault("/items".to_owned(), "the prices of these products can't be added up".to_owned())
        }
        PlaceError::PriceChanged { expected, total } => Problem::new(ProblemType::PriceChanged)
            .detail("Nothing was ordered. Check the new total, then order again with a new key.")
            .extension("expected_total", money(&expected))
            .extension("total", money(&total)),
        PlaceError::Store(error) => store_failed(error, NOT_PLACED),
        PlaceError::Unavailable(Unavailable(reason)) => unavailable(&reason, NOT_PLACED),
    }
}

fn money(money: &Money) -> serde_json::Value {
    json!({"amount": money.amount, "currency": money.currency})
}

pub(super) fn not_canceled(error: CancelError) -> Problem {
    match error {
        CancelError::NotFound => no_such_order(),
        CancelError::TooLate(status) => {
            let name = status.as_str();
            Problem::new(ProblemType::TooLate)
                .detail(format!("The order is {name}."))
                .extension("status_of_order", name)
        }
        CancelError::Changed(version) => Problem::new(ProblemType::PreconditionFailed)
            .header(header::ETAG, &version_tag(version))
            .detail("The order has changed. Get it again before you cancel it."),
        CancelError::Store(error) => store_failed(error, "The order can't be canceled now."),
    }
}

pub(super) fn not_resumed(error: ResumeError) -> Problem {
    match error {
        ResumeError::NotFound => no_such_order(),
        ResumeError::NotParked => Problem::new(ProblemType::NotParked),
        ResumeError::Store(error) => store_failed(error, "The order can't be resumed now."),
    }
}

/// Too many unfinished orders have their own problem. Any other failure is temporary for a client.
fn store_failed(error: StoreError, detail: &str) -> Problem {
    match error {
        StoreError::Backlog { .. } => error.into(),
        error => unavailable(&error.to_string(), detail),
    }
}

fn unavailable(reason: &str, detail: &str) -> Problem {
    eprintln!("orders: {detail} {reason}");
    Problem::unavailable(detail, 1)
}
