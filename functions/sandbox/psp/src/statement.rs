//! The merchant's statement: every movement of money, with consecutive numbers.
//!
//! A charge stores its own movements; the statement only stores their order. Before money moves,
//! the next line is reserved for the charge, and the movement is written with the number of the
//! line. A reader stops at a line that may still be written, so that no line appears after a reader
//! has passed it. Unused lines are skipped: immediately if the operation failed, and after
//! [`OPEN_MS`] if the process crashed.

use chassis::clock::Clock;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::charge::{Charge, Kind, Movement};
use crate::ports::Ports;
use crate::sandbox::{Sandbox, charge_key};

/// The maximum number of lines of one page.
pub const LINES_MAX: u64 = 100;
/// How long a reserved line may stay unwritten, in milliseconds. The operation that reserved it
/// gives up after half of that.
pub const OPEN_MS: u64 = 10_000;
/// The maximum number of lines that one page reads, including unused ones.
const SCAN_MAX: u64 = 400;
/// The key of the counter of lines, which is not JSON.
const LINES_KEY: &str = "statement_lines";

/// The owner of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reserved {
    /// `None` if no money moved.
    charge: Option<String>,
    /// Milliseconds since the epoch.
    at_ms: u64,
}

/// Some lines of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In order.
    pub lines: Vec<(Charge, Movement)>,
    /// The number after which to continue, now or later.
    pub next: u64,
    /// Whether there are more lines now.
    pub more: bool,
}

/// The state of a line of the statement.
enum Line {
    Written(Box<Charge>, Movement),
    Unused,
    /// It may still be written.
    Open,
}

impl<P: Ports> Sandbox<P> {
    /// Reserves the next line for a charge.
    pub(crate) async fn reserve_line(&self, charge: &str) -> Result<u64, StoreError> {
        let line = self.store.increment(LINES_KEY, 1).await?.unsigned_abs();
        // Not earlier than the reservation of any previous line, so it limits their age.
        let at_ms = self.timer.now_ms();
        let reserved = Reserved { charge: Some(charge.to_owned()), at_ms };
        self.store.write(&line_key(line), &reserved).await?;
        Ok(line)
    }

    /// Releases an unused line.
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
        let is_over = |at_ms: u64| at_ms.saturating_add(OPEN_MS) <= self.timer.now_ms();
        let Some(reserved) = self.store.read::<Reserved>(&line_key(number)).await? else {
            // If a later line is old, the process crashed before it wrote this one.
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

/// The JSON of a page.
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
