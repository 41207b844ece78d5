//! Pictures of products, drawn from their SKU.
//!
//! The shop has no photographs, and two hundred files would be a burden to keep; a picture
//! that follows from the SKU alone needs no storage, is the same on every machine for ever,
//! and may be cached for ever. The letters before the dash name the category and so the
//! motif; a hash of the SKU chooses the variation, the colours and the backdrop.
//!
//! Only numbers and fixed words are written into the markup, never the SKU itself: there
//! is nothing to escape.

mod canvas;
mod home;
mod leisure;
mod mosaic;
mod paint;

use canvas::Canvas;
use paint::{Dice, Palette};

pub use mosaic::mosaic;

/// Longest SKU that gets a picture, in bytes.
pub const SKU_LENGTH_MAX: usize = 64;

/// Draws one thing onto the canvas, 600 by 600.
type Motif = fn(&mut Canvas, &Palette, &mut Dice);

/// The SVG of a product; none if `sku` can't be one.
pub fn product(sku: &str) -> Option<String> {
    let fits = (1..=SKU_LENGTH_MAX).contains(&sku.len());
    if !fits || !sku.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return None;
    }
    let mut dice = Dice::new(sku);
    let palette = *dice.choose(paint::PALETTES);
    let mut canvas = Canvas::new(600, 600);
    backdrop(&mut canvas, &palette, &mut dice);
    let motif = *dice.choose(motifs(sku.split('-').next().unwrap_or_default()));
    motif(&mut canvas, &palette, &mut dice);
    Some(canvas.finish())
}

/// The motifs of a category. A category that is not known gets a pattern of tiles.
fn motifs(prefix: &str) -> &'static [Motif] {
    match prefix {
        "AUD" => &[leisure::headphones, leisure::speaker, leisure::turntable],
        "BAG" => &[leisure::backpack, leisure::suitcase, leisure::tote],
        "BIK" => &[leisure::bicycle, leisure::wheel, leisure::bell],
        "BTH" => &[home::pump_bottle, home::soap, home::jar],
        "GAR" => &[home::plant, home::watering_can, home::flower],
        "HOM" => &[home::cushion, home::blankets, home::rug],
        "KIT" => &[home::pot, home::pan, home::bowl],
        "LGT" => &[home::pendant, home::desk_lamp, home::table_lamp],
        "OFF" | "STA" | "BOO" => &[leisure::notebook, leisure::pencils, leisure::books],
        "OUT" => &[leisure::tent, leisure::lantern, leisure::mountains],
        "TEA" | "FOO" => &[home::teapot, home::cup, home::canister],
        "TOY" => &[leisure::blocks, leisure::rings, leisure::rocket],
        _ => &[mosaic::tiles],
    }
}

/// A large quiet shape behind the thing, so that no two pictures look alike.
fn backdrop(canvas: &mut Canvas, palette: &Palette, dice: &mut Dice) {
    canvas.rect(0, 0, 600, 600, 0, palette.ground);
    let halo = palette.halo;
    match dice.below(6) {
        0 => canvas.circle(300, 290, 225, halo),
        1 => canvas.path("M0 600V300A300 300 0 0 1 600 300V600z", halo),
        2 => canvas.path("M600 0V600H0A600 600 0 0 1 600 0z", halo),
        3 => canvas.rect(110, 70, 380, 530, 190, halo),
        4 => canvas.rect(0, 410, 600, 190, 0, halo),
        _ => {
            canvas.path("M0 0H300A300 300 0 0 1 0 300z", halo);
            canvas.path("M600 600H300A300 300 0 0 1 600 300z", halo);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::collections::HashSet;

    use super::*;

    const PREFIXES: [&str; 13] =
        ["AUD", "BAG", "BIK", "BTH", "GAR", "HOM", "KIT", "LGT", "OFF", "OUT", "TEA", "TOY", "NEW"];

    /// Parsed as XML; no links, no scripts, no styles.
    fn assert_well_formed(name: &str, svg: &str) {
        let document = roxmltree::Document::parse(svg).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(document.root_element().tag_name().name(), "svg", "{name}");
        assert!(!svg.contains("NaN"), "{name}");
        for node in document.descendants().filter(|n| n.is_element()) {
            for forbidden in ["href", "onload", "style"] {
                assert!(!node.has_attribute(forbidden), "{name}: {forbidden}");
            }
        }
    }

    #[test]
    fn every_picture_is_well_formed_small_and_harmless() {
        for prefix in PREFIXES {
            for number in 0..60 {
                let sku = format!("{prefix}-{number:04}");
                let svg = product(&sku).unwrap();
                assert_well_formed(&sku, &svg);
                assert!(svg.len() < 8_000, "{sku} has {} bytes", svg.len());
            }
        }
        assert_well_formed("mosaic", &mosaic());
    }

    #[test]
    fn a_picture_follows_from_the_sku() {
        assert_eq!(product("KIT-0001"), product("KIT-0001"));
        let distinct: HashSet<_> =
            (0..60).map(|n| product(&format!("KIT-{n:04}")).unwrap()).collect();
        assert!(distinct.len() > 50, "{} different pictures", distinct.len());
    }

    #[test]
    fn what_can_be_no_sku_has_no_picture() {
        for nonsense in ["", "a/b", "<svg>", "é", &"x".repeat(65)] {
            assert_eq!(product(nonsense), None, "{nonsense}");
        }
    }
}
