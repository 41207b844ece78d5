//! Tiles: the picture of the front page, and the covers of products without a drawing.

use super::canvas::Canvas;
use super::paint::{Dice, PALETTES, Palette};

/// One square tile of `side` at `x`, `y`.
fn tile(canvas: &mut Canvas, p: &Palette, dice: &mut Dice, (x, y, side): (i32, i32, i32)) {
    let (right, bottom, half) = (x + side, y + side, side / 2);
    let colours = [p.main, p.deep, p.spark, p.light, p.halo];
    canvas.rect(x, y, side, side, 0, if dice.coin() { p.ground } else { p.halo });
    let fill = *dice.choose(&colours);
    match dice.below(8) {
        0 => canvas.path(&format!("M{x} {y}H{right}A{side} {side} 0 0 1 {x} {bottom}z"), fill),
        1 => canvas
            .path(&format!("M{right} {y}V{bottom}H{x}A{side} {side} 0 0 1 {right} {y}z"), fill),
        2 => canvas.path(&format!("M{x} {bottom}V{y}A{side} {side} 0 0 1 {right} {bottom}z"), fill),
        3 => canvas.circle(x + half, y + half, half, fill),
        4 => canvas.path(&format!("M{x} {bottom}A{half} {half} 0 0 1 {right} {bottom}z"), fill),
        5 => canvas.path(&format!("M{x} {y}H{right}L{x} {bottom}z"), fill),
        6 => {
            canvas.circle(x + half, y + half, half, fill);
            let inner = *dice.choose(&colours);
            canvas.circle(x + half, y + half, half / 2, inner);
        }
        _ => canvas.rect(x, y, side, side, 0, fill),
    }
}

/// The picture of the front page: 12 by 7 tiles.
pub fn mosaic() -> String {
    const SIDE: i32 = 60;
    let mut canvas = Canvas::new(12 * SIDE, 7 * SIDE);
    let mut dice = Dice::new("tessera");
    for row in 0..7 {
        for column in 0..12 {
            // Neighbours share a palette more often than not, so the eye finds fields.
            let index = (column / 3 + row / 2 + dice.below(2)) % 7;
            let palette = &PALETTES[usize::try_from(index).unwrap_or(0)];
            tile(&mut canvas, palette, &mut dice, (column * SIDE, row * SIDE, SIDE));
        }
    }
    canvas.finish()
}

/// A cover for a product without a drawing: tiles around a label with the SKU. It identifies the
/// product but does not show what it looks like.
pub(super) fn cover(canvas: &mut Canvas, palette: &Palette, dice: &mut Dice, sku: &str) {
    canvas.rect(0, 0, 600, 600, 0, palette.ground);
    for cell in 0..25 {
        let (column, row) = (cell % 5, cell / 5);
        if column == 0 || column == 4 || row == 0 || row == 4 {
            tile(canvas, palette, dice, (column * 120, row * 120, 120));
        }
    }
    canvas.rect(120, 120, 360, 360, 0, palette.light);
    let length = i32::try_from(sku.len()).unwrap_or(i32::MAX).max(1);
    canvas.words(300, 318, (480 / length).clamp(8, 60), label_ink(palette), sku);
    canvas.rect(240, 352, 120, 6, 3, palette.spark);
}

/// A dark color for the bright label, in every palette.
fn label_ink(palette: &Palette) -> &'static str {
    if palette.ground.starts_with("#2") { palette.ground } else { palette.deep }
}
