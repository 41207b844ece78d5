//! A fair queue: it serves its clients in turn.
//!
//! Each client has a separate line, which is first in, first out. The lines are served round-robin,
//! so the waiting time of a client depends on the number of clients, not on the number of calls of
//! each.

use std::collections::VecDeque;
use std::net::IpAddr;

/// Waiters of all clients.
pub(super) struct Queue<T> {
    /// The next line to serve is the first one; none is empty.
    lines: VecDeque<Line<T>>,
    waiting: usize,
    next_ticket: u64,
}

struct Line<T> {
    client: Option<IpAddr>,
    waiters: VecDeque<(Ticket, T)>,
}

/// Identifies a waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { lines: VecDeque::new(), waiting: 0, next_ticket: 0 }
    }

    /// The number of waiters.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Appends a waiter to the line of its client.
    pub(super) fn push(&mut self, client: Option<IpAddr>, waiter: T) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.waiting += 1;
        match self.lines.iter_mut().find(|line| line.client == client) {
            Some(line) => line.waiters.push_back((ticket, waiter)),
            None => {
                let waiters = VecDeque::from([(ticket, waiter)]);
                self.lines.push_back(Line { client, waiters });
            }
        }
        ticket
    }

    /// Removes the next waiter.
    pub(super) fn pop(&mut self) -> Option<T> {
        let mut line = self.lines.pop_front()?;
        let (_, waiter) = line.waiters.pop_front()?;
        self.waiting -= 1;
        if !line.waiters.is_empty() {
            self.lines.push_back(line);
        }
        Some(waiter)
    }

    /// Removes a waiter that was canceled. False if it was removed before.
    pub(super) fn remove(&mut self, client: Option<IpAddr>, ticket: Ticket) -> bool {
        self.take(client, ticket).is_some()
    }

    fn take(&mut self, client: Option<IpAddr>, ticket: Ticket) -> Option<T> {
        let index = self.lines.iter().position(|line| line.client == client)?;
        let waiters = &mut self.lines[index].waiters;
        let position = waiters.iter().position(|(waiting, _)| *waiting == ticket)?;
        let (_, waiter) = waiters.remove(position)?;
        self.waiting -= 1;
        if waiters.is_empty() {
            self.lines.remove(index);
        }
        Some(waiter)
    }

    /// Removes the newest waiter of the longest line, if that line is longer than the line of this
    /// client would be with one more waiter.
    pub(super) fn displace(&mut self, client: Option<IpAddr>) -> Option<T> {
        let own = self.lines.iter().find(|line| line.client == client);
        let own = own.map_or(0, |line| line.waiters.len());
        let longest = self.lines.iter_mut().max_by_key(|line| line.waiters.len())?;
        if longest.waiters.len() <= own + 1 {
            return None;
        }
        // At least one waiter remains in that line.
        let (_, waiter) = longest.waiters.pop_back()?;
        self.waiting -= 1;
        Some(waiter)
    }

    /// Removes the newest waiter of the longest line.
    pub(super) fn pop_newest(&mut self) -> Option<T> {
        let longest = self.lines.iter().max_by_key(|line| line.waiters.len())?;
        let (client, ticket) = (longest.client, longest.waiters.back()?.0);
        self.take(client, ticket)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn client(number: u8) -> Option<IpAddr> {
        Some(IpAddr::from([127, 0, 0, number]))
    }

    fn drain(queue: &mut Queue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn clients_are_served_in_turn() {
        let mut queue = Queue::new();
        for waiter in ["a1", "a2", "a3"] {
            queue.push(client(1), waiter);
        }
        queue.push(client(2), "b1");
        queue.push(None, "internal");
        queue.push(client(2), "b2");
        assert_eq!(queue.len(), 6);
        assert_eq!(drain(&mut queue), ["a1", "b1", "internal", "a2", "b2", "a3"]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_canceled_waiter_leaves_its_line() {
        let mut queue = Queue::new();
        let first = queue.push(client(1), "a1");
        queue.push(client(1), "a2");
        let only = queue.push(client(2), "b1");
        assert!(queue.remove(client(1), first) && queue.remove(client(2), only));
        assert!(!queue.remove(client(1), first) && !queue.remove(client(2), only));
        assert_eq!((queue.len(), drain(&mut queue)), (1, vec!["a2"]));
    }

    #[test]
    fn a_full_queue_displaces_waiters_of_clients_with_more() {
        let mut queue = Queue::new();
        for waiter in ["a1", "a2", "a3"] {
            queue.push(client(1), waiter);
        }
        assert_eq!(queue.displace(client(1)), None, "its own line is the longest");
        assert_eq!(queue.displace(client(2)), Some("a3"));
        queue.push(client(2), "b1");
        assert_eq!(queue.displace(client(2)), None, "both would have two");
        assert_eq!(queue.displace(client(3)), Some("a2"));
        queue.push(client(3), "c1");
        assert_eq!(queue.displace(client(4)), None, "each has one");
        assert_eq!(drain(&mut queue), ["a1", "b1", "c1"]);
    }

    #[test]
    fn the_newest_waiter_of_the_longest_line_leaves_first() {
        let mut queue = Queue::new();
        queue.push(client(1), "a1");
        queue.push(client(2), "b1");
        queue.push(client(2), "b2");
        assert_eq!(queue.pop_newest(), Some("b2"));
        assert_eq!(queue.len(), 2);
        assert!(queue.pop_newest().is_some() && queue.pop_newest().is_some());
        assert_eq!((queue.pop_newest(), queue.len()), (None, 0));
    }
}
