//! Cost against threads, and against size.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use super::Outcome;
use crate::method::rounds::{Role, Series};
use crate::method::sample::Metric;

const SIZE: (u32, u32) = (860, 480);

/// Writes one plot of `metric`.
///
/// # Errors
/// Where the file cannot be written.
pub(crate) fn write(outcome: &Outcome, metric: Metric, path: &Path) -> Result<(), Box<dyn Error>> {
    let points: Vec<(f64, f64)> =
        outcome.series.iter().filter_map(|one| point(outcome, one, metric)).collect();
    let Some(((left, right), (bottom, top))) = span(&points, 0).zip(span(&points, 1)) else { return Ok(()) };
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(format!("{}: {}", outcome.bench.name, metric.title()), ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .right_y_label_area_size(230)
        .build_cartesian_2d((left..right * 1.05).log_scale(), (bottom * 0.8..top * 1.3).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(outcome.bench.axis.title())
        .y_desc(format!("{} ({})", metric.title(), metric.unit()))
        .light_line_style(WHITE)
        .draw()?;
    for (index, candidate) in outcome.candidates().into_iter().enumerate() {
        let line: Vec<_> = outcome
            .series
            .iter()
            .filter(|one| one.candidate == candidate.candidate)
            .filter_map(|one| point(outcome, one, metric))
            .collect();
        let style = style(candidate.role, index);
        chart
            .draw_series(LineSeries::new(line, style).point_size(3))?
            .label(candidate.candidate.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::Coordinate(SIZE.0.cast_signed() - 300, 0))
        .background_style(WHITE.mix(0.8))
        .label_font(("sans-serif", 12))
        .draw()?;
    root.present()?;
    Ok(())
}

fn point(outcome: &Outcome, series: &Series, metric: Metric) -> Option<(f64, f64)> {
    Some((outcome.bench.axis.position(series.case), series.summary(metric)?.median))
}

fn span(points: &[(f64, f64)], axis: usize) -> Option<(f64, f64)> {
    let values = points.iter().map(|point| if axis == 0 { point.0 } else { point.1 });
    let (least, most) = (values.clone().reduce(f64::min)?, values.reduce(f64::max)?);
    (least > 0.0).then_some((least, most.max(least * 1.01)))
}

/// Ours are thick and red, the limit is black, the peers have a colour each.
fn style(role: Role, index: usize) -> ShapeStyle {
    match role {
        Role::Ours => Palette99::pick(0).stroke_width(3),
        Role::Limit => BLACK.stroke_width(2),
        Role::Peer => Palette99::pick(index + 1).stroke_width(1),
    }
}
