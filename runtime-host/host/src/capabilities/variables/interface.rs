//! `spin:variables@3.0.0` and `fermyon:spin/variables@2.0.0`.

use super::Variables;
use crate::capabilities::bindings::fermyon::spin::variables as v2;
use crate::capabilities::bindings::spin::variables::variables as v3;
use crate::capabilities::{Capability, State};
use wasmtime::component::{Accessor, HasSelf, Linker};

pub(in crate::capabilities) const CAPABILITY: Capability = Capability {
    offered: &["fermyon:spin/variables", "spin:variables"],
    governed: &[("fermyon:spin/variables", "variables"), ("spin:variables", "variables")],
    add_to_linker,
};

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    v2::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    v3::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

/// Why there is no value.
pub(in crate::capabilities) enum LookupError {
    InvalidName(String),
    Undefined(String),
}

/// Looks up a variable by its name.
pub(in crate::capabilities) fn lookup(
    variables: &Variables,
    name: &str,
) -> Result<String, LookupError> {
    if let Some(value) = variables.get(name) {
        return Ok(value.to_owned());
    }
    if !can_be_name(name) {
        return Err(LookupError::InvalidName(format!(
            "{name:?} cannot be a variable's name: those are lower case words joined by `_`"
        )));
    }
    let text = format!("the component's manifest declares no variable `{name}`");
    Err(LookupError::Undefined(text))
}

/// The rule of stock Spin.
fn can_be_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_joined = !name.ends_with('_') && !name.contains("__");
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(allowed) && is_joined
}

impl v2::Host for State {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, v2::Error>> {
        Ok(lookup(&self.guest.grants.variables, &name).map_err(|missing| match missing {
            LookupError::InvalidName(text) => v2::Error::InvalidName(text),
            LookupError::Undefined(text) => v2::Error::Undefined(text),
        }))
    }
}

impl v3::Host for State {}

impl<T: Send> v3::HostWithStore<T> for HasSelf<State> {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, v3::Error>> {
        let found = accessor.with(|mut access| lookup(&access.get().guest.grants.variables, &name));
        Ok(found.map_err(|missing| match missing {
            LookupError::InvalidName(text) => v3::Error::InvalidName(text),
            LookupError::Undefined(text) => v3::Error::Undefined(text),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words_joined_by_one_underscore() {
        for name in ["a", "a1", "api_key_2"] {
            assert!(can_be_name(name), "{name}");
        }
        for name in ["", "A", "a-b", "1a", "_a", "a_", "a__b", "é"] {
            assert!(!can_be_name(name), "{name}");
        }
    }
}
