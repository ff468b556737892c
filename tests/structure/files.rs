//! What every source file must say of itself, and what none may contain. Must not look at who knows whom.

use super::sources::{Source, below};

/// Code lines are meant to be about 150 a file; above this a file holds two subjects.
const LONGEST: usize = 400;

/// Files that may be longer, each with the reason.
const MAY_BE_LONGER: &[(&str, usize, &str)] = &[(
    "src/machine/definition/locate.rs",
    430,
    "the marked parse of a file, event by event",
)];

/// Words of the trade. It is data: only the demo, a client of the API, and the friendly route may say them.
const TRADE_WORDS: &[&str] = &[
    "listing",
    "listings",
    "auction",
    "auctions",
    "bid",
    "bids",
    "bidder",
    "bidders",
    "bidding",
    "deposit",
    "deposits",
    "applicant",
    "applicants",
    "transferor",
    "transferee",
    "竞买",
    "竞价",
    "拍卖",
    "保证金",
    "挂牌",
];

/// Where one of these words may stand, and why.
const MAY_SAY: &[(&str, &str)] = &[
    ("src/cli/demo", "plays the parties of a trade through the API"),
    ("src/cli/bench", "leads the shipped sale to its auction and bids in it"),
    (
        "src/http/",
        "the public list is called /listings for the people who read it",
    ),
];

#[test]
fn every_file_says_what_it_owns() {
    let silent: Vec<_> = all()
        .into_iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|s| s.path)
        .collect();
    assert!(silent.is_empty(), "without `//!` on the first line: {silent:#?}");
}

#[test]
fn no_file_is_too_long() {
    let mut long = Vec::new();
    for source in below("src") {
        let limit = MAY_BE_LONGER
            .iter()
            .find(|(path, _, _)| *path == source.path)
            .map_or(LONGEST, |found| found.1);
        let lines = source.text.lines().count();
        if lines > limit {
            long.push(format!("{}: {lines} lines, {limit} allowed", source.path));
        }
    }
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn exceptions_are_needed() {
    let sources = below("src");
    let longer = |path: &str| {
        let mut sources = sources.iter();
        sources.any(|source| source.path == path && source.text.lines().count() > LONGEST)
    };
    let says = |path: &str| {
        let mut sources = sources.iter().filter(|source| source.path.starts_with(path));
        sources.any(|source| source.code.lines().any(|line| trade_word(line).is_some()))
    };
    let mut idle: Vec<_> = MAY_BE_LONGER.iter().map(|found| found.0).collect();
    idle.retain(|path| !longer(path));
    idle.extend(MAY_SAY.iter().map(|found| found.0).filter(|path| !says(path)));
    assert!(idle.is_empty(), "exceptions that nothing needs: {idle:#?}");
}

#[test]
fn nothing_is_left_undone() {
    // Spelled apart, so that this file does not find itself.
    let marks = ["TO", "FIX", "X", "un"]
        .iter()
        .zip(["DO", "ME", "XX", "implemented!"])
        .map(|(a, b)| format!("{a}{b}"));
    let marks: Vec<_> = marks.collect();
    let mut found = Vec::new();
    for source in all() {
        for (number, line) in source.text.lines().enumerate() {
            let words: Vec<_> = line
                .split(|c: char| !c.is_alphanumeric() && !matches!(c, '!' | '_'))
                .collect();
            if marks.iter().any(|mark| words.contains(&mark.as_str())) {
                found.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_wall_clock_is_read_in_one_place() {
    let readers: Vec<_> = below("src")
        .into_iter()
        .filter(|source| {
            ["SystemTime::now", "Utc::now", "Local::now"]
                .iter()
                .any(|read| source.code.contains(read))
        })
        .map(|source| source.path)
        .collect();
    assert_eq!(readers, ["src/clock.rs"]);
}

#[test]
fn lints_are_waived_with_a_reason() {
    let mut bare = Vec::new();
    for source in below("src") {
        if source.code.contains("[allow(") {
            bare.push(format!(
                "{}: allow, where expect would tell when it is no longer needed",
                source.path
            ));
        }
        for (at, _) in source.code.match_indices("[expect(") {
            let attribute = source.code[at..].split(']').next().unwrap_or_default();
            if !attribute.contains("reason = ") {
                bare.push(format!("{}: {attribute}]", source.path));
            }
        }
    }
    assert!(bare.is_empty(), "\n{}", bare.join("\n"));
}

#[test]
fn types_have_plain_names() {
    const VAGUE: &[&str] = &["Manager", "Helper", "Util", "Utils", "Info", "Processor"];
    let mut vague = Vec::new();
    for source in below("src") {
        let words: Vec<_> = source.code.split_whitespace().collect();
        for pair in words
            .windows(2)
            .filter(|pair| matches!(pair[0], "struct" | "enum" | "trait"))
        {
            let name: String = pair[1].chars().take_while(|c| c.is_alphanumeric()).collect();
            if VAGUE.iter().any(|word| name.ends_with(word)) {
                vague.push(format!("{}: {name}", source.path));
            }
        }
    }
    assert!(vague.is_empty(), "\n{}", vague.join("\n"));
}

#[test]
fn rust_does_not_know_the_trade() {
    let mut said = Vec::new();
    for source in below("src") {
        if MAY_SAY.iter().any(|(path, _)| source.path.starts_with(path)) {
            continue;
        }
        for (number, line) in source.code.lines().enumerate() {
            if let Some(word) = trade_word(line) {
                said.push(format!(
                    "{}: about line {}: {word}: {}",
                    source.path,
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(said.is_empty(), "\n{}", said.join("\n"));
}

/// The first word of the trade in a line of code.
fn trade_word(line: &str) -> Option<&'static str> {
    let words = words(line);
    let said = |word: &&&str| match word.is_ascii() {
        true => words.iter().any(|w| w == **word),
        false => line.contains(**word),
    };
    TRADE_WORDS.iter().find(said).copied()
}

/// The words of a line in lower case; `BidPlaced` and `bid_placed` are two words each.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for character in line.chars() {
        if !character.is_ascii_alphanumeric() || (character.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        lower_before = character.is_lowercase();
        if character.is_ascii_alphanumeric() {
            words.last_mut().unwrap().push(character.to_ascii_lowercase());
        }
    }
    words
}

fn all() -> Vec<Source> {
    below("src").into_iter().chain(below("tests")).collect()
}

#[test]
fn words_are_split_as_people_read_them() {
    assert!(words("BidPlaced").contains(&"bid".into()));
    assert!(words("min_bid_step").contains(&"bid".into()));
    assert!(!words("forbidden").contains(&"bid".into()));
}
