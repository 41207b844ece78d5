//! Definitions and evaluations through the public API.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};
use tessera_flags::limits::{ATTRIBUTES_MAX, CONDITIONS_MAX, FLAGS_MAX, RULES_MAX, VARIANTS_MAX};
use tessera_flags::{Attribute, Context, ErrorCode, Flag, Flags, Kind, Reason};

/// A flag with this key, which may be incomplete.
fn flags(key: &str, definition: &Value) -> Flags {
    Flags::parse(json!({ "flags": { key: definition } }).to_string().as_bytes()).unwrap()
}

fn boolean(rules: &Value) -> Flags {
    let variants = json!({ "on": true, "off": false });
    let definition = json!({
        "type": "boolean", "variants": variants, "default_variant": "off", "rules": rules,
    });
    flags("f", &definition)
}

fn context(json: &Value) -> Context {
    Context::from_json(json).unwrap()
}

/// The variant and the reason of the flag `f`.
fn chosen(flags: &Flags, of: &Value) -> (String, Reason) {
    let evaluation = flags.evaluate("f", None, &context(of));
    (
        evaluation.variant.map(|variant| variant.name.to_string()).unwrap_or_default(),
        evaluation.reason,
    )
}

/// The problems of a document.
fn problems(document: &Value) -> Vec<String> {
    let error = Flags::parse(document.to_string().as_bytes()).unwrap_err();
    error.0.iter().map(ToString::to_string).collect()
}

#[test]
fn each_type_has_values() {
    for (kind, value) in [
        (Kind::Boolean, json!(true)),
        (Kind::String, json!("blue")),
        (Kind::Integer, json!(-3)),
        (Kind::Double, json!(0.5)),
        (Kind::Double, json!(2.0)),
        (Kind::Object, json!({ "a": [1, { "b": null }] })),
    ] {
        let definition =
            json!({ "type": kind.name(), "variants": { "v": value }, "default_variant": "v" });
        let flags = flags("f", &definition);
        let evaluation = flags.evaluate("f", Some(kind), &Context::default());
        assert_eq!(evaluation.variant.unwrap().value.to_json(), value);
        assert_eq!(evaluation.reason, Reason::Static);
        let other = if kind == Kind::Boolean { Kind::String } else { Kind::Boolean };
        let mismatch = flags.evaluate("f", Some(other), &Context::default());
        assert_eq!(mismatch.error.unwrap().code, ErrorCode::TypeMismatch);
        assert_eq!((mismatch.variant, mismatch.reason), (None, Reason::Error));
    }
}

#[test]
fn the_first_rule_that_applies_chooses() {
    let flags = boolean(&json!([
        { "when": [{ "attribute": "targetingKey", "operator": "in", "values": ["ann"] }], "variant": "off" },
        {
            "when": [
                { "attribute": "country", "operator": "in", "values": ["DE", "FR"] },
                { "attribute": "age", "operator": "at_least", "value": 18 },
            ],
            "variant": "on",
        },
    ]));
    let adult = json!({ "targetingKey": "bob", "country": "DE", "age": 18 });
    assert_eq!(chosen(&flags, &adult), ("on".to_owned(), Reason::TargetingMatch));
    let ann = json!({ "targetingKey": "ann", "country": "DE", "age": 18 });
    assert_eq!(chosen(&flags, &ann), ("off".to_owned(), Reason::TargetingMatch));
    let child = json!({ "country": "DE", "age": 17 });
    assert_eq!(chosen(&flags, &child), ("off".to_owned(), Reason::Default));
}

#[test]
fn each_operator_compares() {
    let holds = |operator: &str, operand: &Value, attribute: &Value| {
        let mut condition = json!({ "attribute": "a", "operator": operator });
        let members = condition.as_object_mut().unwrap();
        members.extend(operand.as_object().unwrap().clone());
        let flags = boolean(&json!([{ "when": [condition], "variant": "on" }]));
        chosen(&flags, attribute).0 == "on"
    };
    let (values, none) = (json!({ "values": ["ab", 1, true] }), json!({}));
    let (texts, number) = (json!({ "values": ["ab"] }), json!({ "value": 2 }));
    let missing = json!({ "b": 1 });
    for (operator, operand, yes, no) in [
        ("in", &values, json!(1.0), json!("1")),
        ("not_in", &values, json!(2), json!(true)),
        ("starts_with", &texts, json!("abc"), json!("cab")),
        ("ends_with", &texts, json!("cab"), json!("abc")),
        ("contains", &texts, json!("cabc"), json!(7)),
        ("less_than", &number, json!(1.9), json!(2)),
        ("at_most", &number, json!(2), json!(2.1)),
        ("greater_than", &number, json!(2.1), json!(2)),
        ("at_least", &number, json!(2), json!("3")),
        ("present", &none, json!(false), json!(null)),
    ] {
        assert!(holds(operator, operand, &json!({ "a": yes })), "{operator} {yes}");
        assert!(!holds(operator, operand, &json!({ "a": no })), "{operator} {no}");
        assert!(!holds(operator, operand, &missing), "{operator} without the attribute");
    }
    assert!(holds("absent", &none, &missing));
    assert!(!holds("absent", &none, &json!({ "a": false })));
}

