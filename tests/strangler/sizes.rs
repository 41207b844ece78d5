//! Lines and bytes of each part.

use harness::{built_component, repository};
use std::path::Path;

/// The parts, with what each is in the end.
const PARTS: [(&str, &str); 8] = [
    ("legacy", "the older shop; what is left of it are accounts"),
    ("legacy-accounts", "the contract of identity, with those accounts"),
    ("facade", "goes when the last client has left the old API"),
    ("notifications", "messages"),
    ("templates", "their texts"),
    ("order-history", "reading orders"),
    ("orders", "placing orders"),
    ("passwords", "hashing, used by both"),
];

/// The bytes of a component.
pub(crate) fn component(name: &str) -> Vec<u8> {
    let file = format!("target/wasm32-wasip2/release/{}.wasm", name.replace('-', "_"));
    std::fs::read(built_component(Path::new(&file))).expect("a component")
}

/// The table.
pub(crate) fn print() {
    println!("Lines of Rust without tests, comments and blank lines.\n");
    println!("| component | lines | bytes of WebAssembly | |");
    println!("|---|---|---|---|");
    for (name, about) in PARTS {
        let lines = lines(&repository().join("functions").join(name).join("src"));
        println!("| `{name}` | {lines} | {} | {about} |", component(name).len());
    }
}

/// The lines of code below a folder.
fn lines(folder: &Path) -> usize {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let of = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.contains("test") {
            0
        } else if path.is_dir() {
            lines(path)
        } else {
            let text = std::fs::read_to_string(path).expect("a source file");
            // Tests come last in a file.
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
            code.lines().filter(is_code).count()
        }
    };
    entries.map(|entry| of(&entry.path())).sum()
}
