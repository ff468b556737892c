//! Writing DER: elements, texts, times. Must not read.

use der::asn1::ObjectIdentifier;

use crate::machine::Time;

/// An element with this identifier octet and content.
#[must_use]
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let digits: Vec<_> = digits.iter().copied().skip_while(|byte| *byte == 0).collect();
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or(0));
            bytes.extend(digits);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// A SEQUENCE of elements that are already written.
#[must_use]
pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

/// A SET OF elements, in the order that DER asks for.
#[must_use]
pub fn set(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    element(0x31, &parts.concat())
}

/// `[number] EXPLICIT` around one element; numbers up to 30.
#[must_use]
pub fn explicit(number: u8, inner: &[u8]) -> Vec<u8> {
    element(0xa0 | (number & 0x1f), inner)
}

#[must_use]
pub fn oid(oid: &ObjectIdentifier) -> Vec<u8> {
    element(0x06, oid.as_bytes())
}

/// A non-negative INTEGER from its big-endian magnitude.
#[must_use]
pub fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<_> = magnitude.iter().copied().skip_while(|byte| *byte == 0).collect();
    if bytes.first().is_none_or(|first| *first >= 0x80) {
        bytes.insert(0, 0);
    }
    element(0x02, &bytes)
}

#[must_use]
pub fn integer(number: u32) -> Vec<u8> {
    unsigned(&number.to_be_bytes())
}

#[must_use]
pub fn boolean_true() -> Vec<u8> {
    element(0x01, &[0xff])
}

#[must_use]
pub fn null() -> Vec<u8> {
    element(0x05, &[])
}

#[must_use]
pub fn octets(bytes: &[u8]) -> Vec<u8> {
    element(0x04, bytes)
}

/// A BIT STRING of whole bytes.
#[must_use]
pub fn bits(bytes: &[u8]) -> Vec<u8> {
    element(0x03, &[&[0], bytes].concat())
}

#[must_use]
pub fn utf8(text: &str) -> Vec<u8> {
    element(0x0c, text.as_bytes())
}

#[must_use]
pub fn printable(text: &str) -> Vec<u8> {
    element(0x13, text.as_bytes())
}

#[must_use]
pub fn ia5(text: &str) -> Vec<u8> {
    element(0x16, text.as_bytes())
}

/// A GeneralizedTime in UTC; milliseconds are dropped.
#[must_use]
pub fn generalized(time: Time) -> Vec<u8> {
    element(0x18, format!("{}Z", digits(time, "%Y%m%d%H%M%S")).as_bytes())
}

/// The form that RFC 5280 asks for in certificates: UTCTime until 2049, GeneralizedTime after.
#[must_use]
pub fn x509_time(time: Time) -> Vec<u8> {
    /// 2050-01-01T00:00:00Z
    const FIRST_GENERALIZED: i64 = 2_524_608_000_000;
    if time.0 >= FIRST_GENERALIZED {
        return generalized(time);
    }
    element(0x17, format!("{}Z", digits(time, "%y%m%d%H%M%S")).as_bytes())
}

fn digits(time: Time, form: &str) -> String {
    chrono::DateTime::from_timestamp_millis(time.0)
        .unwrap_or_default()
        .format(form)
        .to_string()
}
