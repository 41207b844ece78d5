//! The pages, scripts and styles of the shop, embedded in the component.
//!
//! Scripts and styles are served from a path that contains a digest of all of them. So they can be
//! cached without a time limit, and a page never mixes modules of two versions.

use std::sync::OnceLock;

use chassis::hash::fnv1a_64;

/// A style sheet or script.
pub(crate) struct Asset {
    /// Path below `assets/`.
    pub(crate) path: &'static str,
    /// Value of `Content-Type`.
    pub(crate) content_type: &'static str,
    /// Contents.
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
    SCRIPT: "js/address.js" "js/api.js" "js/app.js" "js/boot.js" "js/cart-store.js" "js/dom.js"
        "js/format.js" "js/forms.js" "js/recommended.js" "js/router.js" "js/session.js"
        "js/stream.js" "js/tabs.js" "js/timeline.js" "js/views/account.js" "js/views/cart.js"
        "js/views/checkout.js" "js/views/notifications.js" "js/views/order.js"
        "js/views/orders.js" "js/views/password.js" "js/views/product.js" "js/views/products.js"
        "js/views/sign-in.js";
};

pub(crate) const FAVICON: &str = include_str!("../assets/favicon.svg");
const INDEX: &str = include_str!("../assets/index.html");
const NOT_FOUND: &str = include_str!("../assets/not-found.html");

/// Returns the style sheet or script at `path`.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// Returns the document of every page of the shop; its scripts render the page of the URL.
pub(crate) fn index() -> String {
    INDEX.replace("{{build}}", build())
}

/// Returns the page for unknown URLs.
pub(crate) fn not_found() -> String {
    NOT_FOUND.replace("{{build}}", build())
}

/// Returns the digest of all scripts and styles.
pub(crate) fn build() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| digest(ASSETS.iter().map(|asset| asset.text)))
}

/// Returns the hash of the texts as 16 hexadecimal digits.
pub(crate) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    format!("{:016x}", fnv1a_64(texts.into_iter().flat_map(str::bytes)))
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
    fn every_file_is_embedded() {
        let mut found = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets"), &mut found);
        let elsewhere = ["index.html", "not-found.html", "favicon.svg"];
        found.retain(|path| !elsewhere.contains(&path.as_str()));
        let pictures = found.iter().filter(|path| path.ends_with(".svg")).count();
        assert_eq!(pictures, crate::pictures::FILE_COUNT);
        found.retain(|path| !path.ends_with(".svg"));
        for path in &found {
            assert!(find(path).is_some(), "{path} is not in the table");
        }
        assert_eq!(found.len(), ASSETS.len());
    }

    #[test]
    fn every_imported_module_exists() {
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
    fn scripts_and_styles_are_neither_inline_nor_external() {
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
