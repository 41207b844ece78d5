//! Work in parts that have nothing to do with each other, as a sweep does it.
//!
//! A failure in one part, for example a value that can't be read, must not keep the other parts
//! from being done. So each part is done, and the first error is returned at the end.

use std::fmt::Debug;

/// What has become of the parts so far.
#[derive(Debug)]
pub struct Parts<E>(Option<E>);

impl<E: Debug> Parts<E> {
    /// Nothing has run yet.
    pub const fn new() -> Self {
        Self(None)
    }

    /// What this part has done; nothing if it failed. Its error is logged under this name.
    pub fn done<T: Default>(&mut self, name: &str, part: Result<T, E>) -> T {
        part.unwrap_or_else(|error| {
            eprintln!("{name} fails: {error:?}");
            self.0.get_or_insert(error);
            T::default()
        })
    }

    /// What all parts have done, if none has failed.
    ///
    /// # Errors
    /// The first that a part has met.
    pub fn end<T>(self, swept: T) -> Result<T, E> {
        self.0.map_or(Ok(swept), Err)
    }
}

impl<E: Debug> Default for Parts<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_answered_after_all_parts() {
        let mut parts = Parts::new();
        let done = ["1", "x", "3", "y"].map(|text| parts.done(text, text.parse::<u8>()));
        assert_eq!(done, [1, 0, 3, 0]);
        assert_eq!(parts.end(done), "x".parse::<u8>().map(|_| done));
        let mut parts = Parts::<()>::default();
        let done: u8 = parts.done("only", Ok(7));
        assert_eq!(parts.end(done), Ok(7));
    }
}
