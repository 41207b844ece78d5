//! Limits of definitions and of contexts.

/// The size of a document of definitions.
pub const DOCUMENT_MAX_BYTES: usize = 1024 * 1024;
/// Flags of an application.
pub const FLAGS_MAX: usize = 1_000;
/// Variants of a flag.
pub const VARIANTS_MAX: usize = 32;
/// Rules of a flag.
pub const RULES_MAX: usize = 64;
/// Conditions of a rule.
pub const CONDITIONS_MAX: usize = 16;
/// Values of a condition.
pub const VALUES_MAX: usize = 256;
/// The length of the key of a flag, and of the name of a variant.
pub const NAME_MAX_BYTES: usize = 128;
/// The length of a description.
pub const DESCRIPTION_MAX_BYTES: usize = 1024;
/// The size of the value of a variant, as JSON.
pub const VALUE_MAX_BYTES: usize = 16 * 1024;
/// The length of a text in a condition.
pub const CONDITION_TEXT_MAX_BYTES: usize = 512;
/// The weight of a variant in a percentage split.
pub const WEIGHT_MAX: u32 = 1_000_000;
/// Integers have at most 53 bits, as in JSON.
pub const INTEGER_MAX: i64 = (1 << 53) - 1;

/// Attributes of a context.
pub const ATTRIBUTES_MAX: usize = 64;
/// The length of the name of an attribute.
pub const ATTRIBUTE_NAME_MAX_BYTES: usize = 128;
/// The length of the value of an attribute.
pub const ATTRIBUTE_VALUE_MAX_BYTES: usize = 4 * 1024;
/// The length of a targeting key.
pub const TARGETING_KEY_MAX_BYTES: usize = 512;

/// Problems of a document that are reported.
pub const PROBLEMS_MAX: usize = 20;
