//! Things for the house and the garden.

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
    if dice.coin() {
        c.path(
            "M200 300C190 240 260 225 300 250S350 300 330 345S250 400 225 370S205 340 200 300z",
            "#fffdf6",
        );
        c.circle(270, 312, 34, "#f2b134");
    } else {
        c.ellipse(245, 290, 70, 44, p.halo);
        c.ellipse(255, 296, 66, 40, p.main);
    }
}

pub(super) fn bowl(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 462, 130);
    let lean = 20 + dice.below(24);
    c.turned(350, 300, lean, |c| {
        c.rect(-13, -230, 26, 240, 13, p.deep);
        c.ellipse(0, -40, 38, 60, p.spark);
    });
    c.path("M120 280H480A180 180 0 0 1 300 460A180 180 0 0 1 120 280z", p.main);
    c.path("M400 280H480A180 180 0 0 1 300 460A170 170 0 0 0 400 280z", p.deep);
    c.rect(108, 266, 384, 28, 14, p.light);
    c.rect(240, 446, 120, 18, 9, p.deep);
    for dot in 0..dice.below(4) {
        c.circle(185 + dot * 52, 345, 12, p.light);
    }
}

pub(super) fn plant(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 480, 120);
    let leaves = 5 + dice.below(4);
    for leaf in 0..leaves {
        let angle = -70 + 140 * leaf / (leaves - 1);
        let length = 150 + dice.below(90);
        let fill = if leaf % 2 == 0 { "#3f7a55" } else { "#6fa777" };
        c.turned(300, 350, angle, |c| {
            let (tip, middle) = (-length, -length / 2);
            c.path(&format!("M0 0C-56 {middle} -40 {tip} 0 {tip}C40 {tip} 56 {middle} 0 0z"), fill);
            c.line(&format!("M0 0V{}", tip + 30), 3, "#2c5a3f");
        });
    }
    c.path("M205 350H395L372 470A16 16 0 0 1 356 482H244A16 16 0 0 1 228 470z", p.main);
    c.path("M340 350H395L372 470A16 16 0 0 1 356 482H318z", p.deep);
    c.rect(192, 330, 216, 36, 10, p.spark);
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

pub(super) fn pump_bottle(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    let wide = 130 + dice.below(60);
    let left = 300 - wide / 2;
    c.shadow(300, 482, wide * 2 / 3);
    c.line("M300 200V140H230V162", 20, p.deep);
    c.rect(266, 182, 68, 46, 8, p.deep);
    c.rect(left, 222, wide, 260, 34, p.main);
    c.rect(left + wide * 2 / 3, 222, wide / 3, 260, 30, p.deep);
    c.rect(left, 300, wide, 110, 0, p.light);
    c.circle(300, 340, 20, p.spark);
    c.rect(266, 376, 68, 8, 4, p.halo);
}

pub(super) fn soap(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 444, 190);
    let bars = [p.main, p.spark, p.light];
    for bar in 0..3 {
        let x = 140 + bar * 14 + dice.below(30);
        let y = 360 - bar * 76;
        let fill = bars[usize::try_from(bar).unwrap_or(0)];
        c.rect(x, y, 290, 74, 24, fill);
        c.rect(x + 26, y + 22, 120, 8, 4, p.halo);
    }
    for (x, y, radius) in [(430, 150, 34), (480, 210, 18), (180, 150, 22)] {
        c.circle(x, y, radius, p.light);
        c.circle(x - radius / 3, y - radius / 3, radius / 4, p.ground);
    }
}

pub(super) fn jar(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    let tall = 170 + dice.below(70);
    let top = 470 - tall;
    c.shadow(300, 472, 130);
    c.rect(180, top, 240, tall, 30, p.main);
    c.rect(350, top, 70, tall, 30, p.deep);
    c.rect(168, top - 64, 264, 76, 18, p.light);
    c.rect(168, top - 30, 264, 10, 0, p.halo);
    c.rect(180, top + tall / 3, 240, tall / 3, 0, p.light);
    c.line(&format!("M230 {0}q35 -30 70 0t70 0", top + tall / 2), 8, p.spark);
}

