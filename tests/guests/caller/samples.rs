//! Values at the edges of their types.

use crate::bindings::tessera_test::links::values::{Color, Everything, Inner, Rights, Shape};

pub(crate) fn all() -> Vec<Everything> {
    vec![smallest(), largest(), ordinary()]
}

fn smallest() -> Everything {
    Everything {
        truth: false,
        unsigned: (0, 0, 0, 0),
        signed: (i8::MIN, i16::MIN, i32::MIN, i64::MIN),
        floats: (f32::NEG_INFINITY, f64::MIN_POSITIVE),
        inner: Inner { text: String::new(), character: '\0' },
        maybe: None,
        outcome: Err(String::new()),
        empty_outcome: Err(()),
        color: Color::Red,
        rights: Rights::empty(),
        shapes: vec![],
        bytes: vec![],
        names: vec![],
    }
}

fn largest() -> Everything {
    Everything {
        truth: true,
        unsigned: (u8::MAX, u16::MAX, u32::MAX, u64::MAX),
        signed: (i8::MAX, i16::MAX, i32::MAX, i64::MAX),
        floats: (f32::INFINITY, -0.0),
        inner: Inner { text: "\u{0}\u{7f}\u{10ffff}".to_owned(), character: '\u{10ffff}' },
        maybe: Some(None),
        outcome: Ok(u32::MAX),
        empty_outcome: Ok(()),
        color: Color::Blue,
        rights: Rights::all(),
        shapes: vec![Shape::Point; 100],
        bytes: (0..=255).collect(),
        names: vec![vec![]; 3],
    }
}

fn ordinary() -> Everything {
    Everything {
        truth: true,
        unsigned: (1, 2, 3, 4),
        signed: (-1, -2, -3, -4),
        floats: (0.1, f64::NAN),
        inner: Inner { text: "Grüße, 世界 🌍".to_owned(), character: 'ß' },
        maybe: Some(Some("there".to_owned())),
        outcome: Err("why".to_owned()),
        empty_outcome: Ok(()),
        color: Color::Green,
        rights: Rights::READ | Rights::EXECUTE,
        shapes: vec![Shape::Circle(2.5), Shape::Polygon(vec![(0, 0), (-1, 1)]), Shape::Point],
        bytes: b"bytes".to_vec(),
        names: vec![vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]],
    }
}
