//! The spans of a call that its guest has started, so that what it causes is within the last one.

/// Spans of one call that are open at the same time; beyond that, the first ones are forgotten.
const OPEN_MAX: usize = 1_024;

/// The open spans of an instance.
#[derive(Debug, Default)]
pub(in crate::capabilities) struct OpenSpans {
    /// The span of the call.
    outer: u64,
    /// The others, in the order in which they were started.
    open: Vec<u64>,
    forgotten: bool,
}

impl OpenSpans {
    /// The span of the call, in which `current` is the last open one. If it is not, the call is
    /// another one than before, and its spans are gone.
    pub(super) fn outer(&mut self, current: u64) -> u64 {
        if self.active() != current {
            *self = Self { outer: current, ..Self::default() };
        }
        self.outer
    }

    /// Starts a span. Returns the last open one.
    pub(super) fn start(&mut self, current: u64, id: u64) -> u64 {
        self.outer(current);
        if self.open.len() == OPEN_MAX {
            self.open.remove(0);
            self.forgotten = true;
        }
        self.open.push(id);
        self.active()
    }

    /// Ends a span. Returns the last open one; none if the span was not started.
    pub(super) fn end(&mut self, id: u64) -> Option<u64> {
        match self.open.iter().rposition(|open| *open == id) {
            Some(index) => drop(self.open.remove(index)),
            None if self.forgotten => {}
            None => return None,
        }
        Some(self.active())
    }

    fn active(&self) -> u64 {
        self.open.last().copied().unwrap_or(self.outer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_open_span_is_active_and_the_others_may_end_before_it() {
        let mut spans = OpenSpans::default();
        assert_eq!(spans.start(1, 2), 2);
        assert_eq!(spans.start(2, 3), 3);
        assert_eq!(spans.outer(3), 1);
        assert_eq!(spans.end(2), Some(3));
        assert_eq!(spans.end(3), Some(1));
        assert_eq!(spans.end(3), None);
    }

    #[test]
    fn spans_end_with_their_call() {
        let mut spans = OpenSpans::default();
        spans.start(1, 2);
        assert_eq!(spans.outer(7), 7);
        assert_eq!(spans.end(2), None);
    }

    #[test]
    fn too_many_open_spans_are_forgotten() {
        let mut spans = OpenSpans::default();
        let mut current = 1;
        for id in 2..OPEN_MAX as u64 + 3 {
            current = spans.start(current, id);
        }
        assert_eq!(spans.end(2), Some(current));
        assert_eq!(spans.open.len(), OPEN_MAX);
    }
}
