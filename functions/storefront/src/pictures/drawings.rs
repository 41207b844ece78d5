//! Drawings as SVG with the colours of a palette left open: `{m}`ain, `{d}`eep, `{l}`ight,
//! `{s}`park, `{h}`alo and `{g}`round. Materials that have a colour of their own (wood, steel,
//! glass, paper) are written out.

pub(super) mod home;
pub(super) mod leisure;
pub(super) mod outside;
pub(super) mod table;

use super::canvas::Canvas;
use super::paint::Palette;

/// Draws `text` in the colours of the palette.
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
