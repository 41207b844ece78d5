//! The provider's terms are only in the adapter: not in the contracts, the rest of this function, or
//! the functions that use it.

use std::fs;
use std::path::{Path, PathBuf};

/// Terms of the provider's API.
const TERMS: [&str; 16] = [
    "chargeId",
    "charge_id",
    "merchantRef",
    "merchant_ref",
    "capturedValue",
    "captured_value",
    "reversedValue",
    "refusalCode",
    "refusal_code",
    "idempotencyKey",
    "x-idempotency-key",
    "no_such_charge",
    "wrong_state",
    "/v2/charges",
    "\"approved\"",
    "\"processing\"",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs" || end == "wit") {
            found.push(path);
        }
    }
}

fn terms(path: &Path) -> Vec<&'static str> {
    let text = fs::read_to_string(path).unwrap();
    TERMS.into_iter().filter(|term| text.contains(term)).collect()
}

#[test]
fn terms_of_the_provider_are_only_in_the_adapter() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "../orders/src", "../operations/src", "../order-history/src"] {
        sources(&here.join(folder), &mut files);
    }
    sources(&here.join("../../wit"), &mut files);
    assert!(files.len() > 50, "{} files", files.len());
    let inside = |path: &Path| path.components().any(|part| part.as_os_str() == "provider");
    let is_adapter = |path: &Path| inside(path) || path.ends_with("payments/src/provider.rs");
    for path in files.iter().filter(|path| !is_adapter(path)) {
        assert_eq!(terms(path), [""; 0], "{}", path.display());
    }
    let adapter = files.iter().find(|path| path.ends_with("payments/src/provider.rs")).unwrap();
    assert!(terms(adapter).len() > 8, "the adapter has them");
}
