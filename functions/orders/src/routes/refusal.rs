//! What is answered when a request is refused.

use chassis::money::Money;
use chassis::{Problem, ProblemType};
use http::header;
use serde_json::json;

use crate::service::{Uncancelled, Unplaced, Unresumed};

pub(super) fn no_such_order() -> Problem {
    Problem::not_found("There is no such order.")
}

pub(super) fn refused(unplaced: Unplaced, from_cart: bool) -> Problem {
    let fault = |pointer: String, detail: String| {
        let pointer = if from_cart { String::new() } else { pointer };
        Problem::unprocessable(Vec::new()).error(pointer, detail)
    };
    match unplaced {
        Unplaced::UnknownSku(line, sku) => {
            fault(format!("/items/{line}/sku"), format!("there is no product `{sku}`"))
        }
        Unplaced::TooMany(line) => {
            let most = crate::domain::placed::QUANTITY_MAX;
            let detail = format!("at most {most} pieces of one product can be ordered");
            fault(format!("/items/{line}/quantity"), detail)
        }
        Unplaced::CartSize(0) => fault(String::new(), "the cart is empty".to_owned())
            .detail("Put something into the cart, or send `items`."),
        Unplaced::CartSize(lines) => {
            let most = crate::domain::placed::LINES_MAX;
            fault(String::new(), format!("the cart has {lines} lines, more than {most}"))
        }
        Unplaced::NoTotal => {
            fault("/items".to_owned(), "these can't be paid in one sum".to_owned())
        }
        Unplaced::PriceChanged { expected, total } => Problem::new(ProblemType::PriceChanged)
            .detail("Nothing was ordered. Check the new total, then order again with a new key.")
            .extension("expected_total", money(&expected))
            .extension("total", money(&total)),
        Unplaced::Backlog(error) => error.into(),
        Unplaced::Unavailable(reason) => {
            eprintln!("orders: not placed: {reason}");
            Problem::unavailable("The order can't be taken now.", 1)
        }
    }
}

fn money(money: &Money) -> serde_json::Value {
    json!({"amount": money.amount, "currency": money.currency})
}

pub(super) fn not_cancelled(uncancelled: Uncancelled) -> Problem {
    match uncancelled {
        Uncancelled::NotFound => no_such_order(),
        Uncancelled::TooLate(status) => {
            let name = status.as_str();
            Problem::new(ProblemType::TooLate)
                .detail(format!("The order is {name}."))
                .extension("status_of_order", name)
        }
        Uncancelled::Changed(version) => Problem::new(ProblemType::PreconditionFailed)
            .header(header::ETAG, &super::precondition::etag(version))
            .detail("The order changed. Read it again before you cancel it."),
        Uncancelled::Backlog(error) => error.into(),
        Uncancelled::Unavailable(reason) => {
            eprintln!("orders: not cancelled: {reason}");
            Problem::unavailable("The order can't be cancelled now.", 1)
        }
    }
}

pub(super) fn not_resumed(unresumed: Unresumed) -> Problem {
    match unresumed {
        Unresumed::NotFound => no_such_order(),
        Unresumed::NotParked => Problem::new(ProblemType::NotParked),
        Unresumed::Backlog(error) => error.into(),
        Unresumed::Unavailable(reason) => {
            eprintln!("orders: not resumed: {reason}");
            Problem::unavailable("The order can't go on now.", 1)
        }
    }
}
