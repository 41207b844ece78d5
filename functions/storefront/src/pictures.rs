//! Pictures of products: one SVG file for each product of the initial catalog.
//!
//! A product that is created later has the emblem of its category (the part of the SKU before the
//! hyphen), in colors that follow from the SKU: the same SKU always has the same picture.

use std::borrow::Cow;

use chassis::hash::fnv1a_64;

/// The longest SKU that has a picture, in bytes.
const SKU_LENGTH_MAX: usize = 64;

/// The picture of the front page.
pub(crate) const MOSAIC: &str = include_str!("../assets/pictures/mosaic.svg");

/// The emblem of a category without an emblem.
const OTHER: &str = include_str!("../assets/pictures/categories/other.svg");

macro_rules! pictures {
    ($($category:literal: $($number:literal)+;)+) => {
        /// SKU and picture.
        const PRODUCTS: &[(&str, &str)] = &[$($((
            concat!($category, "-", $number),
            include_str!(concat!("../assets/pictures/", $category, "-", $number, ".svg")),
        )),+),+];

        /// Prefix of the SKUs of a category, and its emblem.
        const CATEGORIES: &[(&str, &str)] = &[$((
            $category,
            include_str!(concat!("../assets/pictures/categories/", $category, ".svg")),
        )),+];
    };
}

pictures! {
    "AUD": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "BAG": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "BIK": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "BTH": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "GAR": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "HOM": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "KIT": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "LGT": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "OFF": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "OUT": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "TEA": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
    "TOY": "0001" "0002" "0003" "0004" "0005" "0006" "0007" "0008" "0009" "0010" "0011"
        "0012" "0013" "0014" "0015" "0016" "0017" "0018" "0019" "0020" "0021";
}

/// The colors of emblems: background, disk, main color, shade and highlight. The files are drawn in
/// the first row, and the other rows replace it.
const COLORS: &[[&str; 5]] = &[
    ["#dfe8dc", "#c8d8c4", "#3f7358", "#234a38", "#f8f5ea"],
    ["#f2e6d3", "#e7d4b6", "#c2703d", "#7d3f1e", "#fff8ec"],
    ["#dbe6ee", "#c1d4e2", "#35618a", "#1d3b58", "#f7fafc"],
    ["#f3dfdc", "#e9c9c4", "#b4524f", "#6f2a2e", "#fff5f2"],
    ["#e6e1ef", "#d2cae3", "#66558f", "#3d315c", "#faf8fd"],
    ["#f6ebc8", "#ecd897", "#c48a22", "#74500f", "#fffaec"],
    ["#d6e9e7", "#b8d8d5", "#1f7a78", "#0f4a4b", "#f4fbfa"],
    ["#e6e3dc", "#d3cec4", "#53524e", "#2b2a28", "#fbfaf7"],
];

/// Returns the picture of a product, or `None` if `sku` is not a valid SKU.
pub(crate) fn product(sku: &str) -> Option<Cow<'static, str>> {
    let fits = (1..=SKU_LENGTH_MAX).contains(&sku.len());
    if !fits || !sku.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return None;
    }
    Some(find(PRODUCTS, sku).map_or_else(|| emblem(sku).into(), Cow::Borrowed))
}

fn emblem(sku: &str) -> String {
    let category = sku.split('-').next().unwrap_or_default();
    let drawn = find(CATEGORIES, category).unwrap_or(OTHER);
    let row = fnv1a_64(sku.bytes()) % COLORS.len() as u64;
    let colors = COLORS[0].iter().zip(COLORS[row as usize]);
    colors.fold(drawn.to_owned(), |svg, (from, to)| svg.replace(from, to))
}

fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, svg)| *svg)
}

/// Number of picture files: those of products and categories, the mosaic and the emblem of others.
#[cfg(test)]
pub(crate) const FILE_COUNT: usize = PRODUCTS.len() + CATEGORIES.len() + 2;

#[cfg(test)]
mod tests;
