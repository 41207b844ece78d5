//! Things for the desk, the road and free hours, with details that the dice choose.

use super::canvas::Canvas;
use super::paint::{Dice, Palette};

pub(super) fn headphones(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 474, 170);
    c.line("M150 350V290A150 150 0 0 1 450 290V350", 30, p.deep);
    c.line("M190 210A150 150 0 0 1 410 210", 12, p.spark);
    let radius = 30 + dice.below(14);
    for x in [110, 400] {
        c.rect(x, 310, 90, 150, radius, p.main);
    }
    c.rect(180, 324, 40, 122, 18, p.light);
    c.rect(380, 324, 40, 122, 18, p.light);
}

pub(super) fn turntable(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 484, 210);
    c.rect(100, 150, 400, 320, 24, p.light);
    c.rect(100, 430, 400, 48, 20, p.main);
    c.circle(260, 300, 126, "#22211f");
    for ring in 0..3 {
        let radius = 110 - ring * 22;
        c.line(
            &format!("M{} 300a{radius} {radius} 0 0 1 {radius} -{radius}", 260 - radius),
            2,
            "#55524d",
        );
    }
    c.circle(260, 300, 46, if dice.coin() { p.spark } else { p.main });
    c.circle(260, 300, 8, p.light);
    c.line("M440 190V300L360 366", 12, p.deep);
    c.circle(440, 190, 26, p.main);
}

pub(super) fn backpack(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 490, 150);
    c.line("M250 130A50 50 0 0 1 350 130", 16, p.deep);
    c.rect(150, 130, 300, 356, 110, p.main);
    c.rect(130, 290, 60, 160, 26, p.deep);
    c.rect(410, 290, 60, 160, 26, p.deep);
    c.path("M160 250A140 120 0 0 1 440 250V280H160z", p.deep);
    c.rect(205, 320, 190, 136, 26, p.light);
    c.line("M205 362H395", 8, p.main);
    for strap in 0..1 + dice.below(2) {
        c.rect(238 + strap * 96, 236, 28, 78, 8, p.spark);
    }
}

pub(super) fn suitcase(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 496, 140);
    c.line("M250 180V100H350V180", 14, p.deep);
    c.circle(220, 484, 16, p.deep);
    c.circle(380, 484, 16, p.deep);
    c.rect(170, 170, 260, 310, 30, p.main);
    for groove in 0..3 + dice.below(3) {
        c.rect(200 + groove * 40, 200, 12, 250, 6, p.deep);
    }
    c.rect(250, 160, 100, 24, 10, p.spark);
}

pub(super) fn tote(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 488, 170);
    c.line("M220 260V190A80 80 0 0 1 380 190V260", 18, p.deep);
    c.path("M140 240H460L486 480H114z", p.main);
    c.path("M390 240H460L486 480H400z", p.deep);
    if dice.coin() {
        c.circle(280, 370, 62, p.light);
        c.path("M280 308A62 62 0 0 1 280 432z", p.spark);
    } else {
        c.path("M130 330H470L476 390H124z", p.light);
    }
}

pub(super) fn wheel(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 496, 120);
    c.circle(300, 300, 190, p.deep);
    c.circle(300, 300, 168, p.main);
    c.circle(300, 300, 152, p.ground);
    let spokes = 8 + dice.below(5);
    for spoke in 0..spokes {
        c.turned(300, 300, 180 * spoke / spokes, |c| c.line("M-152 0H152", 4, p.deep));
    }
    c.circle(300, 300, 40, p.spark);
    c.circle(300, 300, 16, p.light);
}

pub(super) fn bell(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.line("M60 440H540", 40, p.deep);
    c.rect(60, 420, 120, 40, 20, p.spark);
    c.rect(270, 360, 60, 80, 10, p.light);
    c.path("M150 370A150 150 0 0 1 450 370z", p.main);
    c.path("M370 242A150 150 0 0 1 450 370H390A150 150 0 0 0 370 242z", p.deep);
    c.rect(138, 356, 324, 28, 14, p.light);
    c.circle(300, 212, 20, p.spark);
    for note in 0..1 + dice.below(3) {
        c.line(&format!("M{} {}q16 -16 32 0", 420 + note * 26, 190 - note * 34), 9, p.main);
    }
}

fn pencil(c: &mut Canvas, p: &Palette, length: i32) {
    let half = length / 2;
    c.rect(-14, -half, 28, length - 40, 4, p.spark);
    c.rect(-14, -half, 28, 26, 6, p.main);
    c.path(&format!("M-14 {0}H14L0 {1}z", half - 40, half + 4), "#f0d9b5");
    c.path(&format!("M-5 {0}H5L0 {1}z", half - 12, half + 4), "#2b2a28");
}

/// A set of twelve pencils, in a fan.
pub(super) fn pencils(c: &mut Canvas, p: &Palette, _: &mut Dice) {
    for stick in 0..12 {
        c.turned(300, 700, 152 - 180 + stick * 5, |c| {
            c.turned(0, -360, 180, |c| pencil(c, p, 320))
        });
    }
}

pub(super) fn tent(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.circle(430 - dice.below(260), 150, 46, p.spark);
    c.path("M0 420L150 250L260 370L400 220L600 430V600H0z", p.halo);
    c.rect(0, 450, 600, 150, 0, p.deep);
    c.path("M300 210L500 470H100z", p.main);
    c.path("M300 210L500 470H330z", p.deep);
    c.path("M300 290L370 470H230z", p.light);
    c.line("M300 210L290 188M300 210L312 188", 8, p.light);
}

pub(super) fn lantern(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 490, 110);
    c.circle(300, 330, 190, "#ffedb8");
    c.line("M220 220C220 90 380 90 380 220", 12, p.deep);
    c.rect(230, 200, 140, 46, 16, p.main);
    c.rect(240, 246, 120, 170, 10, "#fffaf0");
    c.path("M300 290C340 340 330 390 300 390S260 340 300 290z", p.spark);
    for bar in 0..2 + dice.below(2) {
        c.rect(240, 280 + bar * 46, 120, 7, 3, p.deep);
    }
    c.rect(216, 412, 168, 76, 18, p.main);
    c.rect(330, 412, 54, 76, 18, p.deep);
}

pub(super) fn blocks(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 486, 210);
    c.rect(110, 350, 130, 130, 12, p.main);
    c.rect(244, 350, 130, 130, 12, p.spark);
    c.path("M380 480V410A65 65 0 0 1 510 410V480H470V420A25 25 0 0 0 420 420V480z", p.deep);
    c.rect(170, 216, 130, 130, 12, p.light);
    c.path("M236 90L306 212H166z", p.main);
    c.circle(400, 270, 62 + dice.below(14), p.deep);
    c.circle(235, 281, 34, if dice.coin() { p.spark } else { p.main });
}
