//! Creating a key exactly once on a host whose swap on an *absent* key lets every writer win.
//!
//! Stock Spin's SQLite store turns that swap into an upsert. Its `increment` is atomic, and so is
//! its swap on a *present* value. So each key that is being created has a register: a counter whose
//! value is the last ticket. Only the holder of the last ticket may write the key.
//!
//! - `increment` on an absent register gives the first ticket to exactly one caller.
//! - Everyone else waits for the key. A caller that has seen the same ticket for the whole
//!   [`patience_ms`] concludes that its holder died. It swaps the register from that ticket to the
//!   next one; of several callers, one succeeds. The number of tickets has no limit, so creators
//!   that die only cost time.
//! - The holder measures the time from before it asked for the ticket. If more than a quarter of
//!   the patience has passed, it does not write. It swaps its ticket for the next one instead, with
//!   twice the patience.
//! - The holder writes with a swap that reads the key again. Then it removes the register.
//!
//! At most one creator writes an absent key, for these reasons. Tickets of one register are issued
//! one after the other, because each swap compares with the previous ticket. A ticket is replaced
//! by its own holder, which then does not use it, or by another caller once the patience is over,
//! which begins when that caller reads the ticket. A holder that stalls before its check, for any
//! length of time, finds that it is late. A register is removed only after its key exists, so a
//! caller that gets a first ticket afterwards finds the key and does not write.
//!
//! One assumption is left: the last operation of a holder, once begun, takes effect or fails before
//! the rest of the patience is over. A blind write can't be fenced in any other way. A holder whose
//! write took longer reports an error instead of success.
//!
//! A register stays behind only if a creator dies, or gives up, between its ticket and the removal,
//! or if the removal fails: at most one small counter per key. The next creator of the key removes
//! it if the key is still absent.

#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

use super::{Store, StoreError};
use std::future::Future;

/// The patience with the holder of a first ticket.
const PATIENCE_MS: u64 = 1_000;
/// How often the patience is doubled: a slow store needs more, and callers have deadlines.
const DOUBLINGS_MAX: u64 = 2;
/// The part of the patience after which a holder does not write any more.
const HOLDER_SHARE: u64 = 4;
/// The lowest bits of a ticket number the tickets. The bits above are the time of the first ticket,
/// so that no ticket comes back when a key is deleted and created again.
const NUMBER_BITS: u32 = 16;
/// The bits of that time, in milliseconds. The sum of many first tickets still fits in a counter.
const TIME_BITS: u32 = 32;

/// What the guard needs of time: a stop watch and a pause.
pub(super) trait Pace: Sync {
    /// How long callers pause before they look for the key again.
    const POLL_MS: u64 = 50;
    /// How often one call asks for a ticket, or waits for its holder.
    const ATTEMPTS_MAX: u32 = 4;

    fn now_ms(&self) -> u64;
    fn pause(&self, ms: u64) -> impl Future<Output = ()> + Send;
}

/// Whether this caller created the key.
pub(super) async fn create<S: Store, P: Pace>(
    store: &S,
    pace: &P,
    key: &str,
    new: &[u8],
) -> Result<bool, StoreError> {
    let register = register_key(key);
    let mut unused = None;
    for _ in 0..P::ATTEMPTS_MAX {
        if store.get(key).await?.is_some() {
            return lose(store, &register, unused).await;
        }
        let last = last_ticket(store, &register).await?;
        // A caller that holds the last ticket and does not use it has no other holder to wait for.
        if let Some(last) = last.filter(|last| unused != Some(*last)) {
            match wait(store, pace, key, last).await? {
                Waited::Created => return lose(store, &register, unused).await,
                Waited::TooShort => continue,
                Waited::InVain => {}
            }
        }
        let asked_ms = pace.now_ms();
        let Some(ticket) = take(store, &register, last, asked_ms).await? else { continue };
        if since_ms(pace, asked_ms) <= patience_ms(ticket) / HOLDER_SHARE {
            let created = store.compare_and_swap(key, None, new).await?;
            let took_ms = since_ms(pace, asked_ms);
            remove(store, &register).await;
            let in_time = took_ms <= patience_ms(ticket);
            return if in_time || !created { Ok(created) } else { Err(slow()) };
        }
        unused = Some(ticket);
    }
    Err(match unused {
        Some(_) => slow(),
        None => StoreError::Contended(key.to_owned()),
    })
}

