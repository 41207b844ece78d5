//! Things for the house and the garden, with details that the dice choose.

use super::canvas::Canvas;
use super::paint::{Dice, Palette};

pub(super) fn pot(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    let tall = 150 + dice.below(60);
    let top = 450 - tall;
    c.shadow(300, 456, 170);
    c.rect(110, top + 34, 70, 26, 13, p.deep);
    c.rect(420, top + 34, 70, 26, 13, p.deep);
    c.path(&format!("M150 {top}H450V400A50 50 0 0 1 400 450H200A50 50 0 0 1 150 400z"), p.main);
    c.path(&format!("M370 {top}H450V400A50 50 0 0 1 400 450H340A50 50 0 0 0 370 400z"), p.deep);
    c.path(&format!("M140 {top}A160 70 0 0 1 460 {top}z"), p.light);
    c.rect(130, top - 10, 340, 20, 10, p.deep);
    c.circle(300, top - 76, 20, p.spark);
}

pub(super) fn pan(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.turned(270, 320, -35 + dice.below(30), |c| {
        c.rect(120, -20, 220, 40, 20, p.deep);
        c.rect(250, -12, 70, 24, 12, p.spark);
        c.circle(0, 0, 165, p.deep);
        c.circle(0, 0, 142, p.main);
    });
}

pub(super) fn bowl(c: &mut Canvas, p: &Palette, _: &mut Dice) {
    c.shadow(300, 462, 130);
    c.path("M120 280H480A180 180 0 0 1 300 460A180 180 0 0 1 120 280z", p.main);
    c.path("M400 280H480A180 180 0 0 1 300 460A170 170 0 0 0 400 280z", p.deep);
    c.rect(108, 266, 384, 28, 14, p.light);
    c.rect(240, 446, 120, 18, 9, p.deep);
}

pub(super) fn watering_can(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(310, 460, 150);
    c.line("M390 250C500 240 500 410 400 410", 26, p.deep);
    c.line("M240 400L140 260", 34, p.deep);
    c.turned(128, 246, -36, |c| c.rect(-50, -14, 100, 28, 14, p.spark));
    c.path("M220 230H400L420 450H200z", p.main);
    c.path("M350 230H400L420 450H350z", p.deep);
    c.ellipse(310, 230, 90, 22, p.light);
    for drop in 0..3 + dice.below(3) {
        let (x, y) = (70 + drop * 22, 300 + (drop * 37) % 70);
        c.path(&format!("M{x} {y}q-13 22 0 30q13 -8 0 -30z"), "#6aa6c8");
    }
}

pub(super) fn flower(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 490, 90);
    c.line("M300 480C290 400 310 330 300 240", 12, "#3f7a55");
    c.path("M298 420C220 420 190 370 180 330C250 330 290 360 298 420z", "#6fa777");
    c.path("M304 380C370 380 410 340 416 296C350 300 312 330 304 380z", "#3f7a55");
    let petals = 6 + dice.below(5);
    for petal in 0..petals {
        c.turned(300, 220, 360 * petal / petals, |c| c.ellipse(0, -84, 36, 70, p.main));
    }
    c.circle(300, 220, 52, p.spark);
    c.circle(300, 220, 28, p.deep);
}

pub(super) fn table_lamp(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 492, 110);
    c.circle(300, 250, 190, "#fff0c4");
    for ball in 0..2 + dice.below(2) {
        c.circle(300, 440 - ball * 62, 44 - ball * 4, if ball % 2 == 0 { p.main } else { p.spark });
    }
    c.rect(290, 250, 20, 130, 4, p.deep);
    c.rect(230, 470, 140, 22, 11, p.deep);
    c.path("M236 130H364L430 310H170z", p.light);
    c.path("M330 130H364L430 310H370z", p.halo);
    c.rect(166, 302, 268, 14, 7, p.main);
}

pub(super) fn desk_lamp(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    let reach = dice.below(40);
    c.shadow(280, 486, 130);
    c.path(&format!("M{} 230L{} 486H{}z", 430 + reach / 2, 560, 330), "#ffe9ad");
    c.line(&format!("M260 470L200 300L{} 170", 370 + reach), 18, p.deep);
    c.circle(200, 300, 20, p.spark);
    c.rect(160, 462, 200, 26, 13, p.main);
    c.turned(400 + reach, 180, 28, |c| {
        c.path("M-44 -50H44L88 54H-88z", p.main);
        c.path("M10 -50H44L88 54H30z", p.deep);
    });
}

pub(super) fn teapot(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 452, 160);
    c.line("M420 270C520 250 520 400 410 390", 24, p.deep);
    c.path("M200 330C150 330 150 250 100 236L132 210C190 220 200 270 230 280z", p.deep);
    c.ellipse(310, 340, 140, 112, p.main);
    c.path("M400 254A140 112 0 0 1 310 452A170 120 0 0 0 400 254z", p.deep);
    c.path("M230 246A90 50 0 0 1 390 246z", p.light);
    c.circle(310, 190, 18, p.spark);
    for dot in 0..dice.below(5) {
        c.circle(230 + dot * 40, 340 + dot % 2 * 26, 11, p.light);
    }
    steam(c, p, 110);
}

pub(super) fn canister(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 482, 120);
    c.rect(190, 190, 220, 290, 18, p.main);
    c.rect(350, 190, 60, 290, 18, p.deep);
    c.rect(178, 140, 244, 70, 16, p.deep);
    c.rect(220, 260, 160, 150, 12, p.light);
    for bean in 0..3 {
        c.turned(258 + bean * 42, 335 + dice.below(20) - 10, 25 + bean * 20, |c| {
            c.ellipse(0, 0, 16, 26, p.spark);
            c.line("M0 -20Q6 0 0 20", 3, p.light);
        });
    }
}

fn steam(c: &mut Canvas, p: &Palette, x: i32) {
    for wisp in 0..2 {
        c.line(&format!("M{} 200q-18 -28 0 -54t0 -54", x - 20 + wisp * 44), 9, p.light);
    }
}
