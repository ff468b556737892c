//! What an effect does once it is committed: documents, mail, webhooks. Must not decide about a trade.
//!
//! Each performer holds only the ports it needs. All are repeatable: the outbox may ask for the same work twice.

mod answer;
pub mod calendar_invite;
pub mod context;
pub mod documents;
pub mod files;
pub mod format;
pub mod helpers;
pub mod mail;
pub mod mails;
pub mod platform;
pub mod qr;
pub mod recorded;
pub mod rendering;
mod trades;
pub mod typeset;
pub mod values;
pub mod webhooks;

use std::sync::Arc;

use serde_json::Value as Json;

use crate::config::Config;
use crate::engine::Engine;
use crate::machine::Bundle;
use crate::machine::step::Effect;
use crate::machine::trade::BundleRef;
use crate::store::outbox_payload::Asked;
use crate::store::outbox_rows::OutboxRow;

/// Why work was not done, and whether trying again can help.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    /// Another attempt may succeed: a network, a busy server.
    #[error("{0}")]
    Passing(String),
    /// It will fail the same way until a person does something.
    #[error("{0}")]
    Lasting(String),
}

impl PerformError {
    pub fn passing(error: impl std::fmt::Display) -> Self {
        Self::Passing(error.to_string())
    }

    pub fn lasting(error: impl std::fmt::Display) -> Self {
        Self::Lasting(error.to_string())
    }
}

/// One row of the outbox, read.
#[derive(Clone, Debug)]
pub struct Work {
    /// The outbox row's id: the key under which the outside may recognise a repetition.
    pub id: String,
    pub trade: String,
    pub instance: String,
    /// The trade as it stood when the effect was decided.
    pub snapshot: Json,
}

impl Work {
    /// The definitions that the snapshot was taken under.
    ///
    /// # Errors
    /// They are not published here (any more).
    pub fn bundle(&self, engine: &Engine) -> Result<Arc<Bundle>, PerformError> {
        let part = |name: &str| self.snapshot["bundle"][name].as_str().unwrap_or_default().into();
        let reference = BundleRef {
            name: part("name"),
            version: part("version"),
            sha256: part("sha256"),
        };
        engine.library().by_reference(&reference).map_err(PerformError::from)
    }
}

/// All performers of a process.
#[derive(Clone)]
pub struct Performers {
    pub engine: Engine,
    pub documents: documents::Documents,
    pub mails: mails::Mails,
    pub webhooks: webhooks::Webhooks,
}

impl Performers {
    /// Builds all performers from the configuration.
    ///
    /// # Errors
    /// A folder that cannot be made, a sender that is no mailbox, an SMTP server name that is none.
    pub fn new(engine: &Engine, config: &Config) -> Result<Self, PerformError> {
        let renderings = rendering::Renderings::default();
        let files = files::Files::open(config.files_folder()).map_err(PerformError::lasting)?;
        let typesetter = typeset::Typesetter::new(config.paths.fonts.iter().cloned());
        let post = match config.mail.smtp.host.as_str() {
            "" => mail::Post::folder(&config.mail.from, config.mail_folder())?,
            _ => mail::Post::smtp(&config.mail.from, &config.mail.smtp)?,
        };
        let settings = mails::Settings {
            public_url: config.public_url(),
            token_millis: i64::from(config.mail.token_hours) * 3_600_000,
        };
        Ok(Self {
            engine: engine.clone(),
            documents: documents::Documents::new(
                engine.clone(),
                typesetter,
                renderings.clone(),
                files,
                config.public_url(),
            ),
            mails: mails::Mails::new(engine.clone(), renderings, post, settings),
            webhooks: webhooks::Webhooks::new(config.webhooks.clone(), engine.clock().clone()),
        })
    }

    /// Does what a row asks for.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn perform(&self, row: &OutboxRow) -> Result<(), PerformError> {
        let payload = row.asks().map_err(PerformError::lasting)?;
        let work = Work {
            id: row.id.clone(),
            trade: row.trade.clone(),
            instance: row.instance.clone(),
            snapshot: payload.snapshot,
        };
        let effect = match payload.asked {
            Asked::Digest(digest) => return self.mails.digest(&work, &digest).await,
            Asked::Checkpoint(checkpoint) => return self.mails.checkpoint(&work, &checkpoint).await,
            Asked::Effect(effect) => effect,
        };
        match effect {
            Effect::Document { name, revision, at, .. } => {
                let asked = documents::Asked { name, revision, at };
                self.documents.perform(&work, &asked).await
            }
            Effect::Mail { roles, mail, at, .. } => self.mails.to_roles(&work, &roles, &mail, at).await,
            Effect::TodoMail { todo, mail, at, .. } => self.mails.about_todo(&work, &todo, &mail, at).await,
            Effect::Webhook { hook, data, at, .. } => self.webhooks.perform(&work, &hook, &data, at).await,
            Effect::NewTrade { data, .. } => trades::open(&self.engine, &work, data).await,
            other => Err(PerformError::lasting(format!("nobody performs {other:?}"))),
        }
    }
}
