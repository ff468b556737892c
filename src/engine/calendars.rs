//! Imports years of working-day calendars. Must not count days: the step does, when it is told that a calendar changed.

use std::sync::{Arc, PoisonError};

use super::{Engine, EngineError, Request, Submission};
use crate::machine::Name;
use crate::machine::calendar::{CalendarError, Calendars};
use crate::machine::step::{Actor, Cause};
use crate::store::calendar_rows::{CalendarRow, calendar_insert, calendars_newest};
use crate::store::timer_rows::timers_provisional;
use crate::store::{Connection, StoreError};

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub calendar: Name,
    /// The calendar's version afterwards; unchanged where nothing was new.
    pub version: u32,
    /// Trades whose deadlines were counted again.
    pub trades: usize,
}

/// Why a year was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Publishes a year of a calendar from its file's text, raises the calendar's version, and has every trade with a
    /// provisional deadline counted again. Importing what is known already changes nothing.
    ///
    /// # Errors
    /// A text that is not a calendar year, a full queue, a failing store. Importing again takes up what was left.
    pub async fn import_calendar(&self, text: &str, actor: &str) -> Result<Imported, ImportError> {
        // Read once for itself, so that a fault of the text is told as such.
        Calendars::default().publish(text)?;
        let merged = match self.merge_year(text, actor).await {
            // Another process imported a year in the same moment: what it added is known now.
            Err(EngineError::Store(StoreError::Duplicate(_))) => self.merge_year(text, actor).await?,
            merged => merged?,
        };
        let newest = self.read(calendars_newest).await?;
        {
            let known = &self.inner.common.calendars;
            *known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(newest);
        }
        Ok(Imported {
            calendar: merged.calendar,
            version: merged.version,
            trades: self.recount().await?,
        })
    }

    async fn merge_year(&self, text: &str, actor: &str) -> Result<Merged, EngineError> {
        let (text, by, at) = (text.to_owned(), actor.to_owned(), self.now().0);
        self.write("calendar", move |conn| merge(conn, &text, &by, at)).await
    }

    /// Tells every trade with a provisional deadline that a calendar may have changed.
    async fn recount(&self) -> Result<usize, EngineError> {
        let trades = self.read(timers_provisional).await?;
        for trade in &trades {
            let submission = Submission {
                actor: Actor::system(),
                key: None,
                ingress: self.now(),
                request: Request::Offer {
                    instance: trade.as_str().into(),
                    cause: Cause::Calendar,
                },
            };
            self.submit(submission).await?;
        }
        Ok(trades.len())
    }
}

struct Merged {
    calendar: Name,
    version: u32,
}

fn merge(conn: &mut Connection, text: &str, by: &str, at: i64) -> Result<Merged, StoreError> {
    let mut known = calendars_newest(conn)?;
    let versions = |known: &Calendars, name: &str| known.0.get(name).map_or(0, |calendar| calendar.version);
    let before = known.clone();
    let (calendar, version) = known
        .publish(text)
        .map_err(|error| StoreError::Corrupt(error.to_string()))?;
    if version != versions(&before, &calendar) {
        let row = CalendarRow {
            name: calendar.to_string(),
            version: i64::from(version),
            body: serde_json::to_string(&known.0.get(&calendar))?,
            imported_at: at,
            imported_by: by.to_owned(),
        };
        calendar_insert(conn, &row)?;
    }
    Ok(Merged { calendar, version })
}
