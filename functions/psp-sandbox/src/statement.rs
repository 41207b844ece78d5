//! The merchant's statement: every movement of money, numbered in one order.
//!
//! A charge keeps its own movements; the statement is only the order of them. Before money
//! moves, the next line is reserved in the charge's name, and the movement is written with the
//! line's number. A reader stops at a line that may still be written, so that no line ever
//! appears behind a reader. Lines that stay unused are passed over: at once where the move
//! failed, after [`OPEN_MS`] where the process died.

use chassis::http::Outbound;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::charge::{Charge, Kind, Movement};
use crate::sandbox::{Clock, Sandbox, charge_key};

/// Lines of one page at most.
pub const LINES_MAX: u64 = 100;
/// How long a reserved line may stay unwritten, in milliseconds. The move that reserved it
/// gives up after half of that.
pub const OPEN_MS: u64 = 10_000;
/// Numbers that one page looks at, unused ones included.
const SCAN_MAX: u64 = 400;
/// The counter of lines. Never JSON.
const LINES_KEY: &str = "statement_lines";

/// Whose a line is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reserved {
    /// None once it is known that nothing moved.
    charge: Option<String>,
    /// Milliseconds since the epoch.
    at_ms: u64,
}

/// Some lines of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In their order.
    pub lines: Vec<(Charge, Movement)>,
    /// After which number to go on, now or later.
    pub next: u64,
    /// Whether there are more lines now.
    pub more: bool,
}

/// What is known about a number of the statement.
enum Line {
    Written(Box<Charge>, Movement),
    Unused,
    /// Perhaps it will be written.
    Open,
}

impl<S: Store, C: Clock, O: Outbound> Sandbox<S, C, O> {
    /// Reserves the next line for a charge.
    pub(crate) async fn reserve_line(&self, charge: &str) -> Result<u64, StoreError> {
        let line = self.store.increment(LINES_KEY, 1).await?.unsigned_abs();
        // Not earlier than any line before it was taken, so that it tells how old those are.
        let at_ms = self.clock.now_ms();
        let reserved = Reserved { charge: Some(charge.to_owned()), at_ms };
        self.store.write(&line_key(line), &reserved).await?;
        Ok(line)
    }

    /// Gives a line up that nothing was written to.
    pub(crate) async fn release_line(&self, line: u64, at_ms: u64) -> Result<(), StoreError> {
        self.store.write(&line_key(line), &Reserved { charge: None, at_ms }).await
    }

    /// Up to `limit` lines after the one with the number `after`.
    pub async fn statement(&self, after: u64, limit: u64) -> Result<Page, StoreError> {
        let last = self.store.increment(LINES_KEY, 0).await?.unsigned_abs();
        let end = last.min(after.saturating_add(SCAN_MAX));
        let (mut lines, mut at) = (Vec::new(), after);
        while at < end && (lines.len() as u64) < limit {
            match self.line(at + 1, last).await? {
                Line::Written(charge, movement) => lines.push((*charge, movement)),
                Line::Unused => {}
                Line::Open => return Ok(Page { lines, next: at, more: false }),
            }
            at += 1;
        }
        Ok(Page { lines, next: at, more: at < last })
    }

    async fn line(&self, number: u64, last: u64) -> Result<Line, StoreError> {
        let is_over = |at_ms: u64| at_ms.saturating_add(OPEN_MS) <= self.clock.now_ms();
        let Some(reserved) = self.store.read::<Reserved>(&line_key(number)).await? else {
            // Its process died before it wrote even this, if a later one is old already.
            for later in number + 1..=last {
                if let Some(later) = self.store.read::<Reserved>(&line_key(later)).await? {
                    return Ok(if is_over(later.at_ms) { Line::Unused } else { Line::Open });
                }
            }
            return Ok(Line::Open);
        };
        let Some(id) = reserved.charge else { return Ok(Line::Unused) };
        let charge: Option<Charge> = self.store.read(&charge_key(&id)).await?;
        let written = charge.and_then(|charge| {
            let movement = *charge.movements.iter().find(|movement| movement.line == number)?;
            Some(Line::Written(Box::new(charge), movement))
        });
        let unwritten = if is_over(reserved.at_ms) { Line::Unused } else { Line::Open };
        Ok(written.unwrap_or(unwritten))
    }
}

/// A page as merchants see it.
pub fn view(page: &Page) -> Value {
    let line = |(charge, movement): &(Charge, Movement)| {
        json!({
            "line": movement.line,
            "chargeId": charge.id,
            "merchantRef": charge.instruction.merchant_ref,
            "kind": match movement.kind {
                Kind::Capture => "capture",
                Kind::Reversal => "reversal",
                Kind::Chargeback => "chargeback",
            },
            "value": movement.value,
            "ccy": charge.instruction.ccy,
            "movedAt": movement.at_ms,
        })
    };
    let lines: Vec<Value> = page.lines.iter().map(line).collect();
    json!({"lines": lines, "next": page.next, "more": page.more})
}

fn line_key(line: u64) -> String {
    format!("statement_line:{line}")
}
