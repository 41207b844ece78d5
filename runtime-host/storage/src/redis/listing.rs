//! Pages of keys.
//!
//! Redis has no order of keys, so each page reads the names of all keys of the database, in steps that
//! do not block the server, and keeps the first ones.

use std::collections::BTreeSet;

use tessera_redis::cmd;

use super::{Server, expiry};
use crate::{KeyPage, Result};

/// Keys that one step looks at.
const SCAN_KEYS: usize = 1_000;

/// Up to `limit` keys after `after`. Keys that are not UTF-8 are those of other programs.
pub(super) async fn page(server: &Server, after: Option<String>, limit: usize) -> Result<KeyPage> {
    let mut first = BTreeSet::new();
    let mut cursor = 0_u64;
    loop {
        let mut command = cmd("SCAN");
        command.arg(cursor).arg("COUNT").arg(SCAN_KEYS);
        let (next, found): (u64, Vec<Vec<u8>>) = server.query(&command).await?;
        for key in found.into_iter().filter(|key| !expiry::is_reserved(key)) {
            let Ok(key) = String::from_utf8(key) else { continue };
            let wanted = after.as_ref().is_none_or(|after| key > *after);
            // A step may repeat keys. One more than wanted shows that there are more.
            if wanted {
                first.insert(key);
            }
            if first.len() > limit + 1 {
                first.pop_last();
            }
        }
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    let more = first.len() > limit;
    let keys: Vec<String> = first.into_iter().take(limit).collect();
    let next = if more { keys.last().cloned() } else { None };
    Ok(KeyPage { keys, next })
}
