//! The bytes of the events of a live stream. Must not decide who gets them: everybody gets the same.

use actix_web::web::Bytes;
use serde::Serialize;

use crate::machine::Time;
use crate::store::published_rows::PublishedRow;

/// How long a browser waits before it connects again, in milliseconds. Short: the number it saw last costs us little.
const RETRY_MILLIS: u32 = 2_000;

/// Why a stream ends although nothing is wrong with what it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The watcher read so slowly that what it had not read yet is not kept any more.
    Slow,
    /// The server stops.
    Stopping,
    /// What is missing could not be read.
    Failed,
}

/// What was published, with its number as the event's id.
#[must_use]
pub fn published(row: &PublishedRow) -> Bytes {
    let (number, at, data) = (row.number, row.at, &row.data);
    let text = format!("id: {number}\nevent: published\ndata: {{\"number\":{number},\"at\":{at},\"data\":{data}}}\n\n");
    Bytes::from(text)
}

/// Where the instance stands, for a watcher that saw nothing of it before.
#[must_use]
pub fn snapshot(number: i64, body: &impl Serialize) -> Bytes {
    // Strings and numbers: they cannot fail to be written.
    let body = serde_json::to_string(body).unwrap_or_default();
    Bytes::from(format!(
        "retry: {RETRY_MILLIS}\n\nid: {number}\nevent: snapshot\ndata: {body}\n\n"
    ))
}

/// The first bytes for a watcher that goes on where it was.
#[must_use]
pub fn resumed(now: Time) -> Bytes {
    let time = time_text(now);
    Bytes::from(format!("retry: {RETRY_MILLIS}\n\n{time}"))
}

/// Shows that the stream lives, and the server's time.
#[must_use]
pub fn time(now: Time) -> Bytes {
    Bytes::from(time_text(now))
}

/// The last event of a stream that the server ends.
#[must_use]
pub fn ended(why: Ending, last: i64) -> Bytes {
    let (event, reason) = match why {
        Ending::Slow => ("dropped", "slow"),
        Ending::Stopping => ("closing", "stopping"),
        Ending::Failed => ("closing", "failed"),
    };
    Bytes::from(format!(
        "event: {event}\ndata: {{\"reason\":\"{reason}\",\"last\":{last}}}\n\n"
    ))
}

fn time_text(now: Time) -> String {
    format!("event: time\ndata: {{\"now\":{}}}\n\n", now.0)
}
