//! Drawings as SVG with placeholders for the colors of a palette: `{m}`ain, `{d}`eep, `{l}`ight,
//! `{s}`park, `{h}`alo and `{g}`round. Materials with a fixed color (wood, steel, glass, paper)
//! have no placeholder.

pub(super) mod home;
pub(super) mod leisure;
pub(super) mod outside;
pub(super) mod table;

use super::canvas::Canvas;
use super::paint::Palette;

/// Draws `text` in the colors of the palette.
pub(super) fn draw(canvas: &mut Canvas, palette: &Palette, text: &str) {
    let colours = [
        ("{m}", palette.main),
        ("{d}", palette.deep),
        ("{l}", palette.light),
        ("{s}", palette.spark),
        ("{h}", palette.halo),
        ("{g}", palette.ground),
    ];
    let filled =
        colours.iter().fold(text.to_owned(), |text, (name, colour)| text.replace(name, colour));
    canvas.raw(&filled);
}
