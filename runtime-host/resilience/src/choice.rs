//! A number, or any number of a range.
//!
//! What is chosen anew for each of many things spreads their ends: instances that began together do
//! not end together.

/// A number, or any number of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    from: u64,
    /// How many numbers there are, at least one.
    count: u64,
}

impl Choice {
    /// Only this number.
    pub const fn one(number: u64) -> Self {
        Self { from: number, count: 1 }
    }

    /// A number from `from` to below `to`. `None` if there is no such number.
    pub const fn range(from: u64, to: u64) -> Option<Self> {
        match to.checked_sub(from) {
            None | Some(0) => None,
            Some(count) => Some(Self { from, count }),
        }
    }

    /// The least number.
    pub const fn least(self) -> u64 {
        self.from
    }

    /// The greatest number.
    pub const fn greatest(self) -> u64 {
        self.from + (self.count - 1)
    }

    /// Without the numbers above `most`; only `most` if none is left.
    #[must_use]
    pub const fn at_most(self, most: u64) -> Self {
        if most <= self.from {
            return Self::one(most);
        }
        let count = most - self.from + 1;
        Self { from: self.from, count: if count < self.count { count } else { self.count } }
    }

    /// One of the numbers; `random` decides which.
    pub const fn choose(self, random: u64) -> u64 {
        self.from + random % self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_a_range_is_chosen_and_no_other() {
        let choice = Choice::range(3, 6).unwrap();
        let mut chosen: Vec<u64> = (0..9).map(|random| choice.choose(random)).collect();
        chosen.sort_unstable();
        assert_eq!(chosen, [3, 3, 3, 4, 4, 4, 5, 5, 5]);
        assert_eq!((choice.least(), choice.greatest()), (3, 5));
        assert_eq!(Choice::range(0, u64::MAX).unwrap().choose(u64::MAX), 0);
    }

    #[test]
    fn a_range_can_be_cut() {
        let choice = Choice::range(3, 6).unwrap();
        assert_eq!(choice.at_most(9), choice);
        assert_eq!(choice.at_most(4), Choice::range(3, 5).unwrap());
        assert_eq!(choice.at_most(2), Choice::one(2));
    }

    #[test]
    fn one_number_is_always_chosen_and_an_empty_range_has_none() {
        assert_eq!(Choice::one(7).choose(u64::MAX), 7);
        assert_eq!(Choice::range(7, 7), None);
        assert_eq!(Choice::range(8, 7), None);
    }
}