#[test]
fn a_split_needs_a_targeting_key() {
    let flags = boolean(&json!([{ "split": [{ "variant": "on", "weight": 1 }] }]));
    let split = chosen(&flags, &json!({ "targetingKey": "ann" }));
    assert_eq!(split, ("on".to_owned(), Reason::Split));
    for without in [json!({}), json!({ "targetingKey": "" }), json!({ "targetingKey": null })] {
        let error = flags.evaluate("f", None, &context(&without)).error.unwrap();
        assert_eq!(error.code, ErrorCode::TargetingKeyMissing);
    }
}

#[test]
fn a_flag_that_is_off_or_unknown_has_no_value() {
    let flags = boolean(&json!([]));
    let off = flags.get("f").unwrap().switched(false);
    assert_eq!(off.definition()["state"], "disabled");
    let flags = flags.with(off).unwrap();
    assert_eq!(chosen(&flags, &json!({})), (String::new(), Reason::Disabled));
    let error = flags.evaluate("\n?", None, &Context::default()).error.unwrap();
    assert_eq!((error.code, &*error.message), (ErrorCode::FlagNotFound, "there is no flag `\\n?`"));
}

#[test]
fn all_problems_are_reported_with_their_places() {
    let document = json!({ "flags": {
        "a b": { "type": "boolean", "variants": { "on": true }, "default_variant": "on" },
        "kind": { "type": "bool", "variants": { "on": true }, "default_variant": "on" },
        "value": {
            "type": "integer", "variants": { "a/b": 1, "big": 9007199254740992_i64, "half": 0.5 },
            "default_variant": "big",
        },
        "rules": {
            "type": "string", "state": "on", "variants": { "x": "" }, "default_variant": "y",
            "rules": [
                { "variant": "x", "split": [] },
                { "when": [{ "attribute": "", "operator": "is" }], "variant": "x" },
                { "when": [{ "attribute": "a", "operator": "in", "value": 1 }], "variant": "x" },
                { "split": [{ "variant": "x", "weight": -1 }] },
                { "split": [{ "variant": "x", "weight": 0 }] },
            ],
        },
    } });
    let found = problems(&document).join("\n");
    for place in [
        "/flags/a b has an invalid key",
        "/flags/kind/type must be one of `boolean`, `string`",
        "/flags/value/variants/a~1b has an invalid name",
        "/flags/value/variants/big must be a whole number of at most 53 bits",
        "/flags/value/variants/half must be a whole number",
        "/flags/rules/state must be `enabled` or `disabled`",
        "/flags/rules/default_variant is no variant: there are `x`",
        "/flags/rules/rules/0 must have either `variant` or `split`",
        "/flags/rules/rules/1/when/0/attribute must not be empty",
        "/flags/rules/rules/1/when/0/operator must be one of `in`",
        "/flags/rules/rules/2/when/0 must have no `value`: `in` has none",
        "/flags/rules/rules/3/split/0/weight must be a whole number from 0 to 1000000",
        "/flags/rules/rules/4/split needs an entry with a weight above 0",
    ] {
        assert!(found.contains(place), "{place}\n{found}");
    }
}

