//! The numbers by which China names organisations and persons: checked by form, date and check digit.
//! Must not look anything up: a well-formed number need not have been issued.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The characters of GB 32100-2015: digits and capitals without I, O, Z, S and V.
const CODE_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Powers of 3 modulo 31 (GB 32100-2015, 4.2.4).
const CODE_WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
/// Powers of 2 modulo 11, last digit first (GB 11643-1999, 4.2.4, after ISO 7064 MOD 11-2).
const NUMBER_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const NUMBER_CHECKS: &[u8; 11] = b"10X98765432";

/// Whose number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 公民身份号码 (GB 11643)
    Person,
    /// 统一社会信用代码 (GB 32100)
    Organisation,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Person, Self::Organisation];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organisation => "organisation",
        }
    }

    /// Reads what is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Checks a number of this kind.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(self, code: &str) -> Result<(), Malformed> {
        match self {
            Self::Person => check_person_number(code),
            Self::Organisation => check_organisation_code(code),
        }
    }
}

/// Why a number is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("must be 18 characters")]
    Length,
    #[error("holds a character that such numbers do not have")]
    Character,
    #[error("names a date that does not exist")]
    Date,
    #[error("the check character does not fit")]
    Check,
}

/// Checks a 统一社会信用代码 after GB 32100-2015: alphabet, region of six digits, check character.
///
/// # Errors
/// The first fault found.
pub fn check_organisation_code(code: &str) -> Result<(), Malformed> {
    let bytes: &[u8; 18] = code.as_bytes().try_into().map_err(|_| Malformed::Length)?;
    let mut values = [0u32; 18];
    for (value, byte) in values.iter_mut().zip(bytes) {
        *value = position(CODE_ALPHABET, *byte).ok_or(Malformed::Character)?;
    }
    // Positions 3 to 8 are an administrative region, which has digits only.
    if !bytes.iter().skip(2).take(6).all(u8::is_ascii_digit) {
        return Err(Malformed::Character);
    }
    let sum: u32 = values
        .iter()
        .zip(CODE_WEIGHTS)
        .map(|(value, weight)| value * weight)
        .sum();
    let check = (31 - sum % 31) % 31;
    if values.last() == Some(&check) {
        Ok(())
    } else {
        Err(Malformed::Check)
    }
}

/// Checks a 公民身份号码 after GB 11643-1999: seventeen digits, a real date of birth, check character.
///
/// # Errors
/// The first fault found.
pub fn check_person_number(number: &str) -> Result<(), Malformed> {
    let bytes: &[u8; 18] = number.as_bytes().try_into().map_err(|_| Malformed::Length)?;
    let (body, last) = bytes.split_at(17);
    if !body.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::Character);
    }
    let digits = |from: usize, count: usize| {
        body.iter()
            .skip(from)
            .take(count)
            .fold(0u32, |number, byte| number * 10 + u32::from(byte - b'0'))
    };
    let year = i32::try_from(digits(6, 4)).map_err(|_| Malformed::Date)?;
    // Nobody born before 1800 has a number; a year such as 0000 is a typing error.
    if year < 1800 || NaiveDate::from_ymd_opt(year, digits(10, 2), digits(12, 2)).is_none() {
        return Err(Malformed::Date);
    }
    let sum: u32 = body
        .iter()
        .zip(NUMBER_WEIGHTS)
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    let check = NUMBER_CHECKS.get((sum % 11) as usize);
    match (check, last.first()) {
        (Some(check), Some(last)) if check == last => Ok(()),
        (_, Some(last)) if !last.is_ascii_digit() && *last != b'X' => Err(Malformed::Character),
        _ => Err(Malformed::Check),
    }
}

/// A name as it is compared with another source: full-width forms narrowed, spaces and brackets' width ignored.
#[must_use]
pub fn comparable_name(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            // The dot in transliterated names is typed in many ways.
            '\u{2022}' | '\u{30fb}' | '\u{2027}' | '\u{ff65}' => '\u{b7}',
            other => other,
        })
        .flat_map(char::to_uppercase)
        .collect()
}

fn position(alphabet: &[u8], byte: u8) -> Option<u32> {
    alphabet
        .iter()
        .position(|known| *known == byte)
        .and_then(|index| u32::try_from(index).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_pass() {
        assert_eq!(check_organisation_code("91110000600037341L"), Ok(()));
        assert_eq!(check_person_number("360426199101010071"), Ok(()));
        assert_eq!(check_person_number("433101199001011234"), Ok(()));
    }

    #[test]
    fn every_single_wrong_character_is_noticed() {
        let code = "91110000600037341L";
        for (at, _) in code.char_indices() {
            for other in CODE_ALPHABET.iter().map(|byte| char::from(*byte)) {
                let wrong: String = code
                    .char_indices()
                    .map(|(index, c)| if index == at { other } else { c })
                    .collect();
                assert_eq!(check_organisation_code(&wrong).is_ok(), wrong == code, "{wrong}");
            }
        }
        let number = "360426199101010071";
        for (at, _) in number.char_indices() {
            for other in "0123456789X".chars() {
                let wrong: String = number
                    .char_indices()
                    .map(|(index, c)| if index == at { other } else { c })
                    .collect();
                assert_eq!(check_person_number(&wrong).is_ok(), wrong == number, "{wrong}");
            }
        }
    }

    #[test]
    fn each_fault_has_its_own_word() {
        assert_eq!(check_organisation_code("9111000060003734"), Err(Malformed::Length));
        assert_eq!(check_organisation_code("91110000600037341I"), Err(Malformed::Character));
        assert_eq!(check_organisation_code("911100006000373410"), Err(Malformed::Check));
        assert_eq!(check_organisation_code("９１110000600037"), Err(Malformed::Character));
        assert_eq!(check_person_number("360426199102300071"), Err(Malformed::Date));
        assert_eq!(check_person_number("360426000001010071"), Err(Malformed::Date));
        assert_eq!(check_person_number("36042619910101007x"), Err(Malformed::Character));
        assert_eq!(check_person_number("3604261991010100711"), Err(Malformed::Length));
    }

    #[test]
    fn names_are_compared_without_width_and_spaces() {
        assert_eq!(
            comparable_name("湖南（湘西） 有限公司"),
            comparable_name("湖南(湘西)有限公司")
        );
        assert_eq!(comparable_name("阿卜杜拉•买买提"), comparable_name("阿卜杜拉·买买提"));
        assert_ne!(comparable_name("张三"), comparable_name("张三丰"));
    }
}