pub(super) fn cushion(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 466, 180);
    let lean = dice.below(17) - 8;
    let stripes = dice.coin();
    c.turned(300, 310, lean, |c| {
        c.path("M-170 -150Q0 -118 170 -150Q138 0 170 150Q0 118 -170 150Q-138 0 -170 -150z", p.main);
        if stripes {
            for stripe in 0..4 {
                let x = -100 + stripe * 66;
                c.line(&format!("M{x} -118V118"), 14, p.light);
            }
        } else {
            c.circle(0, 0, 76, p.light);
            c.circle(0, 0, 46, p.spark);
            c.circle(0, 0, 16, p.deep);
        }
        for (x, y) in [(-170, -150), (170, -150), (170, 150), (-170, 150)] {
            c.circle(x, y, 14, p.deep);
        }
    });
}

pub(super) fn blankets(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 466, 200);
    let colours = [p.deep, p.main, p.light, p.spark];
    let first = dice.below(4);
    for layer in 0..4 {
        let y = 390 - layer * 74;
        let fill = colours[usize::try_from((layer + first) % 4).unwrap_or(0)];
        c.rect(120 + layer * 6, y, 360 - layer * 12, 72, 36, fill);
        c.line(&format!("M{} {}H{}", 170 + layer * 6, y + 36, 460 - layer * 6), 3, p.ground);
    }
    for fringe in 0..9 {
        let x = 150 + fringe * 37;
        c.line(&format!("M{x} 462V{}", 474 + fringe % 2 * 4), 5, p.deep);
    }
}

pub(super) fn rug(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.turned(300, 310, dice.below(21) - 10, |c| {
        c.rect(-150, -190, 300, 380, 10, p.main);
        c.rect(-126, -166, 252, 332, 6, p.light);
        for row in 0..3 {
            for column in 0..2 {
                let (x, y) = (-62 + column * 124, -108 + row * 108);
                c.path(
                    &format!("M{x} {}L{} {y}L{x} {}L{} {y}z", y - 48, x + 52, y + 48, x - 52),
                    p.main,
                );
                c.circle(x, y, 16, p.spark);
            }
        }
        for fringe in 0..12 {
            let x = -143 + fringe * 26;
            c.line(&format!("M{x} -190v-18M{x} 190v18"), 5, p.deep);
        }
    });
}

pub(super) fn pendant(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    let drop = 150 + dice.below(70);
    c.line(&format!("M300 0V{drop}"), 6, p.deep);
    c.path(&format!("M300 {0}L560 600H40z", drop + 90), "#ffe9ad");
    c.circle(300, drop + 128, 34, "#fff6da");
    if dice.coin() {
        c.path(&format!("M150 {0}A150 130 0 0 1 450 {0}z", drop + 130), p.main);
        c.path(
            &format!("M300 {drop}A150 130 0 0 1 450 {0}H370A110 130 0 0 0 300 {drop}z", drop + 130),
            p.deep,
        );
    } else {
        c.path(&format!("M260 {drop}H340L450 {0}H150z", drop + 130), p.main);
        c.path(&format!("M310 {drop}H340L450 {0}H370z", drop + 130), p.deep);
    }
    c.rect(276, drop - 16, 48, 30, 8, p.spark);
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

pub(super) fn cup(c: &mut Canvas, p: &Palette, dice: &mut Dice) {
    c.shadow(300, 474, 180);
    c.ellipse(300, 456, 190, 24, p.light);
    c.ellipse(300, 450, 120, 12, p.halo);
    c.line("M400 300C490 290 490 400 390 392", 24, p.main);
    c.path("M170 270H430C430 390 390 450 300 450S170 390 170 270z", p.main);
    c.path("M370 270H430C430 390 390 450 300 450C350 430 370 370 370 270z", p.deep);
    c.ellipse(300, 270, 130, 30, p.light);
    c.ellipse(300, 274, 112, 22, if dice.coin() { "#6b4027" } else { "#b9803a" });
    steam(c, p, 300);
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