#[test]
fn what_has_no_effect_is_a_problem() {
    let with = |more: Value| {
        let mut definition = json!({
            "type": "boolean", "variants": { "on": true }, "default_variant": "on",
        });
        definition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        problems(&json!({ "flags": { "f": definition } })).join("; ")
    };
    assert!(with(json!({ "extra": {} })).starts_with("/flags/f/extra is not known here"));
    let all = json!({ "variant": "on" });
    let unreachable = with(json!({ "rules": [all, all] }));
    assert!(unreachable.starts_with("/flags/f/rules/1 is never reached"), "{unreachable}");
    let entry = json!({ "variant": "on", "weight": 1 });
    let twice = with(json!({ "rules": [{ "split": [entry, entry] }] }));
    assert!(twice.starts_with("/flags/f/rules/0/split/1 names a variant"), "{twice}");
    let error = Flags::parse(br#"{"flags":{"f":{},"f":{}}}"#).unwrap_err().to_string();
    assert!(error.starts_with("the document is not valid: `f` is given twice"), "{error}");
}

#[test]
fn documents_have_limits() {
    let flag = json!({ "type": "boolean", "variants": { "on": true }, "default_variant": "on" });
    let many: serde_json::Map<_, _> =
        (0..=FLAGS_MAX).map(|number| (format!("f{number}"), flag.clone())).collect();
    assert_eq!(problems(&json!({ "flags": many })), ["/flags must have at most 1000 flags"]);
    let full: serde_json::Map<_, _> = many.clone().into_iter().take(FLAGS_MAX).collect();
    let full = Flags::parse(json!({ "flags": full }).to_string().as_bytes()).unwrap();
    let one_more = Flag::parse("more", flag.to_string().as_bytes()).unwrap();
    assert!(full.with(one_more.clone()).is_err());
    assert!(full.overlaid(&Flags::default().with(one_more).unwrap()).is_err());

    let variants: serde_json::Map<_, _> =
        (0..=VARIANTS_MAX).map(|number| (format!("v{number}"), json!(true))).collect();
    let condition = json!({ "attribute": "a", "operator": "present" });
    let rule = json!({ "when": vec![condition.clone(); CONDITIONS_MAX + 1], "variant": "on" });
    let text = "x".repeat(20_000);
    for (more, problem) in [
        (json!({ "variants": variants }), "variants must have 1 to 32 members"),
        (
            json!({ "rules": vec![rule.clone(); RULES_MAX + 1] }),
            "rules must have at most 64 entries",
        ),
        (json!({ "rules": [rule] }), "when must have at most 16 entries"),
        (json!({ "description": text }), "description must have at most 1024 bytes"),
        (
            json!({ "type": "string", "variants": { "on": text } }),
            "on must have at most 16384 bytes",
        ),
    ] {
        let mut definition = flag.clone();
        definition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = problems(&json!({ "flags": { "f": definition } })).join("; ");
        assert!(found.contains(problem), "{problem}: {found}");
    }
    let large = Flags::parse(&vec![b' '; 2 << 20]).unwrap_err().to_string();
    assert_eq!(large, "the document has more than 1048576 bytes");
}

#[test]
fn contexts_have_limits() {
    let text = |length: usize| Attribute::Text("x".repeat(length));
    let name = |number: usize| (format!("a{number}"), Attribute::Boolean(true));
    assert!(Context::new(None, (0..ATTRIBUTES_MAX).map(name)).is_ok());
    for (key, attributes) in [
        (None, (0..=ATTRIBUTES_MAX).map(name).collect()),
        (None, vec![name(1), name(1)]),
        (None, vec![("a".to_owned(), text(5_000))]),
        (None, vec![("x".repeat(200), text(1))]),
        (None, vec![("targetingKey".to_owned(), text(1))]),
        (Some("x".repeat(600)), vec![]),
    ] {
        assert!(Context::new(key, attributes).is_err());
    }
    assert!(Context::from_json(&json!([])).is_err());
    assert!(Context::from_json(&json!({ "targetingKey": 1 })).is_err());
    let nested = Context::from_json(&json!({ "a": { "b": 1 }, "c": null, "d": [1] }));
    assert_eq!(nested, Ok(Context::default()), "no condition can ask for these");
}

#[test]
fn one_flag_is_read_like_a_document() {
    let definition =
        json!({ "type": "boolean", "variants": { "on": true }, "default_variant": "on" });
    let flag = Flag::parse("f", definition.to_string().as_bytes()).unwrap();
    let document = flags("f", &definition);
    assert_eq!(**document.get("f").unwrap(), flag);
    assert_eq!(Flags::parse(document.to_json().to_string().as_bytes()), Ok(document.clone()));
    assert_eq!(document.without("f"), Flags::default());
    let error = Flag::parse("", b"{}").unwrap_err().to_string();
    assert!(error.contains("has an invalid key"), "{error}");
    assert!(error.contains("has no `type`"), "{error}");
}

/// Any JSON.
fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "flags",
        "type",
        "boolean",
        "variants",
        "default_variant",
        "rules",
        "when",
        "split",
        "variant",
        "weight",
        "attribute",
        "operator",
        "in",
        "values",
        "on",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(words.clone(), inner, 0..6).prop_map(|members| {
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn reading_never_panics(document in any_json(), text: Vec<u8>) {
        let _ = Flags::parse(&text);
        let _ = Flags::parse(json!({ "flags": { "f": document } }).to_string().as_bytes());
        let _ = Flag::parse("f", document.to_string().as_bytes());
    }

    #[test]
    fn an_evaluation_has_a_value_or_says_why_not(
        key: String, attributes in any_json(), percent in 0_u32..=100,
    ) {
        let flags = boolean(&json!([
            { "when": [{ "attribute": "on", "operator": "in", "values": [true] }], "variant": "on" },
            { "split": [
                { "variant": "on", "weight": percent }, { "variant": "off", "weight": 101 - percent },
            ] },
        ]));
        let attributes = attributes.as_object().cloned().unwrap_or_default();
        let mut json = Value::Object(attributes);
        json["targetingKey"] = key.into();
        if let Ok(context) = Context::from_json(&json) {
            let first = flags.evaluate("f", Some(Kind::Boolean), &context);
            prop_assert_eq!(first.variant.is_none(), first.error.is_some());
            prop_assert_eq!(first.error.is_some(), first.reason == Reason::Error);
            prop_assert_eq!(&first, &flags.evaluate("f", None, &context), "it is sticky");
        }
    }
}
