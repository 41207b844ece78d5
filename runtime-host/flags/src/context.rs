//! For whom or what a flag is evaluated.

use crate::limits::{
    ATTRIBUTE_NAME_MAX_BYTES, ATTRIBUTE_VALUE_MAX_BYTES, ATTRIBUTES_MAX, TARGETING_KEY_MAX_BYTES,
};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;

/// The name of the targeting key in conditions, and in contexts as JSON.
pub const TARGETING_KEY: &str = "targetingKey";

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// True or false.
    Boolean(bool),
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
}

/// For whom or what a flag is evaluated, within the limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// A text.
    targeting_key: Option<Attribute>,
    attributes: BTreeMap<String, Attribute>,
}

/// Why something is no context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidContext(pub String);

impl Context {
    /// A context with these attributes. An empty targeting key is none.
    ///
    /// # Errors
    /// It is too large, or an attribute is given twice.
    pub fn new(
        targeting_key: Option<String>,
        attributes: impl IntoIterator<Item = (String, Attribute)>,
    ) -> Result<Self, InvalidContext> {
        let mut context = Self { targeting_key: None, attributes: BTreeMap::new() };
        context.set_targeting_key(targeting_key)?;
        attributes.into_iter().try_for_each(|(name, value)| context.add(name, value))?;
        Ok(context)
    }

    /// Reads a context of OFREP: an object with the attributes and the member `targetingKey`. Values
    /// that no condition can ask for (`null`, arrays, objects) are left out.
    ///
    /// # Errors
    /// It is no object or too large, or the targeting key is not a text.
    pub fn from_json(json: &Json) -> Result<Self, InvalidContext> {
        let Json::Object(members) = json else {
            return Err(InvalidContext("the context is not an object".to_owned()));
        };
        let mut context = Self::default();
        for (name, value) in members {
            match (name.as_str(), value) {
                (TARGETING_KEY, Json::Null) => {}
                (TARGETING_KEY, Json::String(key)) => {
                    context.set_targeting_key(Some(key.clone()))?;
                }
                (TARGETING_KEY, _) => {
                    return Err(InvalidContext(format!("`{TARGETING_KEY}` is not a string")));
                }
                (_, Json::Bool(value)) => context.add(name.clone(), Attribute::Boolean(*value))?,
                (_, Json::String(text)) => {
                    context.add(name.clone(), Attribute::Text(text.clone()))?;
                }
                (_, Json::Number(number)) => {
                    let number = number.as_f64().unwrap_or_default();
                    context.add(name.clone(), Attribute::Number(number))?;
                }
                (_, Json::Null | Json::Array(_) | Json::Object(_)) => {}
            }
        }
        Ok(context)
    }

    /// Identifies the subject.
    pub fn targeting_key(&self) -> Option<&str> {
        match &self.targeting_key {
            Some(Attribute::Text(key)) => Some(key),
            _ => None,
        }
    }

    /// The value of an attribute, or the targeting key.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        match name {
            TARGETING_KEY => self.targeting_key.as_ref(),
            _ => self.attributes.get(name),
        }
    }

    fn set_targeting_key(&mut self, key: Option<String>) -> Result<(), InvalidContext> {
        if key.as_ref().is_some_and(|key| key.len() > TARGETING_KEY_MAX_BYTES) {
            let text = format!("the targeting key has more than {TARGETING_KEY_MAX_BYTES} bytes");
            return Err(InvalidContext(text));
        }
        self.targeting_key = key.filter(|key| !key.is_empty()).map(Attribute::Text);
        Ok(())
    }

    fn add(&mut self, name: String, value: Attribute) -> Result<(), InvalidContext> {
        let refuse = |text: String| Err(InvalidContext(text));
        if name.len() > ATTRIBUTE_NAME_MAX_BYTES {
            return refuse(format!(
                "the name of an attribute has more than {ATTRIBUTE_NAME_MAX_BYTES} bytes"
            ));
        }
        if name == TARGETING_KEY {
            return refuse(format!("`{TARGETING_KEY}` is the targeting key, not an attribute"));
        }
        if matches!(&value, Attribute::Text(text) if text.len() > ATTRIBUTE_VALUE_MAX_BYTES) {
            let name = name.escape_debug();
            return refuse(format!(
                "the attribute `{name}` has more than {ATTRIBUTE_VALUE_MAX_BYTES} bytes"
            ));
        }
        if self.attributes.contains_key(&name) {
            return refuse(format!("the attribute `{}` is given twice", name.escape_debug()));
        }
        if self.attributes.len() >= ATTRIBUTES_MAX {
            return refuse(format!("there are more than {ATTRIBUTES_MAX} attributes"));
        }
        self.attributes.insert(name, value);
        Ok(())
    }
}

impl fmt::Display for InvalidContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidContext {}
