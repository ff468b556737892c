//! Whatever stands in a file: the compiler answers with a bundle or with faults that have a place, and never panics.

use std::collections::BTreeMap;

use luochui::machine::definition::check;

use super::good;

/// How many mutants are tried: a tenth of the long run.
fn rounds() -> usize {
    if std::env::var_os("LUOCHUI_LONG").is_some() {
        6_000
    } else {
        600
    }
}

fn try_one(name: &str, text: String) {
    let mut files = good();
    let lines = text.lines().count().max(1);
    files.insert(name.to_owned(), text);
    let checked = check(&files);
    assert_eq!(
        checked.bundle.is_none(),
        checked.diagnostics.iter().any(|fault| fault.is_error())
    );
    for fault in checked.diagnostics.iter().filter(|fault| fault.file == name) {
        assert!(fault.line >= 1 && fault.column >= 1, "{fault}");
        assert!(
            usize::try_from(fault.line).unwrap() <= lines + 1,
            "{fault} in {lines} lines"
        );
        let rendered = fault.render(files.get(name).map(String::as_str));
        assert!(rendered.starts_with(&fault.to_string()));
    }
}

/// xorshift: the same mutants at each run, without a crate for chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

#[test]
fn a_file_cut_off_anywhere_is_answered() {
    let good = good();
    for name in ["bundle.yaml", "course.yaml"] {
        let text = &good[name];
        let step = (text.len() * 2 / rounds()).max(1);
        let cuts = (0..text.len()).step_by(step).filter(|cut| text.is_char_boundary(*cut));
        cuts.for_each(|cut| try_one(name, text[..cut].to_owned()));
    }
}

#[test]
fn a_file_with_any_mutation_is_answered() {
    const PIECES: [&str; 34] = [
        "", ":", "- ", "{", "}", "[", "]", "'", "\"", "!", "&a ", "*a", "#", "\n", "\t", "  ", "|", ">", "%", "@", ",",
        "---\n", "null", ".nan", "1e9", "data.", "event.x", "(", ")", "元", "? ", "<<: ", "\u{0}", "\u{feff}",
    ];
    let good = good();
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    for round in 0..rounds() {
        let name = ["course.yaml", "bundle.yaml", "part.yaml"][round % 3];
        let mut text: Vec<char> = good[name].chars().collect();
        for _ in 0..=chance.below(3) {
            let start = chance.below(text.len());
            let end = (start + chance.below(6)).min(text.len());
            let piece = PIECES[chance.below(PIECES.len())];
            text.splice(start..end, piece.chars());
        }
        try_one(name, text.into_iter().collect());
    }
}

#[test]
fn lines_taken_out_or_moved_are_answered() {
    let good = good();
    let mut chance = Chance(7);
    for name in ["course.yaml", "bundle.yaml"] {
        let lines: Vec<&str> = good[name].lines().collect();
        for index in 0..lines.len() {
            let mut without = lines.clone();
            let line = without.remove(index);
            try_one(name, without.join("\n"));
            without.insert(chance.below(without.len()), line);
            try_one(name, without.join("\n"));
        }
    }
}

#[test]
fn hostile_expressions_are_answered() {
    let hostile = [
        "(".repeat(1_900),
        "!".repeat(1_900),
        "-".repeat(1_900),
        "[".repeat(900),
        format!("data.rounds{}", " - 1".repeat(490)),
        format!("1{}", " ? 1 : 1".repeat(200)),
        "data.rounds.".repeat(160),
        "a".repeat(1_999),
        "\"".into(),
        "'\\u{110000}'".into(),
        "data.rounds[".into(),
        "\u{1F600} + 1".into(),
        "data.name.map(x, data.name.map(y, x))".into(),
    ];
    let base = good();
    let machine = base["course.yaml"].replace("event.amount <= data.price", "MARK");
    for expression in hostile {
        let quoted = format!("'{}'", expression.replace('\'', "''"));
        try_one("course.yaml", machine.replace("MARK", &quoted));
    }
}

#[test]
fn a_bundle_of_nothing_is_refused() {
    let nothing = BTreeMap::new();
    assert_eq!(check(&nothing).diagnostics[0].code, "missing_file");
    let mut large = good();
    large.insert("course.yaml".into(), "#".repeat(1024 * 1024 + 1));
    assert_eq!(check(&large).diagnostics[0].code, "file_too_large");
}

/// The codes of a course made of `states`, which begins with `s0`.
fn codes(states: &str) -> Vec<&'static str> {
    let head = "machine: course\ntitle: 大\nevents:\n  go: {title: 前进, from: [clerk]}\n";
    let mut files = good();
    files.insert("course.yaml".into(), format!("{head}initial: s0\nstates:\n{states}"));
    let checked = check(&files);
    let errors = checked.diagnostics.iter().filter(|fault| fault.is_error());
    // The part is started by the course of the good bundle, not by this one.
    errors.map(|fault| fault.code).collect()
}

#[test]
fn the_limits_hold_and_what_stays_below_them_compiles() {
    let row = |count: usize| {
        let states = (0..count).map(|i| format!("  s{i}: {{title: 状态, on: {{go: s{}}}}}\n", i + 1));
        states.collect::<String>() + &format!("  s{count}: {{title: 结束, type: final}}\n")
    };
    assert_eq!(codes(&row(2_000)), Vec::<&str>::new());
    assert_eq!(codes(&row(10_002)), ["too_many_states"]);
    let nested = |depth: usize| {
        let mut text = String::new();
        for level in 0..depth {
            let indent = "  ".repeat(level * 2 + 1);
            text += &format!("{indent}s{level}:\n{indent}  title: 层\n{indent}  on: {{go: end}}\n");
            if level + 1 < depth {
                text += &format!("{indent}  initial: s{}\n{indent}  states:\n", level + 1);
            }
        }
        text + "  end: {title: 结束, type: final}\n"
    };
    assert_eq!(codes(&nested(32)), Vec::<&str>::new());
    assert!(codes(&nested(33)).contains(&"too_deep"));
}
