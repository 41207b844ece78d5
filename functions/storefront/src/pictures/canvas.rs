//! Writing SVG: a handful of shapes with whole coordinates and a fill.

use std::fmt::Write;

/// An SVG that is being drawn. Writing to a string cannot fail, so results of `write!`
/// are dropped.
pub(super) struct Canvas {
    svg: String,
}

impl Canvas {
    pub(super) fn new(width: i32, height: i32) -> Self {
        let mut svg = String::with_capacity(4096);
        let _ = write!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">"#
        );
        Self { svg }
    }

    pub(super) fn finish(mut self) -> String {
        self.svg.push_str("</svg>");
        self.svg
    }

    /// A rectangle with corners rounded by `radius`.
    pub(super) fn rect(
        &mut self,
        x: i32,
        y: i32,
        width: i32,
        height: i32,
        radius: i32,
        fill: &str,
    ) {
        let _ = write!(
            self.svg,
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{fill}"/>"#
        );
    }

    pub(super) fn circle(&mut self, x: i32, y: i32, radius: i32, fill: &str) {
        let _ = write!(self.svg, r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}"/>"#);
    }

    pub(super) fn ellipse(&mut self, x: i32, y: i32, rx: i32, ry: i32, fill: &str) {
        let _ =
            write!(self.svg, r#"<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{fill}"/>"#);
    }

    /// A closed shape.
    pub(super) fn path(&mut self, d: &str, fill: &str) {
        let _ = write!(self.svg, r#"<path d="{d}" fill="{fill}"/>"#);
    }

    /// A line along `d` with round ends.
    pub(super) fn line(&mut self, d: &str, width: i32, stroke: &str) {
        let _ = write!(
            self.svg,
            r#"<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"/>"#
        );
    }

    /// Adds finished markup.
    pub(super) fn raw(&mut self, markup: &str) {
        self.svg.push_str(markup);
    }

    /// A line of text, centered at `x`. `words` must not need escaping.
    pub(super) fn words(&mut self, x: i32, y: i32, size: i32, fill: &str, words: &str) {
        let _ = write!(
            self.svg,
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{fill}" text-anchor="middle" font-family="Georgia, 'Times New Roman', serif">{words}</text>"#
        );
    }

    /// The shadow of a thing that stands at `y`.
    pub(super) fn shadow(&mut self, x: i32, y: i32, rx: i32) {
        let _ = write!(
            self.svg,
            r##"<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="14" fill="#000" opacity=".12"/>"##
        );
    }

    /// Draws `inside` moved and turned by `degrees` around its own origin.
    pub(super) fn turned(&mut self, x: i32, y: i32, degrees: i32, inside: impl FnOnce(&mut Self)) {
        let _ = write!(self.svg, r#"<g transform="translate({x} {y}) rotate({degrees})">"#);
        inside(self);
        self.svg.push_str("</g>");
    }
}
