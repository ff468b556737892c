//! Pictures of test seals: a red ring with the name along it and a star, or a square with a person's name, as PNG with alpha.
//! Must not draw one without the mark 测试: real seals' pictures come with real seals.

mod canvas;

use self::canvas::{Canvas, Path, Point};

/// Dots a millimetre: 300 dpi.
const DOTS: f64 = 300.0 / 25.4;
const MARK: &str = "测试签章";
const NOTICE: &str = "无法律效力";

/// Why no picture was drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    #[error("the font does not parse")]
    Font,
    #[error("the font does not show {0}")]
    Glyph(char),
    #[error("the name does not fit on a seal")]
    Name,
    #[error("the picture could not be written")]
    Png,
}

/// A font face from a file.
#[derive(Clone, Copy)]
pub struct Face<'a> {
    pub file: &'a [u8],
    /// Within a collection.
    pub index: u32,
}

/// The shape of a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An organisation's, 42 mm across.
    Round,
    /// A person's, 20 mm wide.
    Square,
}

impl Shape {
    /// Width and height in millimetres.
    #[must_use]
    pub const fn millimetres(self) -> u32 {
        match self {
            Self::Round => 42,
            Self::Square => 20,
        }
    }
}

/// Draws a seal.
///
/// # Errors
/// A font without the characters, a name of no or of too many characters.
pub fn draw(shape: Shape, name: &str, face: Face) -> Result<Vec<u8>, StampError> {
    let face = ttf_parser::Face::parse(face.file, face.index).map_err(|_| StampError::Font)?;
    let size = f64::from(shape.millimetres()) * DOTS;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some hundred dots"
    )]
    let mut pen = Pen {
        face,
        canvas: Canvas::new(size.round() as usize),
        size,
    };
    match shape {
        Shape::Round => pen.round(name)?,
        Shape::Square => pen.square(name)?,
    }
    pen.canvas.png([214, 16, 24]).ok_or(StampError::Png)
}

struct Pen<'a> {
    face: ttf_parser::Face<'a>,
    canvas: Canvas,
    size: f64,
}

impl Pen<'_> {
    fn round(&mut self, name: &str) -> Result<(), StampError> {
        let letters: Vec<char> = name.chars().collect();
        if letters.is_empty() || letters.len() > 24 {
            return Err(StampError::Name);
        }
        let (middle, radius) = (self.size / 2.0, self.size / 2.0 - 2.0);
        let ring = self.size * 0.028;
        self.canvas.fill(&Path::ring(middle, radius, radius - ring));
        self.canvas
            .fill(&Path::star(middle, middle - self.size * 0.02, self.size * 0.145));
        // The name spans up to 250 degrees; long names have narrower letters.
        let step = (250.0_f64 / letters.len() as f64).min(26.0).to_radians();
        let height = self.size * 0.125;
        let along = radius - ring - height * 0.72;
        let width = (along * step * 0.94).min(height);
        for (letter, index) in letters.iter().zip(0..) {
            let angle = (f64::from(index) - (letters.len() as f64 - 1.0) / 2.0) * step;
            let at = Point {
                x: middle + along * angle.sin(),
                y: middle - along * angle.cos(),
            };
            self.letter(*letter, at, width, height, angle)?;
        }
        self.line(MARK, middle + self.size * 0.215, self.size * 0.085)?;
        self.line(NOTICE, middle + self.size * 0.315, self.size * 0.072)
    }

    fn square(&mut self, name: &str) -> Result<(), StampError> {
        let count = name.chars().count();
        if count == 0 || count > 8 {
            return Err(StampError::Name);
        }
        let edge = self.size * 0.05;
        self.canvas.fill(&Path::frame(2.0, self.size - 2.0, edge));
        let height = (self.size * 0.84 / count as f64).min(self.size * 0.34);
        self.line(name, self.size * 0.34, height)?;
        self.line(MARK, self.size * 0.64, self.size * 0.17)?;
        self.line(NOTICE, self.size * 0.83, self.size * 0.15)
    }

    /// Text in a straight line about the middle, at this height.
    fn line(&mut self, text: &str, y: f64, height: f64) -> Result<(), StampError> {
        let count = text.chars().count() as f64;
        for (letter, index) in text.chars().zip(0..) {
            let x = self.size / 2.0 + (f64::from(index) - (count - 1.0) / 2.0) * height * 1.04;
            self.letter(letter, Point { x, y }, height, height, 0.0)?;
        }
        Ok(())
    }

    /// One letter about a point, as wide and high as said, turned clockwise by an angle.
    fn letter(&mut self, letter: char, at: Point, width: f64, height: f64, angle: f64) -> Result<(), StampError> {
        let glyph = self.face.glyph_index(letter).ok_or(StampError::Glyph(letter))?;
        let em = f64::from(self.face.units_per_em());
        let advance = f64::from(self.face.glyph_hor_advance(glyph).unwrap_or(self.face.units_per_em()));
        let (sine, cosine) = angle.sin_cos();
        // Chinese letters stand 0.38 of their size above the baseline's middle.
        let mut outline = Outline {
            path: Path::default(),
            place: &|x, y| {
                let (x, y) = ((x - advance / 2.0) / em * width, (y - em * 0.38) / em * height);
                Point {
                    x: at.x + x * cosine + y * sine,
                    y: at.y + x * sine - y * cosine,
                }
            },
        };
        if self.face.outline_glyph(glyph, &mut outline).is_none() && !letter.is_whitespace() {
            return Err(StampError::Glyph(letter));
        }
        self.canvas.fill(&outline.path);
        Ok(())
    }
}

/// Collects a glyph's outline where it will stand.
struct Outline<'a> {
    path: Path,
    place: &'a dyn Fn(f64, f64) -> Point,
}

impl Outline<'_> {
    fn at(&self, x: f32, y: f32) -> Point {
        (self.place)(f64::from(x), f64::from(y))
    }
}

impl ttf_parser::OutlineBuilder for Outline<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let point = self.at(x, y);
        self.path.begin(point);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let point = self.at(x, y);
        self.path.line(point);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (control, end) = (self.at(x1, y1), self.at(x, y));
        self.path.quadratic(control, end);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (first, second, end) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic(first, second, end);
    }

    fn close(&mut self) {}
}
