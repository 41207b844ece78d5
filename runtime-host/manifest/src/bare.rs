//! An application without a manifest: one component, which serves all HTTP requests.

use crate::app::App;
use crate::reader::Errors;
use std::fmt::Write as _;
use std::path::Path;

const NAME_DEFAULT: &str = "wasm-file";

/// The application of a component that has no manifest, as if a manifest beside it named it. It
/// has the name of the file, and may use nothing that a manifest would have to allow.
///
/// # Errors
/// A path that can't be the `source` of a component, as one that is not text.
pub fn without_manifest(code: &Path) -> Result<App, Errors> {
    let code = std::path::absolute(code).unwrap_or_else(|_| code.to_owned());
    let name = code.file_stem().map_or(NAME_DEFAULT.into(), |name| name.to_string_lossy());
    let text = format!(
        "spin_manifest_version = 2\n\
         [application]\n\
         name = {}\n\
         [[trigger.http]]\n\
         route = \"/...\"\n\
         component = {{ source = {} }}\n",
        quoted(&name),
        quoted(&code.to_string_lossy())
    );
    crate::parse(&code, &text)
}

/// The text as a string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => {
                // Writing into a string does not fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(char));
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Route, Source};

    #[test]
    fn a_component_serves_all_requests_and_has_the_name_of_its_file() {
        let file = Path::new("/tmp/my \"new\" \\ app\n.wasm");
        let app = without_manifest(file).unwrap();
        assert_eq!(app.name, "my \"new\" \\ app\n");
        let routes: Vec<_> = app.http.iter().map(|trigger| &trigger.route).collect();
        assert_eq!(routes, [&Route::Path("/...".to_owned())]);
        let sources: Vec<_> = app.components.values().map(|component| &component.source).collect();
        assert!(matches!(sources[..], [Source::Local(path)] if path == file), "{sources:?}");
    }
}
