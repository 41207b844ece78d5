//! Pictures of products, drawn from their SKU.
//!
//! The shop has no photographs, and hundreds of files would be a burden to keep; a picture that
//! follows from the SKU alone needs no storage, is always the same on every machine, and never has
//! to be invalidated. The initial products of the shop have drawings, if there is one
//! (`assortment`); all others have a neutral cover. A hash of the SKU selects the colors, the
//! backdrop and details.
//!
//! Of the SKU, only letters, digits, hyphens and underscores are written into the markup: there
//! is nothing to escape.

mod assortment;
mod canvas;
mod drawings;
mod mosaic;
mod paint;
mod pastimes;
mod rooms;

use canvas::Canvas;
use paint::{Dice, PALETTES, Palette};

pub use mosaic::mosaic;

/// Longest SKU that gets a picture, in bytes.
pub const SKU_LENGTH_MAX: usize = 64;

/// What draws one thing onto the canvas, 600 by 600.
#[derive(Clone, Copy)]
enum Motif {
    /// With details that the dice choose.
    Drawn(fn(&mut Canvas, &Palette, &mut Dice)),
    /// Always the same, apart from its colours.
    Text(&'static str),
}

/// The SVG of a product; none if `sku` can't be one.
pub fn product(sku: &str) -> Option<String> {
    let fits = (1..=SKU_LENGTH_MAX).contains(&sku.len());
    if !fits || !sku.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return None;
    }
    let mut dice = Dice::new(sku);
    let chosen = *dice.choose(PALETTES);
    let mut canvas = Canvas::new(600, 600);
    match assortment::find(sku) {
        Some((motif, palette)) => {
            let palette = palette.and_then(|index| PALETTES.get(index)).copied().unwrap_or(chosen);
            backdrop(&mut canvas, &palette, &mut dice);
            match motif {
                Motif::Drawn(draw) => draw(&mut canvas, &palette, &mut dice),
                Motif::Text(text) => drawings::draw(&mut canvas, &palette, text),
            }
        }
        None => mosaic::cover(&mut canvas, &chosen, &mut dice, sku),
    }
    Some(canvas.finish())
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
        for (sku, _) in goods() {
            let svg = product(&sku).unwrap();
            assert_well_formed(&sku, &svg);
            assert!(svg.len() < 8_000, "{sku} has {} bytes", svg.len());
            assert!(!svg.contains('{'), "{sku} has a color that is not filled in");
        }
        assert_well_formed("mosaic", &mosaic());
    }

    /// The goods that the shop begins with: SKU and name.
    fn goods() -> Vec<(String, String)> {
        let file = include_str!("../../../importer/data/products.json");
        let text = |line: &str, member: &str| {
            let rest = line.split(&format!("\"{member}\": \"")).nth(1)?;
            Some(rest.split('"').next()?.to_owned())
        };
        file.lines().filter_map(|line| Some((text(line, "sku")?, text(line, "name")?))).collect()
    }

    #[test]
    fn a_drawing_shows_what_the_name_of_its_product_says() {
        let goods = goods();
        assert!(goods.len() > 200);
        let mut seen = HashSet::new();
        for (sku, words, ..) in assortment::DRAWN {
            assert!(seen.insert(sku), "{sku} is there twice");
            let name = goods.iter().find(|(known, _)| known == sku).map(|(_, name)| name.as_str());
            assert!(name.is_some_and(|name| name.contains(words)), "{sku} is {name:?}: {words}");
        }
    }

    #[test]
    fn what_has_no_drawing_says_its_sku_and_shows_nothing_else() {
        for (sku, _) in goods() {
            let is_drawn = assortment::find(&sku).is_some();
            assert_eq!(product(&sku).unwrap().contains(&sku), !is_drawn, "{sku}");
        }
        assert!(product("NEW-1").unwrap().contains(">NEW-1</text>"));
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
