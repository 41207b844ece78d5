//! Takes the adapters of the functions (`component.rs`, compiled for WebAssembly otherwise) into
//! this crate: word for word, but for the name of the crate that they belong to.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Functions that take part in an order, or hear of it.
const FUNCTIONS: [&str; 15] = [
    "cart",
    "catalog",
    "gateway",
    "identity",
    "inventory",
    "mailbox",
    "notifications",
    "order-history",
    "orders",
    "passwords",
    "payments",
    "psp-sandbox",
    "recommendations",
    "shipping",
    "templates",
];

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let functions = variable("CARGO_MANIFEST_DIR").join("../../functions");
    let out = variable("OUT_DIR");
    let mut modules = String::new();
    let mut arms = String::new();
    for function in FUNCTIONS {
        let name = function.replace('-', "_");
        let (from, to) = (functions.join(folder(function)).join("src"), out.join(&name));
        fs::create_dir_all(&to)?;
        adopt(&from.join("component.rs"), &to.join("mod.rs"), &name)?;
        let parts = from.join("component");
        println!("cargo::rerun-if-changed={}", from.join("component.rs").display());
        if parts.is_dir() {
            println!("cargo::rerun-if-changed={}", parts.display());
            for part in fs::read_dir(parts)? {
                let part = part?;
                adopt(&part.path(), &to.join(part.file_name()), &name)?;
            }
        }
        let path = to.join("mod.rs");
        modules.push_str(&format!("#[path = {path:?}] mod {name};\n"));
        arms.push_str(&format!("{function:?} => {name}::app().await,\n"));
    }
    let source = format!(
        "{modules}
        /// The routes of a function, by its name; none if there is no such function.
        pub(crate) async fn app(name: &str) -> Option<chassis::Result<axum::Router>> {{
            Some(match name {{ {arms} _ => return None }})
        }}"
    );
    fs::write(out.join("functions.rs"), source)
}

/// The folder of a component in `functions/`.
fn folder(component: &str) -> &str {
    match component {
        "mailbox" => "sandbox/mailbox",
        "psp-sandbox" => "sandbox/psp",
        service => service,
    }
}

fn adopt(from: &Path, to: &Path, name: &str) -> io::Result<()> {
    let source = fs::read_to_string(from)?;
    fs::write(to, source.replace("crate::", &format!("::{name}::")))
}
