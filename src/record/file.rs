//! A record as a file of JSON lines: what it is of, its lines as they are hashed, then the checkpoints. Must not verify.

use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;

/// A line after the record's own: one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointLine {
    pub checkpoint: Checkpoint,
}

/// Writes a record.
pub fn write<'a>(lines: impl Iterator<Item = &'a str>, checkpoints: &[Checkpoint]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    for checkpoint in checkpoints {
        let line = CheckpointLine {
            checkpoint: checkpoint.clone(),
        };
        // Texts and numbers can always be written as JSON.
        text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    text
}