/// Another caller has created the key. A ticket of this call may be younger than the key, and then
/// this call has made the register.
async fn lose<S: Store>(
    store: &S,
    register: &str,
    unused: Option<i64>,
) -> Result<bool, StoreError> {
    if unused.is_some() {
        remove(store, register).await;
    }
    Ok(false)
}

/// Removes the register of a key that exists. A register that stays does no harm.
async fn remove<S: Store>(store: &S, register: &str) {
    if let Err(error) = store.delete(register).await {
        eprintln!("the counter `{register}` was not removed: {error}");
    }
}

fn slow() -> StoreError {
    StoreError::Unavailable("the store is slow".to_owned())
}

enum Waited {
    /// The key exists.
    Created,
    /// The key is absent after the whole patience.
    InVain,
    /// The key is absent, but the clock says that the patience is not over.
    TooShort,
}

/// Waits until the key exists, at most for the patience with the holder of this ticket.
async fn wait<S: Store, P: Pace>(
    store: &S,
    pace: &P,
    key: &str,
    ticket: i64,
) -> Result<Waited, StoreError> {
    let (seen_ms, patience_ms) = (pace.now_ms(), patience_ms(ticket));
    for _ in 0..patience_ms / P::POLL_MS {
        pace.pause(P::POLL_MS).await;
        if store.get(key).await?.is_some() {
            return Ok(Waited::Created);
        }
    }
    let is_over = since_ms(pace, seen_ms) >= patience_ms;
    Ok(if is_over { Waited::InVain } else { Waited::TooShort })
}

/// The ticket after `last`, or the first one; none if another caller was faster.
async fn take<S: Store>(
    store: &S,
    register: &str,
    last: Option<i64>,
    now_ms: u64,
) -> Result<Option<i64>, StoreError> {
    let Some(last) = last else {
        let first = first_ticket(now_ms);
        let sum = store.increment(register, first).await?;
        return Ok((sum == first).then_some(first));
    };
    let next = last.wrapping_add(1);
    let swapped =
        store.compare_and_swap(register, Some(&last.to_le_bytes()), &next.to_le_bytes()).await?;
    Ok(swapped.then_some(next))
}

/// The value of the register. Both hosts keep counters as eight bytes, little end first.
async fn last_ticket<S: Store>(store: &S, register: &str) -> Result<Option<i64>, StoreError> {
    let Some(bytes) = store.get(register).await? else { return Ok(None) };
    let bytes: [u8; 8] = bytes.as_slice().try_into().map_err(|_| StoreError::Corrupt {
        key: register.to_owned(),
        reason: "not a counter of eight bytes".to_owned(),
    })?;
    Ok(Some(i64::from_le_bytes(bytes)))
}

fn register_key(key: &str) -> String {
    format!("created/{key}")
}

/// Never 0, which is the value of an absent counter.
fn first_ticket(now_ms: u64) -> i64 {
    let time = now_ms & ((1 << TIME_BITS) - 1);
    ((time << NUMBER_BITS) | 1).cast_signed()
}

/// How long others wait for the holder of this ticket. Callers that met at an absent register have
/// raised its number, so what they wait is never less than what the holder reckons with.
fn patience_ms(ticket: i64) -> u64 {
    let number = ticket.cast_unsigned() & ((1 << NUMBER_BITS) - 1);
    PATIENCE_MS << number.wrapping_sub(1).min(DOUBLINGS_MAX)
}

fn since_ms(pace: &impl Pace, begin_ms: u64) -> u64 {
    pace.now_ms().saturating_sub(begin_ms)
}

#[cfg(test)]
mod tests;
