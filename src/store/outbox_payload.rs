//! What an outbox row carries: written and read here, so that who asks for work and who does it mean the same. Must not know how
//! it is done.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::StoreError;
use super::outbox_rows::OutboxRow;
use crate::machine::step::Effect;

/// The kind of a row with somebody's daily digest.
const DIGEST: &str = "digest";
/// The kind of a row with a checkpoint that is sent while an instance runs.
const CHECKPOINT: &str = "checkpoint";

/// What a row asks for, with all that it takes to do it again with the same outcome. Stands as `{effect, snapshot}` in its row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Payload {
    #[serde(rename = "effect")]
    pub asked: Asked,
    /// The trade as it may be printed, as it stood when the work was asked for; an empty object where the work needs none.
    pub snapshot: Json,
}

/// What a row asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Asked {
    /// A step's effect, or a mail about a to-do that is asked for like one.
    Effect(Effect),
    /// A mail of somebody's open to-dos: `{account, at, late, todos, total}`.
    Digest(Json),
    /// A mail of where a record stands: `{at, audience, lines, lot, phase, sealed, title}`.
    Checkpoint(Json),
}

impl Asked {
    /// The kind of its rows.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Effect(Effect::Document { .. }) => "document",
            Self::Effect(Effect::Mail { .. }) => "mail",
            Self::Effect(Effect::TodoMail { .. }) => "todo_mail",
            Self::Effect(Effect::Webhook { .. }) => "webhook",
            Self::Effect(Effect::NewTrade { .. }) => "new_trade",
            // These commit with their step: nobody writes such a row, and nobody would do what it asks for.
            Self::Effect(Effect::Posting { .. }) => "posting",
            Self::Effect(Effect::Published { .. }) => "published",
            Self::Effect(Effect::Recorded { .. }) => "recorded",
            Self::Effect(Effect::Incident { .. }) => "incident",
            Self::Digest(_) => DIGEST,
            Self::Checkpoint(_) => CHECKPOINT,
        }
    }
}

/// True for an effect that leaves the database through the outbox; the others commit with their step.
#[must_use]
pub fn leaves(effect: &Effect) -> bool {
    match effect {
        Effect::Document { .. }
        | Effect::Mail { .. }
        | Effect::TodoMail { .. }
        | Effect::Webhook { .. }
        | Effect::NewTrade { .. } => true,
        Effect::Posting { .. } | Effect::Published { .. } | Effect::Recorded { .. } | Effect::Incident { .. } => false,
    }
}

impl OutboxRow {
    /// What the row asks for.
    ///
    /// # Errors
    /// `Corrupt` where the payload is nothing that a row of its kind carries.
    pub fn asks(&self) -> Result<Payload, StoreError> {
        #[derive(Deserialize)]
        struct Stored {
            effect: Json,
            #[serde(default)]
            snapshot: Json,
        }
        let Stored { effect, snapshot } = serde_json::from_str(&self.payload)?;
        let asked = match self.kind.as_str() {
            DIGEST => Asked::Digest(effect),
            CHECKPOINT => Asked::Checkpoint(effect),
            _ => Asked::Effect(serde_json::from_value(effect)?),
        };
        Ok(Payload { asked, snapshot })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::machine::Time;

    #[test]
    fn what_is_written_is_read_again_under_the_kind_that_its_bytes_say() {
        let effects = [
            Effect::Document {
                instance: "i".into(),
                name: "notice".into(),
                revision: 2,
                at: Time(7),
            },
            Effect::TodoMail {
                instance: "i".into(),
                todo: "t".into(),
                mail: "todo_new".into(),
                at: Time(7),
            },
        ];
        let digest = Asked::Digest(json!({"account": "a", "at": 7}));
        let checkpoint = Asked::Checkpoint(json!({"audience": [], "at": 7}));
        for asked in effects.map(Asked::Effect).into_iter().chain([digest, checkpoint]) {
            let snapshot = json!({"self": {"id": "i"}});
            let payload = Payload { asked, snapshot };
            let row = OutboxRow::waiting("id".into(), &payload, Time(7)).unwrap();
            assert_eq!(row.asks().unwrap(), payload);
            let text: Json = serde_json::from_str(&row.payload).unwrap();
            match &payload.asked {
                Asked::Effect(_) => assert!(text["effect"][&row.kind].is_object(), "{text}"),
                Asked::Digest(inner) | Asked::Checkpoint(inner) => assert_eq!(text["effect"], *inner),
            }
        }
    }
}
