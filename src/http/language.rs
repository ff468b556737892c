//! Which language a problem is told in. Must not hold texts.

/// The languages problems are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Chinese,
    English,
}

impl Language {
    /// The first language of an Accept-Language header that is known, by weight; Chinese where none is.
    #[must_use]
    pub fn negotiate(header: &str) -> Self {
        let mut best = (0u32, Self::Chinese);
        for part in header.split(',').take(16) {
            let mut pieces = part.trim().split(';');
            let language = match pieces.next().map(|tag| tag.trim().to_ascii_lowercase()) {
                Some(tag) if tag == "zh" || tag.starts_with("zh-") => Self::Chinese,
                Some(tag) if tag == "en" || tag.starts_with("en-") => Self::English,
                _ => continue,
            };
            let weight = pieces
                .find_map(|piece| piece.trim().strip_prefix("q="))
                .map_or(1_000, thousandths);
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }
}

/// A weight such as `0.8` in thousandths; 0 where it is none.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    let whole: u32 = whole.parse().unwrap_or(0);
    whole.min(1) * 1_000 + if whole >= 1 { 0 } else { padded.parse().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_chosen_by_weight() {
        assert_eq!(Language::negotiate(""), Language::Chinese);
        assert_eq!(Language::negotiate("fr"), Language::Chinese);
        assert_eq!(Language::negotiate("en-GB"), Language::English);
        assert_eq!(Language::negotiate("zh-CN,en;q=0.9"), Language::Chinese);
        assert_eq!(Language::negotiate("zh;q=0.3, en;q=0.35"), Language::English);
        assert_eq!(Language::negotiate("en;q=0"), Language::Chinese);
    }
}
