//! What scenario files say: people, parties, data to begin with, shared steps, scenarios. Must not play them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reading::{Fault, Place, Spot};
use crate::machine::definition::diagnostic::Sink;
use crate::machine::definition::locate::{self, Content, Node};

/// Shared steps may use each other, but not without end.
const MAX_DEPTH: usize = 20;

/// One scenario with everything it needs, shared steps unfolded.
#[derive(Debug)]
pub struct Scenario {
    pub name: String,
    pub title: String,
    pub place: Place,
    pub cast: Arc<Cast>,
    /// Data of the root machine: the file's, with the scenario's laid over it.
    pub data: Vec<Datum>,
    pub steps: Vec<Step>,
}

/// Who acts, and what is known of money accounts.
#[derive(Debug, Default)]
pub struct Cast {
    /// Short name to person.
    pub people: BTreeMap<String, Person>,
    pub parties: Vec<String>,
    /// Ledger accounts outside the trade: only these may fall below zero.
    pub outside: Vec<String>,
    /// Ledger accounts that are empty once the root has ended.
    pub settled: Vec<String>,
}

/// Somebody who holds the posts (or is the service) behind the bundle's roles.
#[derive(Debug)]
pub struct Person {
    pub name: String,
    pub roles: Vec<String>,
}

/// A field of the root machine with what the file says of it.
#[derive(Clone, Debug)]
pub struct Datum {
    pub field: String,
    file: Arc<str>,
    node: Node,
}

impl Datum {
    /// The node with its file.
    pub fn spot(&self) -> Spot<'_> {
        Spot {
            file: &self.file,
            node: &self.node,
        }
    }
}

/// One step: a map with the kind of step first.
#[derive(Clone, Debug)]
pub struct Step {
    pub file: Arc<str>,
    pub node: Node,
    /// Where the shared steps it came from were used, innermost first.
    pub used_at: Vec<Place>,
}

impl Step {
    /// The node with its file.
    pub fn spot(&self) -> Spot<'_> {
        Spot {
            file: &self.file,
            node: &self.node,
        }
    }
}

/// One file as read, before includes are followed.
struct File {
    name: Arc<str>,
    root: Node,
}

