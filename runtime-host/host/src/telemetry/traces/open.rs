//! Traces whose root has not ended.

use super::is_root;
use crate::telemetry::span::EndedSpan;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

/// Open traces of one shard. Beyond that, the oldest is treated as ended.
pub(super) const OPEN_TRACES_MAX: usize = 256;
/// Buffers of one shard that wait to be used again.
const BUFFERS_MAX: usize = 64;

/// A trace with its spans.
pub(super) type Finished = (u128, Vec<EndedSpan>);

/// The open traces of one shard.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) traces: HashMap<u128, Vec<EndedSpan>>,
    /// In the order in which they were opened; some have ended since.
    pub(super) order: VecDeque<u128>,
    buffers: Vec<Vec<EndedSpan>>,
}

impl Open {
    /// The trace that has ended with this span, and the one that it has pushed out.
    pub(super) fn push(&mut self, ended: EndedSpan) -> [Option<Finished>; 2] {
        let (id, is_root) = (ended.trace_id, is_root(ended.kind));
        let mut pushed_out = None;
        let spans = match self.traces.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                self.order.push_back(id);
                if self.order.len() > OPEN_TRACES_MAX {
                    pushed_out = self.order.pop_front();
                }
                new.insert(self.buffers.pop().unwrap_or_default())
            }
        };
        if spans.len() < super::SPANS_PER_TRACE_MAX || is_root {
            spans.push(ended);
        }
        let finished = if is_root { self.finish(id) } else { None };
        [finished, pushed_out.and_then(|id| self.finish(id))]
    }

    fn finish(&mut self, id: u128) -> Option<Finished> {
        Some((id, self.traces.remove(&id)?))
    }

    pub(super) fn recycle(&mut self, buffer: Vec<EndedSpan>) {
        if self.buffers.len() < BUFFERS_MAX {
            self.buffers.push(buffer);
        }
    }
}
