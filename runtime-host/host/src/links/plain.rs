//! Values as bytes, to compare calls with each other.

use wasmtime::component::Val;

/// Appends values to `bytes`, so that different values of the same types are different bytes. Also
/// their size, if they are to be kept. `None` if one of them is a handle, which is no plain value.
pub(super) fn encode(values: &[Val], bytes: &mut Vec<u8>) -> Option<()> {
    values.iter().try_for_each(|value| append(value, bytes))
}

fn append(value: &Val, to: &mut Vec<u8>) -> Option<()> {
    match value {
        Val::Bool(it) => to.push(u8::from(*it)),
        Val::S8(it) => to.extend(it.to_le_bytes()),
        Val::U8(it) => to.push(*it),
        Val::S16(it) => to.extend(it.to_le_bytes()),
        Val::U16(it) => to.extend(it.to_le_bytes()),
        Val::S32(it) => to.extend(it.to_le_bytes()),
        Val::U32(it) => to.extend(it.to_le_bytes()),
        Val::S64(it) => to.extend(it.to_le_bytes()),
        Val::U64(it) => to.extend(it.to_le_bytes()),
        Val::Float32(it) => to.extend(it.to_bits().to_le_bytes()),
        Val::Float64(it) => to.extend(it.to_bits().to_le_bytes()),
        Val::Char(it) => to.extend(u32::from(*it).to_le_bytes()),
        Val::String(it) | Val::Enum(it) => text(it, to),
        Val::List(items) | Val::FixedLengthList(items) => {
            length(items.len(), to);
            encode(items, to)?;
        }
        Val::Tuple(items) => encode(items, to)?,
        Val::Map(pairs) => {
            length(pairs.len(), to);
            for (key, value) in pairs {
                append(key, to)?;
                append(value, to)?;
            }
        }
        Val::Record(fields) => fields.iter().try_for_each(|(_, value)| append(value, to))?,
        Val::Variant(case, payload) => {
            text(case, to);
            optional(payload.as_deref(), to)?;
        }
        Val::Option(it) => optional(it.as_deref(), to)?,
        Val::Result(it) => {
            to.push(u8::from(it.is_ok()));
            let (Ok(payload) | Err(payload)) = it;
            optional(payload.as_deref(), to)?;
        }
        Val::Flags(names) => {
            length(names.len(), to);
            names.iter().for_each(|name| text(name, to));
        }
        Val::Resource(_) | Val::Future(_) | Val::Stream(_) | Val::ErrorContext(_) => return None,
    }
    Some(())
}

fn optional(value: Option<&Val>, to: &mut Vec<u8>) -> Option<()> {
    to.push(u8::from(value.is_some()));
    value.map_or(Some(()), |value| append(value, to))
}

fn text(text: &str, to: &mut Vec<u8>) {
    length(text.len(), to);
    to.extend(text.as_bytes());
}

fn length(length: usize, to: &mut Vec<u8>) {
    to.extend((length as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: &[Val]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(values, &mut bytes).unwrap();
        bytes
    }

    fn string(text: &str) -> Val {
        Val::String(text.to_owned())
    }

    #[test]
    fn different_values_are_different_bytes() {
        let some = |value| Val::Option(Some(Box::new(value)));
        let all: Vec<Vec<Val>> = vec![
            vec![string("ab"), string("c")],
            vec![string("a"), string("bc")],
            vec![string(""), string("abc")],
            vec![string("abc"), string("")],
        ];
        let nested = [
            vec![Val::List(vec![]), Val::List(vec![Val::U8(1)])],
            vec![Val::List(vec![Val::U8(1)]), Val::List(vec![])],
        ];
        let options = [
            vec![some(Val::Option(None))],
            vec![Val::Option(None)],
            vec![some(some(Val::Bool(false)))],
        ];
        let results = [
            vec![Val::Result(Ok(Some(Box::new(Val::U8(1)))))],
            vec![Val::Result(Err(Some(Box::new(Val::U8(1)))))],
        ];
        let floats = [vec![Val::Float64(0.0)], vec![Val::Float64(-0.0)]];
        for group in [&all[..], &nested, &options, &results, &floats] {
            let distinct: std::collections::BTreeSet<_> =
                group.iter().map(|values| bytes(values)).collect();
            assert_eq!(distinct.len(), group.len(), "{group:?}");
        }
    }
}
