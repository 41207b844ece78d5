//! How a cost grows, as an SVG.

use crate::compare::Figures;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

/// Width and height in pixels.
const SIZE: (u32, u32) = (720, 420);
/// Colors that people with color blindness can distinguish (Okabe and Ito).
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// A diagram with a logarithmic x axis and a y axis from 0.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// The file's name, without `.svg`.
    pub(crate) file: String,
    /// What it shows.
    pub(crate) title: String,
    /// What grows, with its unit.
    pub(crate) x: String,
    /// What it costs, with its unit.
    pub(crate) y: String,
    /// Who.
    pub(crate) series: Vec<Series>,
}

/// One line of a diagram.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Its name in the legend.
    pub(crate) name: String,
    /// Its points, x ascending and positive.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    /// A line of this name.
    pub(crate) fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Series {
        Series { name: name.into(), points }
    }
}

impl Curve {
    /// A diagram with this title and these labels of its axes.
    pub(crate) fn new(file: &str, title: &str, [x, y]: [&str; 2], series: Vec<Series>) -> Curve {
        let [file, title, x, y] = [file, title, x, y].map(str::to_owned);
        Curve { file, title, x, y, series }
    }

    /// How latency and processor time grow with concurrency, for every contender.
    pub(crate) fn by_concurrency(row: &str, figures: &[Figures]) -> [Curve; 2] {
        let mut names: Vec<&str> = Vec::new();
        for of in figures {
            if !names.contains(&of.name.as_str()) {
                names.push(&of.name);
            }
        }
        let series = |value: fn(&Figures) -> f64| -> Vec<Series> {
            let line = |name: &&str| {
                let own = figures.iter().filter(|of| of.name == **name);
                let points = own.map(|of| (of.load as f64, value(of))).collect();
                Series::new(*name, points)
            };
            names.iter().map(line).collect()
        };
        let curve = |what: &str, y: &str, series| {
            let (file, title) = (format!("{row}-{what}"), format!("{row}: {y}"));
            Curve::new(&file, &title, ["requests at the same time", y], series)
        };
        [
            curve("latency", "p50 in ms", series(|of| of.p50_ms)),
            curve("cost", "CPU s per 1,000 requests", series(|of| of.processor_seconds_per_1000)),
        ]
    }

    /// Draws it into `<folder>/<file>.svg`. Without any points there is no file.
    pub(crate) fn draw(&self, folder: &Path) -> Result<()> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let last = |values: fn(&(f64, f64)) -> f64| points().map(values).fold(0.0, f64::max);
        let first = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
        if !first.is_finite() {
            return Ok(());
        }
        // An axis needs some length, also for a single point.
        let x = first..last(|point| point.0).max(first * 1.01);
        let y = 0.0..(last(|point| point.1) * 1.1).max(f64::MIN_POSITIVE);
        let path = folder.join(format!("{}.svg", self.file));
        self.draw_in(&path, x, y).map_err(|error| anyhow!("{}: {error}", path.display()))
    }

    fn draw_in(
        &self,
        path: &Path,
        x: std::ops::Range<f64>,
        y: std::ops::Range<f64>,
    ) -> Result<(), Box<dyn std::error::Error + '_>> {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(x.log_scale(), y)?;
        chart.configure_mesh().x_desc(&self.x).y_desc(&self.y).light_line_style(WHITE).draw()?;
        for (series, color) in self.series.iter().zip(COLORS.iter().cycle()) {
            let line = LineSeries::new(series.points.clone(), color.stroke_width(2)).point_size(3);
            chart.draw_series(line)?.label(&series.name).legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 20, y)], color.stroke_width(2))
            });
        }
        let mut legend = chart.configure_series_labels();
        legend.background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
        area.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_curve_becomes_a_file_with_its_labels() {
        let folder = tempfile::tempdir().unwrap();
        let series = Series::new("ours", vec![(1.0, 2.0), (256.0, 4.0)]);
        let curve = Curve::new("growth", "Cost", ["concurrency", "ms"], vec![series]);
        curve.draw(folder.path()).unwrap();
        let drawn = std::fs::read_to_string(folder.path().join("growth.svg")).unwrap();
        for text in ["Cost", "concurrency", "ours"] {
            assert!(drawn.contains(text), "{text} in {drawn}");
        }
        Curve { file: "nothing".to_owned(), series: vec![], ..curve }.draw(folder.path()).unwrap();
        assert!(!folder.path().join("nothing.svg").exists());
    }
}
