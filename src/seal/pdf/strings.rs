//! Strings in PDF syntax, literal and hexadecimal. Must not take an unfinished one.

use lopdf::{Object, StringFormat};

use super::syntax::{Cursor, Fault, nibble};

impl Cursor<'_> {
    pub(super) fn hexadecimal(&mut self) -> Result<Object, Fault> {
        self.expect(b"<", "not a string")?;
        let rest = self.rest();
        let length = rest.iter().position(|byte| *byte == b'>');
        let digits = length.and_then(|length| rest.get(..length));
        let digits = digits.ok_or_else(|| self.fault("a string does not end"))?;
        let bytes = decode_hex(digits).ok_or_else(|| self.fault("a string is not hexadecimal"))?;
        self.skip(digits.len() + 1);
        Ok(Object::String(bytes, StringFormat::Hexadecimal))
    }

    pub(super) fn literal(&mut self) -> Result<Object, Fault> {
        self.expect(b"(", "not a string")?;
        let (mut text, mut open) = (Vec::new(), 1_u32);
        loop {
            let byte = self.peek().ok_or_else(|| self.fault("a string does not end"))?;
            self.skip(1);
            match byte {
                b'(' => open += 1,
                b')' => open -= 1,
                b'\\' => {
                    text.extend(self.escaped()?);
                    continue;
                }
                _ => {}
            }
            if open == 0 {
                return Ok(Object::String(text, StringFormat::Literal));
            }
            text.push(byte);
        }
    }

    fn escaped(&mut self) -> Result<Option<u8>, Fault> {
        let byte = self.peek().ok_or_else(|| self.fault("a string does not end"))?;
        self.skip(1);
        Ok(Some(match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else { break };
                    value = value * 8 + u32::from(digit - b'0');
                    self.skip(1);
                }
                u8::try_from(value).map_err(|_| self.fault("a string is escaped wrongly"))?
            }
            b'\n' => return Ok(None),
            byte => byte,
        }))
    }
}

fn decode_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| Some(nibble(*pair.first()?)? << 4 | nibble(*pair.last()?)?))
        .collect()
}
