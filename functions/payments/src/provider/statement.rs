//! The provider's statement.

use chassis::money::{Money, is_currency};
use http::StatusCode;
use serde::Deserialize;

use crate::domain::{Kind, Line, Statement};
use crate::ports::{ProviderError, STATEMENT_LINES_MAX};

#[derive(Deserialize)]
struct Page {
    lines: Vec<Movement>,
    next: u64,
    more: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Movement {
    line: u64,
    merchant_ref: String,
    kind: String,
    value: i64,
    ccy: String,
    moved_at: u64,
}

/// Parses a page of the statement that continues after the line `after`. A page that does not
/// continue there, or has an unknown kind of line, is an error: skipping it would lose money.
pub(super) fn read(
    status: StatusCode,
    body: &[u8],
    after: u64,
) -> Result<Statement, ProviderError> {
    if !status.is_success() {
        return Err(ProviderError::OutcomeUnknown(format!("the provider responded with {status}")));
    }
    let unreadable =
        |why: String| ProviderError::OutcomeUnknown(format!("unreadable statement: {why}"));
    let page: Page = serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))?;
    let is_sound = page.lines.len() <= STATEMENT_LINES_MAX
        && page.lines.iter().all(|line| line.line > after && line.line <= page.next)
        && (page.next > after || (page.next == after && !page.more));
    if !is_sound {
        return Err(unreadable(format!("its lines do not continue after {after}")));
    }
    let lines = page.lines.into_iter().map(|line| line.read().map_err(unreadable));
    Ok(Statement { lines: lines.collect::<Result<_, _>>()?, next: page.next, more: page.more })
}

impl Movement {
    fn read(self) -> Result<Line, String> {
        let kind = match self.kind.as_str() {
            "capture" => Kind::Capture,
            "reversal" => Kind::Refund,
            "chargeback" => Kind::Chargeback,
            other => return Err(format!("line {}: {other}", self.line)),
        };
        if !is_currency(&self.ccy) {
            return Err(format!("line {}: no currency", self.line));
        }
        let amount = Money::new(self.value, self.ccy);
        let (number, at_ms) = (self.line, self.moved_at);
        Ok(Line { number, payment_id: self.merchant_ref, kind, amount, at_ms })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PAGE: &str = r#"{"lines":[{"line":3,"chargeId":"ch_1","merchantRef":"pay_1",
        "kind":"capture","value":500,"ccy":"EUR","movedAt":17}],"next":4,"more":true}"#;

    fn parse(body: &str, after: u64) -> Result<Statement, ProviderError> {
        read(StatusCode::OK, body.as_bytes(), after)
    }

    #[test]
    fn a_page_has_its_lines() {
        let page = parse(PAGE, 2).unwrap();
        assert_eq!((page.next, page.more, page.lines[0].number), (4, true, 3));
        assert_eq!(page.lines[0].amount, Money::new(500, "EUR"));
        let empty = r#"{"lines":[],"next":2,"more":false}"#;
        assert_eq!(parse(empty, 2).unwrap().lines, []);
    }

    #[test]
    fn a_page_with_wrong_or_unknown_lines_is_refused() {
        for (body, after) in [
            (PAGE.to_owned(), 3),
            (PAGE.to_owned(), 4),
            (PAGE.replace("\"next\":4", "\"next\":2"), 2),
            (r#"{"lines":[],"next":2,"more":true}"#.to_owned(), 2),
            (PAGE.replace("capture", "fee"), 2),
            (PAGE.replace("EUR", "euro"), 2),
            ("{}".to_owned(), 0),
        ] {
            assert!(
                matches!(parse(&body, after), Err(ProviderError::OutcomeUnknown(_))),
                "{body} {after}"
            );
        }
        assert!(read(StatusCode::BAD_GATEWAY, PAGE.as_bytes(), 2).is_err());
    }
}
