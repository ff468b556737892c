//! Filling outlines: curves become lines, lines become coverage, coverage becomes alpha. Must not know what is drawn.

/// Rows of samples within a row of dots.
const SAMPLES: usize = 4;
/// Lines that a curve becomes.
const PIECES: u32 = 10;

#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// Closed outlines, filled where they wind around a place.
#[derive(Clone, Debug, Default)]
pub struct Path {
    outlines: Vec<Vec<Point>>,
}

impl Path {
    pub fn begin(&mut self, point: Point) {
        self.outlines.push(vec![point]);
    }

    pub fn line(&mut self, point: Point) {
        if let Some(outline) = self.outlines.last_mut() {
            outline.push(point);
        }
    }

    fn last(&self) -> Option<Point> {
        self.outlines.last()?.last().copied()
    }

    pub fn quadratic(&mut self, control: Point, end: Point) {
        let Some(start) = self.last() else { return };
        let between = |a: Point, b: Point| Point {
            x: a.x + (b.x - a.x) * 2.0 / 3.0,
            y: a.y + (b.y - a.y) * 2.0 / 3.0,
        };
        self.cubic(between(start, control), between(end, control), end);
    }

    pub fn cubic(&mut self, first: Point, second: Point, end: Point) {
        let Some(start) = self.last() else { return };
        for piece in 1..=PIECES {
            let t = f64::from(piece) / f64::from(PIECES);
            let u = 1.0 - t;
            let mix = |a: f64, b: f64, c: f64, d: f64| {
                u * u * u * a + 3.0 * u * u * t * b + 3.0 * u * t * t * c + t * t * t * d
            };
            self.line(Point {
                x: mix(start.x, first.x, second.x, end.x),
                y: mix(start.y, first.y, second.y, end.y),
            });
        }
    }

    /// A ring about the middle of a square.
    pub fn ring(middle: f64, outer: f64, inner: f64) -> Self {
        let circle = |radius: f64, sense: f64| {
            let at = |step: u32| (f64::from(step) / 360.0 * std::f64::consts::TAU * sense).sin_cos();
            let points = (0..360).map(at).map(|(sine, cosine)| Point {
                x: middle + radius * cosine,
                y: middle + radius * sine,
            });
            points.collect()
        };
        Self {
            outlines: vec![circle(outer, 1.0), circle(inner, -1.0)],
        }
    }

    /// A five-pointed star that stands upright.
    pub fn star(x: f64, y: f64, radius: f64) -> Self {
        // The inner corners of a regular pentagram lie at this part of its radius.
        const INNER: f64 = 0.381_966;
        let corner = |index: u32| {
            let radius = if index.is_multiple_of(2) {
                radius
            } else {
                radius * INNER
            };
            let (sine, cosine) = (f64::from(index) * std::f64::consts::TAU / 10.0).sin_cos();
            Point {
                x: x + radius * sine,
                y: y - radius * cosine,
            }
        };
        Self {
            outlines: vec![(0..10).map(corner).collect()],
        }
    }

    /// A square frame of this thickness.
    pub fn frame(from: f64, to: f64, edge: f64) -> Self {
        let square = |a: f64, b: f64| [(a, a), (b, a), (b, b), (a, b)].map(|(x, y)| Point { x, y }).to_vec();
        let mut hole = square(from + edge, to - edge);
        hole.reverse();
        Self {
            outlines: vec![square(from, to), hole],
        }
    }
}

/// A square of coverage.
pub struct Canvas {
    size: usize,
    coverage: Vec<f32>,
}

impl Canvas {
    pub fn new(size: usize) -> Self {
        Self {
            size,
            coverage: vec![0.0; size * size],
        }
    }

    /// Adds a path; what is covered twice stays covered.
    pub fn fill(&mut self, path: &Path) {
        for row in 0..self.size {
            let mut line = vec![0.0_f32; self.size];
            for sample in 0..SAMPLES {
                let y = row as f64 + (sample as f64 + 0.5) / SAMPLES as f64;
                for (from, to) in spans(path, y) {
                    cover(&mut line, from, to);
                }
            }
            let dots = self.coverage.iter_mut().skip(row * self.size);
            for (dot, added) in dots.zip(line) {
                *dot = dot.max(added / SAMPLES as f32);
            }
        }
    }

    /// The picture in one colour.
    pub fn png(&self, colour: [u8; 3]) -> Option<Vec<u8>> {
        let mut written = Vec::new();
        let side = u32::try_from(self.size).ok()?;
        let mut encoder = png::Encoder::new(&mut written, side, side);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 255"
        )]
        let alpha = |coverage: f32| (coverage.clamp(0.0, 1.0) * 255.0).round() as u8;
        // Few steps of alpha keep the file small, and no eye sees the others. Where nothing is drawn the colour is white, for
        // those who pass over the alpha.
        let pixels = self.coverage.iter().flat_map(|dot| {
            let alpha = alpha((dot * 8.0).round() / 8.0);
            let [red, green, blue] = if alpha == 0 { [255; 3] } else { colour };
            [red, green, blue, alpha]
        });
        writer.write_image_data(&pixels.collect::<Vec<_>>()).ok()?;
        writer.finish().ok()?;
        Some(written)
    }
}

/// Where a row runs through the inside, left to right.
fn spans(path: &Path, y: f64) -> Vec<(f64, f64)> {
    let mut crossings = Vec::new();
    for outline in &path.outlines {
        let next = outline.iter().cycle().skip(1);
        for (a, b) in outline.iter().zip(next) {
            let sense = match (a.y <= y, b.y <= y) {
                (true, false) => 1,
                (false, true) => -1,
                _ => continue,
            };
            crossings.push((a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x), sense));
        }
    }
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut winding = 0;
    let mut found = Vec::new();
    for pair in crossings.windows(2) {
        let [(from, sense), (to, _)] = pair else { continue };
        winding += sense;
        if winding != 0 {
            found.push((*from, *to));
        }
    }
    found
}

/// Adds a span to a row, its ends in part.
fn cover(line: &mut [f32], from: f64, to: f64) {
    let (from, to) = (from.max(0.0), to.min(line.len() as f64));
    if from >= to {
        return;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the row")]
    let (first, last) = (from as usize, to.ceil() as usize);
    for (dot, index) in line.iter_mut().skip(first).zip(first..last) {
        let part = (to.min(index as f64 + 1.0) - from.max(index as f64)).max(0.0);
        #[expect(clippy::cast_possible_truncation, reason = "at most one")]
        let part = part as f32;
        *dot += part;
    }
}
