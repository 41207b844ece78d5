#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;
use tessera_flags::Context;

/// The definition of a boolean flag with this default.
fn definition(default: &str) -> String {
    let variants = json!({ "on": true, "off": false });
    json!({ "type": "boolean", "variants": variants, "default_variant": default }).to_string()
}

/// A folder with a file that defines `of-file`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(r#"{{ "flags": {{ "of-file": {} }} }}"#, definition("off"));
    std::fs::write(folder.path().join("flags.json"), text).unwrap();
    folder
}

fn open(folder: &tempfile::TempDir) -> FeatureFlags {
    let file = folder.path().join("flags.json");
    FeatureFlags::open(Some(&file), folder.path()).unwrap()
}

/// The variant that is in force; empty if there is none.
fn variant(flags: &Flags, key: &str) -> String {
    let evaluation = flags.evaluate(key, None, &Context::default());
    evaluation.variant.map(|variant| variant.name.to_string()).unwrap_or_default()
}

#[test]
fn changes_replace_the_file_and_survive_a_restart() {
    let folder = folder();
    let flags = open(&folder);
    let before = flags.snapshot();
    flags.set("of-file", definition("on").as_bytes(), "ann").unwrap();
    flags.set("new", definition("on").as_bytes(), "bob").unwrap();
    flags.switch("new", false, "").unwrap();
    assert_eq!(variant(&before, "of-file"), "off", "a snapshot does not change");

    let flags = open(&folder);
    let now = flags.snapshot();
    assert_eq!((variant(&now, "of-file"), variant(&now, "new")), ("on".to_owned(), String::new()));
    let shown: Vec<_> = flags.all().into_iter().map(|one| (one.origin, one.is_in_file)).collect();
    assert_eq!(shown, [("admin", false), ("admin", true)]);
    let changes = flags.changes();
    let changes: Vec<_> = changes.iter().map(|one| (&*one.flag, one.change, &*one.by)).collect();
    assert_eq!(
        changes,
        [
            ("of-file", Changed::Set, "ann"),
            ("new", Changed::Set, "bob"),
            ("new", Changed::Disabled, ""),
        ]
    );
}

#[test]
fn removing_a_change_returns_to_the_file() {
    let folder = folder();
    let flags = open(&folder);
    assert!(matches!(flags.remove("of-file", ""), Err(Refused::OfFile)));
    assert!(matches!(flags.remove("unknown", ""), Err(Refused::NotFound)));
    assert!(matches!(flags.switch("unknown", true, ""), Err(Refused::NotFound)));
    flags.switch("of-file", false, "").unwrap();
    assert_eq!(variant(&flags.snapshot(), "of-file"), "");
    flags.remove("of-file", "").unwrap();
    assert_eq!(variant(&flags.snapshot(), "of-file"), "off");
    assert_eq!(flags.one("of-file").unwrap().origin, "file");
}

#[test]
fn a_wrong_definition_changes_nothing() {
    let folder = folder();
    let flags = open(&folder);
    flags.set("f", definition("on").as_bytes(), "").unwrap();
    let refused = flags.set("f", definition("maybe").as_bytes(), "").unwrap_err();
    assert_eq!(refused.to_string(), "/default_variant is no variant: there are `off`, `on`");
    assert_eq!(variant(&flags.snapshot(), "f"), "on");
    assert_eq!(flags.changes().len(), 1);
    assert_eq!(variant(&open(&folder).snapshot(), "f"), "on");
}

/// The definition of a flag of 600 KiB, which is valid on its own.
fn large() -> String {
    let values = vec!["v".repeat(510); 240];
    let condition = json!({ "attribute": "a", "operator": "in", "values": values });
    let conditions = vec![condition; 5];
    let rules = json!([{ "when": conditions, "variant": "on" }]);
    let variants = json!({ "on": true, "off": false });
    json!({ "type": "boolean", "variants": variants, "default_variant": "on", "rules": rules })
        .to_string()
}

/// The definition of a flag that is nested as deeply as it may be on its own.
fn deep() -> String {
    let value = format!("{}1{}", "{\"a\":".repeat(124), "}".repeat(124));
    format!(r#"{{"type":"object","variants":{{"on":{value}}},"default_variant":"on"}}"#)
}

#[test]
fn definitions_that_the_next_start_would_not_read_are_refused() {
    let folder = folder();
    let flags = open(&folder);
    flags.set("one", large().as_bytes(), "").unwrap();
    for (key, definition) in [("two", large()), ("deep", deep())] {
        let refused = flags.set(key, definition.as_bytes(), "").unwrap_err();
        assert!(matches!(refused, Refused::TooLarge(_)), "{refused}");
        assert!(refused.to_string().contains("too large or too deep together"), "{refused}");
    }
    let flags = open(&folder);
    assert_eq!(variant(&flags.snapshot(), "one"), "on");
    assert!(matches!(flags.one("two"), Err(Refused::NotFound)));
    assert_eq!(flags.changes().len(), 1);
}

#[test]
fn a_change_that_can_not_be_stored_has_no_effect() {
    let folder = folder();
    let flags = open(&folder);
    std::fs::create_dir(folder.path().join(FILE_NAME)).unwrap();
    let refused = flags.switch("of-file", false, "").unwrap_err();
    assert!(matches!(refused, Refused::Storage(_)), "{refused}");
    assert_eq!(variant(&flags.snapshot(), "of-file"), "off");
    assert!(flags.changes().is_empty());
}

#[test]
fn a_file_that_is_missing_or_wrong_is_an_error() {
    let folder = folder();
    let missing = FeatureFlags::open(Some(&folder.path().join("other")), folder.path());
    assert!(missing.err().unwrap().to_string().contains("names it, relative to the manifest"));
    std::fs::write(folder.path().join("flags.json"), r#"{ "flags": { "f": {} } }"#).unwrap();
    let wrong = FeatureFlags::open(Some(&folder.path().join("flags.json")), folder.path());
    let wrong = format!("{:#}", wrong.err().unwrap());
    assert!(wrong.contains("/flags/f has no `type`"), "{wrong}");
    std::fs::write(folder.path().join(FILE_NAME), "{").unwrap();
    let damaged = FeatureFlags::open(None, folder.path()).err().unwrap().to_string();
    assert!(damaged.contains("feature-flags.json is damaged"), "{damaged}");
}