/// Reads all files and unfolds their scenarios.
pub fn read(files: &BTreeMap<String, String>) -> Result<Vec<Scenario>, Vec<Fault>> {
    let mut parsed = BTreeMap::new();
    let mut faults = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".test.yaml")) {
        match parse(path, text) {
            Ok(file) => {
                parsed.insert(path.clone(), file);
            }
            Err(found) => faults.extend(found),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut scenarios = Vec::new();
    for file in parsed.values() {
        match of_file(file, &parsed) {
            Ok(found) => scenarios.extend(found),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(scenarios) } else { Err(faults) }
}

fn parse(path: &str, text: &str) -> Result<File, Vec<Fault>> {
    let mut found = Vec::new();
    let root = locate::parse(
        text,
        &mut Sink {
            file: path,
            found: &mut found,
        },
    );
    match root {
        Some(root) if found.is_empty() => Ok(File {
            name: path.into(),
            root,
        }),
        _ => Err(found
            .into_iter()
            .map(|diagnostic| {
                let line = diagnostic.line;
                Place {
                    file: path.into(),
                    line,
                }
                .fault(diagnostic.message)
            })
            .collect()),
    }
}

/// What scenarios of a file may lean on, its includes first.
#[derive(Default)]
struct Common {
    cast: Cast,
    data: Vec<Datum>,
    shared: BTreeMap<String, (Arc<str>, Node)>,
}

const FILE_KEYS: [&str; 8] = [
    "tests",
    "include",
    "people",
    "parties",
    "ledger",
    "data",
    "shared",
    "scenarios",
];

fn of_file(file: &File, all: &BTreeMap<String, File>) -> Result<Vec<Scenario>, Fault> {
    let root = Spot {
        file: &file.name,
        node: &file.root,
    };
    let Some(list) = root.get("scenarios") else {
        root.only(&FILE_KEYS)?;
        return Ok(Vec::new());
    };
    let mut common = Common::default();
    gather(file, all, &mut common, 0)?;
    let Common { cast, data, shared } = common;
    let cast = Arc::new(cast);
    list.items()?
        .iter()
        .map(|spot| {
            spot.only(&["name", "title", "data", "steps"])?;
            let own = spot
                .get("data")
                .map(|own| fields(&own))
                .transpose()?
                .unwrap_or_default();
            let mut steps = Vec::new();
            unfold(&spot.need("steps")?, &BTreeMap::new(), &shared, &[], &mut steps)?;
            Ok(Scenario {
                name: spot.need("name")?.text()?,
                title: spot
                    .get("title")
                    .map(|title| title.text())
                    .transpose()?
                    .unwrap_or_default(),
                place: spot.place(),
                cast: cast.clone(),
                data: laid_over(&data, own),
                steps,
            })
        })
        .collect()
}

fn gather(file: &File, all: &BTreeMap<String, File>, common: &mut Common, depth: usize) -> Result<(), Fault> {
    let root = Spot {
        file: &file.name,
        node: &file.root,
    };
    root.only(&FILE_KEYS)?;
    if depth > MAX_DEPTH {
        return Err(root.fault("files include each other without end"));
    }
    for include in root.get("include").map(|list| list.one_or_many()).unwrap_or_default() {
        let name = include.text()?;
        let other = all
            .iter()
            .find(|(path, _)| **path == name || path.ends_with(&format!("/{name}")))
            .ok_or_else(|| include.fault(format!("there is no file `{name}`")))?;
        gather(other.1, all, common, depth + 1)?;
    }
    if let Some(people) = root.get("people") {
        for (short, spot) in people.entries()? {
            common.cast.people.insert(short.clone(), person(short, &spot)?);
        }
    }
    for party in root
        .get("parties")
        .map(|list| list.items())
        .transpose()?
        .unwrap_or_default()
    {
        common.cast.parties.push(party.text()?);
    }
    if let Some(ledger) = root.get("ledger") {
        ledger.only(&["outside", "settled"])?;
        common.cast.outside.extend(words(&ledger, "outside")?);
        common.cast.settled.extend(words(&ledger, "settled")?);
    }
    if let Some(data) = root.get("data") {
        common.data = laid_over(&common.data, fields(&data)?);
    }
    if let Some(shared) = root.get("shared") {
        for (name, steps) in shared.entries()? {
            common.shared.insert(name, (file.name.clone(), steps.node.clone()));
        }
    }
    Ok(())
}

fn person(short: String, spot: &Spot<'_>) -> Result<Person, Fault> {
    if !spot.is_map() {
        return Ok(Person {
            name: spot.text()?,
            roles: vec![short],
        });
    }
    spot.only(&["name", "roles"])?;
    Ok(Person {
        name: spot.need("name")?.text()?,
        roles: words(spot, "roles")?,
    })
}

fn words(spot: &Spot<'_>, key: &str) -> Result<Vec<String>, Fault> {
    spot.get(key)
        .map(|list| list.one_or_many().iter().map(Spot::text).collect())
        .unwrap_or(Ok(Vec::new()))
}

fn fields(spot: &Spot<'_>) -> Result<Vec<Datum>, Fault> {
    let entries = spot.entries()?.into_iter();
    Ok(entries
        .map(|(field, value)| Datum {
            field,
            file: value.file.clone(),
            node: value.node.clone(),
        })
        .collect())
}

fn laid_over(below: &[Datum], above: Vec<Datum>) -> Vec<Datum> {
    let mut all: Vec<Datum> = below
        .iter()
        .filter(|datum| !above.iter().any(|over| over.field == datum.field))
        .cloned()
        .collect();
    all.extend(above);
    all
}

/// Writes out shared steps with the caller's words for their `$names`.
fn unfold(
    list: &Spot<'_>,
    words: &BTreeMap<String, Content>,
    shared: &BTreeMap<String, (Arc<str>, Node)>,
    used_at: &[Place],
    steps: &mut Vec<Step>,
) -> Result<(), Fault> {
    if used_at.len() > MAX_DEPTH {
        return Err(list.fault("shared steps use each other without end"));
    }
    for item in list.items()? {
        let node = replaced(item.node, words);
        let spot = Spot {
            file: item.file,
            node: &node,
        };
        let Some(name) = spot.get("use") else {
            steps.push(Step {
                file: item.file.clone(),
                node,
                used_at: used_at.to_vec(),
            });
            continue;
        };
        let name = name.text()?;
        let (file, body) = shared
            .get(&name)
            .ok_or_else(|| spot.fault(format!("there are no shared steps `{name}`")))?;
        let mut given = BTreeMap::new();
        for (key, value) in spot.entries()? {
            if key != "use" {
                given.insert(format!("${key}"), value.node.content.clone());
            }
        }
        let mut places = vec![spot.place()];
        places.extend_from_slice(used_at);
        unfold(&Spot { file, node: body }, &given, shared, &places, steps)?;
    }
    Ok(())
}

/// The node with each `$name` that stands alone, as key or value, replaced by the caller's word.
fn replaced(node: &Node, words: &BTreeMap<String, Content>) -> Node {
    let mut copy = node.clone();
    copy.content = match &node.content {
        Content::Text(text) => words.get(text).unwrap_or(&node.content).clone(),
        Content::List(items) => Content::List(items.iter().map(|item| replaced(item, words)).collect()),
        Content::Map(entries) => Content::Map(
            entries
                .iter()
                .map(|(key, value)| (replaced(key, words), replaced(value, words)))
                .collect(),
        ),
        other => other.clone(),
    };
    copy
}
