//! Typed readers of JSON members that collect faults instead of stopping at the first.

use crate::problem::{Fault, Problem};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// The maximum number of faults in one response; a body can have thousands.
pub(super) const FAULTS_MAX: usize = 50;

/// The members of one JSON object. Each reader returns `None` when the member is absent
/// (where it may be) or at fault; [`Fields::finish`] tells the two apart, so call it before
/// any of the values is used.
#[derive(Debug)]
pub struct Fields<'a> {
    pointer: String,
    members: Option<&'a Map<String, Value>>,
    known: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    pub(super) fn root(value: &'a Value) -> Fields<'a> {
        Fields::new(value, String::new())
    }

    fn new(value: &'a Value, pointer: String) -> Fields<'a> {
        let members = value.as_object();
        let mut fields = Fields { pointer, members, known: BTreeSet::new(), faults: Vec::new() };
        if members.is_none() {
            let pointer = fields.pointer.clone();
            fields.add(pointer, "must be a JSON object");
        }
        fields
    }

    /// A required string with a length in this range, in characters.
    pub fn string(&mut self, name: &str, length: RangeInclusive<usize>) -> Option<String> {
        let value = self.required(name)?;
        self.check_string(name, value, &length)
    }

    /// A string that may be absent or null.
    pub fn optional_string(&mut self, name: &str, length: RangeInclusive<usize>) -> Option<String> {
        let value = self.present(name)?;
        self.check_string(name, value, &length)
    }

    /// A required whole number.
    pub fn integer<N>(&mut self, name: &str, range: RangeInclusive<N>) -> Option<N>
    where
        N: TryFrom<i64> + Into<i64> + Copy,
    {
        let value = self.required(name)?;
        let (low, high): (i64, i64) = ((*range.start()).into(), (*range.end()).into());
        let number = value.as_i64().filter(|number| (low..=high).contains(number));
        let number = number.and_then(|number| N::try_from(number).ok());
        self.or_fault(name, number, &format!("must be a whole number from {low} to {high}"))
    }

    /// A required `true` or `false`.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.required(name)?;
        self.or_fault(name, value.as_bool(), "must be true or false")
    }

    /// `true` or `false`, or absent or null.
    pub fn optional_boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.present(name)?;
        self.or_fault(name, value.as_bool(), "must be true or false")
    }

    /// A required object, read by `read`.
    pub fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.required(name)?;
        self.nested(self.at(name), value, read)
    }

    /// An object that may be absent or null, read by `read`.
    pub fn optional_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.present(name)?;
        self.nested(self.at(name), value, read)
    }

    /// A required array with a length in this range; `read` reads each object.
    pub fn array<T>(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
        read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.required(name)?;
        self.check_array(name, value, &length, read)
    }

    /// An array of objects that may be absent or null.
    pub fn optional_array<T>(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
        read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.present(name)?;
        self.check_array(name, value, &length, read)
    }

    /// A member of any shape, for code that reads it itself. `None` if absent or null.
    pub fn raw(&mut self, name: &str) -> Option<&'a Value> {
        self.present(name)
    }

    /// Report a fault of a member that a rule of the domain found.
    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = self.at(name);
        self.add(pointer, detail);
    }

    /// All is well, or 422 with every fault. Members that no reader asked for are faults.
    pub fn finish(mut self) -> Result<(), Problem> {
        self.report_unknown();
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::unprocessable(self.faults)) }
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }

    fn add(&mut self, pointer: String, detail: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { pointer, detail: detail.into() });
        }
    }

    fn or_fault<T>(&mut self, name: &str, value: Option<T>, detail: &str) -> Option<T> {
        if value.is_none() {
            self.fault(name, detail);
        }
        value
    }

    fn present(&mut self, name: &str) -> Option<&'a Value> {
        self.known.insert(name.to_owned());
        self.members?.get(name).filter(|value| !value.is_null())
    }

    fn required(&mut self, name: &str) -> Option<&'a Value> {
        let value = self.present(name);
        if value.is_none() && self.members.is_some() {
            self.fault(name, "is required");
        }
        value
    }

    fn check_string(
        &mut self,
        name: &str,
        value: &Value,
        length: &RangeInclusive<usize>,
    ) -> Option<String> {
        let text = self.or_fault(name, value.as_str(), "must be a string")?;
        if length.contains(&text.chars().count()) {
            return Some(text.to_owned());
        }
        let (low, high) = (length.start(), length.end());
        self.fault(name, format!("must have {low} to {high} characters"));
        None
    }

    fn check_array<T>(
        &mut self,
        name: &str,
        value: &Value,
        length: &RangeInclusive<usize>,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.or_fault(name, value.as_array(), "must be an array")?;
        if !length.contains(&items.len()) {
            let (low, high) = (length.start(), length.end());
            self.fault(name, format!("must have {low} to {high} items"));
            return None;
        }
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            list.push(self.nested(format!("{}/{index}", self.at(name)), item, &mut read));
        }
        list.into_iter().collect()
    }

    fn nested<T>(
        &mut self,
        pointer: String,
        value: &Value,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut fields = Fields::new(value, pointer);
        let result = read(&mut fields);
        // A reader that stopped early with `?` has not asked for the members after it:
        // only a complete reading can tell which are unknown.
        if result.is_some() {
            fields.report_unknown();
        }
        let sound = fields.faults.is_empty();
        for fault in fields.faults {
            self.add(fault.pointer, fault.detail);
        }
        result.filter(|_| sound)
    }

    fn report_unknown(&mut self) {
        let Some(members) = self.members else { return };
        let unknown: Vec<&String> =
            members.keys().filter(|name| !self.known.contains(*name)).collect();
        for name in unknown {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            let pointer = format!("{}/{escaped}", self.pointer);
            self.add(pointer, "is not known here");
        }
    }
}
