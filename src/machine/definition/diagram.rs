//! Draws a machine as text for Mermaid or Graphviz. Must not lay anything out.

use std::fmt::Write as _;

use super::model::{Machine, State, StateKind, Transition, Trigger};

/// The language of the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Mermaid,
    Dot,
}

/// Draws one machine.
pub fn draw(machine: &Machine, format: Format) -> String {
    let mut out = String::new();
    match format {
        Format::Mermaid => mermaid(machine, &mut out),
        Format::Dot => dot(machine, &mut out),
    }
    out
}

fn mermaid(machine: &Machine, out: &mut String) {
    let _ = writeln!(out, "stateDiagram-v2\n    %% {} {}", machine.name, machine.title);
    mermaid_children(machine, 0, 1, out);
    for state in &machine.states {
        for (target, label) in edges(machine, state) {
            let _ = writeln!(out, "    s{} --> s{target} : {label}", state.index);
        }
    }
}

fn mermaid_children(machine: &Machine, parent: usize, depth: usize, out: &mut String) {
    let Some(state) = machine.states.get(parent) else {
        return;
    };
    let indent = "    ".repeat(depth);
    for (position, child) in state.children.iter().enumerate() {
        if position > 0 && matches!(state.kind, StateKind::Parallel) {
            let _ = writeln!(out, "{indent}--");
        }
        mermaid_state(machine, *child, depth, out);
    }
    if let StateKind::Compound { initial, .. } = &state.kind {
        for target in initial {
            let _ = writeln!(out, "{indent}[*] --> s{target}");
        }
    }
}

fn mermaid_state(machine: &Machine, index: usize, depth: usize, out: &mut String) {
    let Some(state) = machine.states.get(index) else { return };
    let indent = "    ".repeat(depth);
    let _ = writeln!(out, "{indent}state \"{}\" as s{index}", label_of(state));
    if !state.children.is_empty() {
        let _ = writeln!(out, "{indent}state s{index} {{");
        mermaid_children(machine, index, depth + 1, out);
        let _ = writeln!(out, "{indent}}}");
    }
    if matches!(state.kind, StateKind::Final) {
        let _ = writeln!(out, "{indent}s{index} --> [*]");
    }
}

fn dot(machine: &Machine, out: &mut String) {
    let _ = writeln!(
        out,
        "digraph {} {{\n    label=\"{}\"; compound=true; fontname=\"sans-serif\";\n    node [shape=box, style=rounded, fontname=\"sans-serif\"];\n    edge [fontname=\"sans-serif\", fontsize=10];",
        machine.name,
        plain(&machine.title)
    );
    dot_children(machine, 0, 1, out);
    for state in &machine.states {
        for (target, label) in edges(machine, state) {
            let _ = writeln!(
                out,
                "    s{} -> s{} [label=\"{label}\"{}{}];",
                anchor(machine, state.index),
                anchor(machine, target),
                cluster("ltail", machine, state.index),
                cluster("lhead", machine, target)
            );
        }
    }
    out.push_str("}\n");
}

fn dot_children(machine: &Machine, parent: usize, depth: usize, out: &mut String) {
    let Some(state) = machine.states.get(parent) else {
        return;
    };
    let indent = "    ".repeat(depth);
    for index in &state.children {
        let Some(child) = machine.states.get(*index) else {
            continue;
        };
        if child.children.is_empty() {
            let shape = if matches!(child.kind, StateKind::Final) {
                ", peripheries=2"
            } else {
                ""
            };
            let _ = writeln!(out, "{indent}s{index} [label=\"{}\"{shape}];", label_of(child));
        } else {
            let style = if matches!(child.kind, StateKind::Parallel) {
                "dashed"
            } else {
                "rounded"
            };
            let _ = writeln!(
                out,
                "{indent}subgraph cluster_s{index} {{\n{indent}    label=\"{}\"; style={style};",
                label_of(child)
            );
            dot_children(machine, *index, depth + 1, out);
            let _ = writeln!(out, "{indent}}}");
        }
    }
}

/// Graphviz draws edges between nodes only: a state with states within is met at its first leaf.
fn anchor(machine: &Machine, index: usize) -> usize {
    let mut current = index;
    while let Some(first) = machine.states.get(current).and_then(|state| state.children.first()) {
        current = *first;
    }
    current
}

fn cluster(key: &str, machine: &Machine, index: usize) -> String {
    match machine.states.get(index) {
        Some(state) if index > 0 && !state.children.is_empty() => format!(", {key}=cluster_s{index}"),
        _ => String::new(),
    }
}

/// Where a state's transitions lead, with what takes them; several to one target by the same trigger are drawn once.
fn edges(machine: &Machine, state: &State) -> Vec<(usize, String)> {
    let mut edges: Vec<(usize, String)> = Vec::new();
    for transition in &state.transitions {
        for target in &transition.targets {
            let edge = (*target, edge_label(machine, transition));
            if !edges.contains(&edge) {
                edges.push(edge);
            }
        }
    }
    edges
}

fn edge_label(machine: &Machine, transition: &Transition) -> String {
    let trigger = match &transition.trigger {
        Trigger::Event(event) => match machine.events.get(event) {
            Some(declared) => declared.title.clone(),
            None => event.to_string(),
        },
        Trigger::Prefix(prefix) => format!("{prefix}.*"),
        Trigger::Any => "*".into(),
        Trigger::Always => "→".into(),
    };
    match &transition.guard {
        Some(guard) => plain(&format!("{trigger} [{}]", guard.source)),
        None => plain(&trigger),
    }
}

fn label_of(state: &State) -> String {
    if state.title == *state.name {
        plain(&state.name)
    } else {
        plain(&format!("{} ({})", state.title, state.name))
    }
}

/// Without what either format would read as its own.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => '\'',
            ';' | '\n' | '\r' | '\\' => ' ',
            ':' => '：',
            '{' => '(',
            '}' => ')',
            '#' => '＃',
            other => other,
        })
        .collect()
}
