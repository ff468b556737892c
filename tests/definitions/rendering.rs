//! How faults are shown, how a bundle is identified, how a machine is drawn.

use luochui::machine::definition::diagram::{Format, draw};
use luochui::machine::definition::{check, compile, digest};

use super::good;

fn rendered(change: (&str, &str)) -> String {
    let mut files = good();
    let text = files["course.yaml"].replace(change.0, change.1);
    assert_ne!(text, files["course.yaml"]);
    files.insert("course.yaml".into(), text.clone());
    let checked = check(&files);
    let shown: Vec<String> = checked
        .diagnostics
        .iter()
        .map(|fault| fault.render(Some(&text)))
        .collect();
    shown.join("\n")
}

#[test]
fn a_fault_is_shown_with_its_line_and_a_hint() {
    let shown = rendered(("{guard: enough, target: work}", "{guard: enough, target: wrok}"));
    assert_eq!(
        shown,
        "course.yaml:42:37: error[unknown_target]: there is no state `wrok` to be seen from `open`
   |
42 |           - {guard: enough, target: wrok}
   |                                     ^^^^
  = hint: did you mean `work`?"
    );
}

#[test]
fn the_caret_stands_under_wide_characters() {
    let shown = rendered((
        "labels: [公开, 邀请], default: open",
        "labels: [公开, 邀请], default: opne",
    ));
    let caret = shown.lines().nth(3).unwrap();
    let line = shown.lines().nth(2).unwrap();
    // Each Chinese character is two columns wide.
    let before: usize = line
        .split("opne")
        .next()
        .unwrap()
        .chars()
        .map(|c| if c.is_ascii() { 1 } else { 2 })
        .sum();
    assert_eq!(caret.find('^').unwrap(), before);
    assert!(shown.contains("error[unknown_option]"), "{shown}");
}

#[test]
fn faults_in_several_files_are_told_together() {
    let mut files = good();
    for name in ["bundle.yaml", "course.yaml", "part.yaml"] {
        let text = files[name].replacen("title:", "tilte:", 1);
        files.insert(name.into(), text);
    }
    let faults = compile(&files).unwrap_err();
    let of_key: Vec<&str> = faults
        .iter()
        .filter(|fault| fault.code == "unknown_key")
        .map(|fault| fault.file.as_str())
        .collect();
    assert_eq!(of_key, ["bundle.yaml", "course.yaml", "part.yaml"]);
}

#[test]
fn the_digest_covers_every_file_and_its_name() {
    let files = good();
    let first = digest(&files);
    assert_eq!(compile(&files).unwrap().reference.sha256.as_ref(), first);
    for name in files.keys() {
        let mut changed = files.clone();
        changed.insert(name.clone(), format!("{} ", files[name]));
        assert_ne!(digest(&changed), first, "{name}");
        let mut moved = files.clone();
        let text = moved.remove(name).unwrap();
        moved.insert(format!("{name}x"), text);
        assert_ne!(digest(&moved), first, "{name}");
    }
}

#[test]
fn a_machine_is_drawn_with_all_its_states() {
    let bundle = compile(&good()).unwrap();
    let course = &bundle.machines["course"];
    let mermaid = draw(course, Format::Mermaid);
    assert!(mermaid.starts_with("stateDiagram-v2\n"));
    let dot = draw(course, Format::Dot);
    for state in course.states.iter().skip(1) {
        assert!(mermaid.contains(&format!("\"{} ({})\" as s{}", state.title, state.name, state.index)));
        assert!(dot.contains(&format!("{} ({})", state.title, state.name)));
    }
    assert!(mermaid.contains(" : timer.closes [enough]"), "{mermaid}");
    assert!(mermaid.contains("--\n"));
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
}
