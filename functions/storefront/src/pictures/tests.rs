#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;

use roxmltree::Document;

use super::*;

/// SKU and name of each product of the initial catalog.
fn catalog() -> Vec<(String, String)> {
    let file = include_str!("../../../importer/data/products.json");
    let text = |line: &str, member: &str| {
        let rest = line.split(&format!("\"{member}\": \"")).nth(1)?;
        Some(rest.split('"').next()?.to_owned())
    };
    file.lines().filter_map(|line| Some((text(line, "sku")?, text(line, "name")?))).collect()
}

fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let others = [("mosaic", MOSAIC), ("other", OTHER)];
    PRODUCTS.iter().chain(CATEGORIES).copied().chain(others)
}

/// Asserts that a picture is well-formed XML without links, scripts, styles or text.
fn assert_harmless(name: &str, svg: &str) {
    let document = Document::parse(svg).unwrap_or_else(|e| panic!("{name}: {e}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "svg", "{name}");
    assert!(root.has_attribute("viewBox") && root.has_attribute("width"), "{name}");
    let allowed = ["svg", "title", "g", "clipPath", "rect", "circle", "ellipse", "path"];
    for node in document.descendants().filter(|n| n.is_element()) {
        assert!(allowed.contains(&node.tag_name().name()), "{name}: {:?}", node.tag_name());
        for attribute in node.attributes() {
            let (key, value) = (attribute.name(), attribute.value());
            let harmless = key != "href" && key != "style" && !key.starts_with("on");
            assert!(harmless && !value.contains("//"), "{name}: {key}");
        }
    }
}

#[test]
fn every_picture_is_well_formed_small_and_harmless() {
    for (name, svg) in all() {
        assert_harmless(name, svg);
        let length_max = if name == "mosaic" { 12_000 } else { 8_000 };
        assert!(svg.len() < length_max, "{name} has {} bytes", svg.len());
    }
    assert_harmless("NEW-1", &product("NEW-1").unwrap());
}

#[test]
fn all_pictures_together_have_a_modest_size() {
    let size: usize = all().map(|(_, svg)| svg.len()).sum();
    assert!(size < 400 << 10, "{size} bytes");
}

#[test]
fn every_product_of_the_catalog_has_a_picture_with_its_name() {
    let catalog = catalog();
    assert!(catalog.len() > 200);
    assert_eq!(catalog.len(), PRODUCTS.len());
    for (sku, name) in catalog {
        let svg = product(&sku).unwrap();
        let document = Document::parse(&svg).unwrap();
        let title = document.descendants().find(|n| n.has_tag_name("title")).unwrap();
        assert_eq!(title.text(), Some(name.as_str()), "{sku}");
    }
}

#[test]
fn no_two_products_have_the_same_picture() {
    let drawing = |svg: &'static str| svg.split("</title>").nth(1).unwrap();
    let distinct: HashSet<_> = PRODUCTS.iter().map(|(_, svg)| drawing(svg)).collect();
    assert_eq!(distinct.len(), PRODUCTS.len());
}

#[test]
fn a_new_product_has_the_emblem_of_its_category_in_colors_that_follow_from_its_sku() {
    assert_eq!(product("KIT-0900"), product("KIT-0900"));
    let emblems = ["KIT", "TEA", "NEW", "no_hyphen"].map(|prefix| {
        let pictures: HashSet<_> =
            (900..960).map(|n| product(&format!("{prefix}-{n:04}")).unwrap()).collect();
        assert_eq!(pictures.len(), COLORS.len(), "{prefix}");
        pictures
    });
    assert!(emblems[0].is_disjoint(&emblems[1]) && emblems[0].is_disjoint(&emblems[2]));
    assert_eq!(emblems[2], emblems[3], "categories without an emblem share one");
}

#[test]
fn emblems_are_drawn_in_the_colors_that_are_replaced() {
    for (name, svg) in CATEGORIES.iter().copied().chain([("other", OTHER)]) {
        let document = Document::parse(svg).unwrap();
        for node in document.descendants() {
            for color in [node.attribute("fill"), node.attribute("stroke")].into_iter().flatten() {
                assert!(color == "none" || COLORS[0].contains(&color), "{name}: {color}");
            }
        }
    }
}

#[test]
fn an_invalid_sku_has_no_picture() {
    for invalid in ["", "a/b", "<svg>", "é", &"x".repeat(65)] {
        assert_eq!(product(invalid), None, "{invalid}");
    }
}
