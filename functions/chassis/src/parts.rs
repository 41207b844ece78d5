//! Work in independent parts, for example in a sweep.
//!
//! A failure in one part, for example an unreadable value, must not stop the other parts. So all
//! parts run, and the first error is returned at the end.

use std::fmt::Debug;

/// The result of the parts so far.
#[derive(Debug)]
pub struct Parts<E>(Option<E>);

impl<E: Debug> Parts<E> {
    /// Nothing has run yet.
    pub const fn new() -> Self {
        Self(None)
    }

    /// The result of this part, or the default value if it failed. Its error is logged under this
    /// name.
    pub fn done<T: Default>(&mut self, name: &str, part: Result<T, E>) -> T {
        part.unwrap_or_else(|error| {
            eprintln!("{name} failed: {error:?}");
            self.0.get_or_insert(error);
            T::default()
        })
    }

    /// The result of all parts, if none has failed.
    ///
    /// # Errors
    /// The first error of a part.
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
    fn the_first_error_is_returned_after_all_parts() {
        let mut parts = Parts::new();
        let done = ["1", "x", "3", "y"].map(|text| parts.done(text, text.parse::<u8>()));
        assert_eq!(done, [1, 0, 3, 0]);
        assert_eq!(parts.end(done), "x".parse::<u8>().map(|_| done));
        let mut parts = Parts::<()>::default();
        let done: u8 = parts.done("only", Ok(7));
        assert_eq!(parts.end(done), Ok(7));
    }
}
