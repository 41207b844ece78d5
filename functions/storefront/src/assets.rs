//! The files of the shop, inside the component.
//!
//! Scripts and styles are served under a folder that is named by a digest of all of them.
//! They may be cached for ever, and a page never runs with half of its modules from
//! another version.

use std::sync::OnceLock;

/// A file as it is served.
pub(crate) struct Asset {
    /// Its path below `assets/`.
    pub(crate) path: &'static str,
    /// Its `Content-Type`.
    pub(crate) content_type: &'static str,
    /// Its contents.
    pub(crate) text: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($content_type:ident: $($path:literal)+;)+) => {
        &[$($(Asset {
            path: $path,
            content_type: $content_type,
            text: include_str!(concat!("../assets/", $path)),
        }),+),+]
    };
}

const ASSETS: &[Asset] = assets! {
    CSS: "css/base.css" "css/parts.css" "css/views.css";
    SCRIPT: "js/address.js" "js/api.js" "js/app.js" "js/basket.js" "js/boot.js" "js/dom.js"
        "js/format.js" "js/forms.js" "js/recommended.js" "js/router.js" "js/session.js"
        "js/stream.js" "js/tabs.js" "js/timeline.js" "js/views/account.js" "js/views/cart.js"
        "js/views/checkout.js" "js/views/entrance.js" "js/views/notifications.js"
        "js/views/order.js" "js/views/orders.js" "js/views/password.js" "js/views/product.js"
        "js/views/products.js";
};

pub(crate) const FAVICON: &str = include_str!("../assets/favicon.svg");
const INDEX: &str = include_str!("../assets/index.html");
const NOT_FOUND: &str = include_str!("../assets/not-found.html");

/// The style or script at `path`.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// The page that every address of the shop begins with.
pub(crate) fn index() -> String {
    INDEX.replace("{{build}}", build())
}

/// The page for addresses that the shop does not have.
pub(crate) fn not_found() -> String {
    NOT_FOUND.replace("{{build}}", build())
}

/// Names the present set of styles and scripts.
pub(crate) fn build() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| digest(ASSETS.iter().map(|asset| asset.text)))
}

/// Sixteen hexadecimal digits that change with the text (FNV-1a; the texts are our own, so
/// nobody tries to make two alike).
pub(crate) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let bytes = texts.into_iter().flat_map(str::bytes);
    format!("{:016x}", bytes.fold(0xcbf2_9ce4_8422_2325, step))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::path::Path;

    use super::*;

    fn files(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else {
                found.push(path.to_string_lossy().split_once("/assets/").unwrap().1.to_owned());
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let mut found = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets"), &mut found);
        let elsewhere = ["index.html", "not-found.html", "favicon.svg"];
        found.retain(|path| !elsewhere.contains(&path.as_str()));
        for path in &found {
            assert!(find(path).is_some(), "{path} is not in the table");
        }
        assert_eq!(found.len(), ASSETS.len());
    }

    #[test]
    fn every_module_that_is_imported_is_there() {
        for asset in ASSETS.iter().filter(|asset| asset.content_type == SCRIPT) {
            let folder = Path::new(asset.path).parent().unwrap();
            for line in asset.text.lines().filter(|line| line.starts_with("import ")) {
                let target = line.split('\'').nth(1).unwrap();
                let mut path = folder.to_path_buf();
                for part in target.split('/') {
                    match part {
                        "." => {}
                        ".." => assert!(path.pop()),
                        name => path.push(name),
                    }
                }
                assert!(find(&path.to_string_lossy()).is_some(), "{}: {target}", asset.path);
            }
        }
    }

    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for page in [index(), not_found()] {
            for forbidden in ["<style", " style=", "onclick=", "http://", "https://", "<script>"] {
                assert!(!page.contains(forbidden), "{forbidden}");
            }
            assert!(!page.contains("{{"));
        }
        for asset in ASSETS {
            for forbidden in ["http://", "https://", "innerHTML =", "eval(", "@import"] {
                assert!(!asset.text.contains(forbidden), "{}: {forbidden}", asset.path);
            }
        }
    }
}
