//! A seal's picture as pixels, and as the two image objects a PDF draws it with. Must not draw anything of its own.

use lopdf::{Dictionary, Object, ObjectId, Stream};

use super::PdfError;

/// The largest side of a picture in pixels; a seal of 50 mm at 600 dpi has 1,181.
const LARGEST: u32 = 2_048;

/// Pixels, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// Three bytes a pixel.
    pub colours: Vec<u8>,
    /// One byte a pixel: 0 lets the page show through.
    pub alpha: Vec<u8>,
}

impl Picture {
    /// Decodes a PNG.
    ///
    /// # Errors
    /// Anything else, a damaged one, one with too many pixels.
    pub fn decode(png: &[u8]) -> Result<Self, PdfError> {
        let broken = |error: png::DecodingError| PdfError::Picture(error.to_string());
        let limits = png::Limits {
            bytes: 4 * LARGEST as usize * LARGEST as usize + 65_536,
        };
        let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(png), limits);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(broken)?;
        let (width, height) = (reader.info().width, reader.info().height);
        if width == 0 || height == 0 || width > LARGEST || height > LARGEST {
            return Err(PdfError::Picture(format!("{width} by {height} pixels")));
        }
        let size = reader.output_buffer_size();
        let size = size.ok_or_else(|| PdfError::Picture("too many pixels".into()))?;
        let mut buffer = vec![0; size];
        let frame = reader.next_frame(&mut buffer).map_err(broken)?;
        let samples = frame.color_type.samples();
        let mut picture = Self {
            width,
            height,
            colours: Vec::with_capacity(width as usize * height as usize * 3),
            alpha: Vec::with_capacity(width as usize * height as usize),
        };
        for pixel in buffer.chunks_exact(samples).take(width as usize * height as usize) {
            match *pixel {
                [grey] => picture.push([grey; 3], 255),
                [grey, alpha] => picture.push([grey; 3], alpha),
                [red, green, blue] => picture.push([red, green, blue], 255),
                [red, green, blue, alpha] => picture.push([red, green, blue], alpha),
                _ => return Err(PdfError::Picture("an unknown kind of pixel".into())),
            }
        }
        Ok(picture)
    }

    fn push(&mut self, colour: [u8; 3], alpha: u8) {
        self.colours.extend(colour);
        self.alpha.push(alpha);
    }

    /// The image and its soft mask; `mask` is the number the mask will have.
    pub fn objects(&self, mask: ObjectId) -> Result<(Stream, Stream), PdfError> {
        let mut image = self.image("DeviceRGB");
        image.set("SMask", Object::Reference(mask));
        let compressed = |dictionary, samples: &[u8]| {
            let mut stream = Stream::new(dictionary, samples.to_vec());
            stream.compress().map_err(PdfError::from)?;
            Ok::<_, PdfError>(stream)
        };
        let mask = compressed(self.image("DeviceGray"), &self.alpha)?;
        Ok((compressed(image, &self.colours)?, mask))
    }

    fn image(&self, space: &str) -> Dictionary {
        let mut image = Dictionary::new();
        image.set("Type", Object::Name(b"XObject".to_vec()));
        image.set("Subtype", Object::Name(b"Image".to_vec()));
        image.set("Width", Object::Integer(self.width.into()));
        image.set("Height", Object::Integer(self.height.into()));
        image.set("ColorSpace", Object::Name(space.into()));
        image.set("BitsPerComponent", Object::Integer(8));
        image
    }

    /// Whether these two objects draw exactly this picture; reads no more than it has pixels.
    pub fn is_drawn_by(&self, image: &Stream, mask: &Stream) -> bool {
        let same = |stream: &Stream, space: &str, samples: &[u8]| {
            let wanted = self.image(space);
            let mut said = stream.dict.clone();
            let filter = said.remove(b"Filter");
            let known = filter.is_none_or(|filter| filter == Object::Name(b"FlateDecode".to_vec()));
            for key in [b"SMask".as_slice(), b"Length"] {
                said.remove(key);
            }
            known
                && said == wanted
                && stream
                    .get_plain_content_with_limit(samples.len() + 1)
                    .is_ok_and(|content| content == samples)
        };
        same(image, "DeviceRGB", &self.colours) && same(mask, "DeviceGray", &self.alpha)
    }
}
