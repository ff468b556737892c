//! Tells the other processes of one PostgreSQL which instances published, and hears it from them, on a connection of its own.
//! Must not carry what was published: that is in the store, and whoever missed a notice finds it there.
//!
//! The notice is sent right after the commit and not within it: PostgreSQL holds one lock for the whole server from the
//! notice to the end of its transaction, so that the commits of all writers would wait for each other's disk.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, watch};

use super::common::Common;
use super::hub::News;
use super::random;
use crate::machine::Name;
use crate::store::connection::{Target, Use};
use crate::store::notices::{notice_tell, notices_heard, notices_listen};
use crate::store::{Connection, StoreError};

/// How long a notice may lie before it is looked at: hearing is one read of a socket, without a round trip.
const LOOK: Duration = Duration::from_millis(5);

/// Instances named in one notice, which may have 7,999 bytes.
const NAMED: usize = 100;

/// An idle connection is asked now and then whether it still stands.
const ALIVE: Duration = Duration::from_secs(15);

/// Before a lost connection is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until the engine stops.
pub(super) fn run(common: &Common, target: &Target, stop: &watch::Receiver<bool>) {
    let Ok(own) = random::fresh() else {
        tracing::error!("no randomness: other processes are heard by looking into the store alone");
        return;
    };
    let mut news = common.hub.news();
    while !*stop.borrow() {
        if let Err(error) = talk(common, target, stop, &own, &mut news) {
            tracing::warn!(%error, "notices of other processes cannot be heard");
            std::thread::sleep(PAUSE);
        }
    }
}

/// Tells and hears until the engine stops or the connection is lost.
fn talk(
    common: &Common,
    target: &Target,
    stop: &watch::Receiver<bool>,
    own: &str,
    news: &mut broadcast::Receiver<std::sync::Arc<News>>,
) -> Result<(), StoreError> {
    let mut conn = target.open(Use::Read)?;
    notices_listen(&mut conn)?;
    let mut last = Instant::now();
    while !*stop.borrow() {
        std::thread::sleep(LOOK);
        if tell(&mut conn, own, &published(news))? {
            last = Instant::now();
        }
        hear(common, own, &notices_heard(&mut conn)?);
        if last.elapsed() > ALIVE {
            notice_tell(&mut conn, own)?;
            last = Instant::now();
        }
    }
    Ok(())
}

/// The instances for which this process has committed something since it was asked last.
fn published(news: &mut broadcast::Receiver<std::sync::Arc<News>>) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    loop {
        match news.try_recv() {
            Ok(heard) => {
                if let News::Here(rows) = &*heard {
                    named.extend(rows.iter().map(|row| row.instance.clone()));
                }
            }
            // What was missed the others find by looking themselves.
            Err(broadcast::error::TryRecvError::Lagged(_)) => {}
            Err(_) => return named,
        }
    }
}

/// True where something was told.
fn tell(conn: &mut Connection, own: &str, named: &BTreeSet<String>) -> Result<bool, StoreError> {
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    for some in named.chunks(NAMED) {
        notice_tell(conn, &format!("{own} {}", some.join(" ")))?;
    }
    Ok(!named.is_empty())
}

fn hear(common: &Common, own: &str, notices: &[String]) {
    let mut named = BTreeSet::new();
    for notice in notices {
        let mut words = notice.split(' ');
        if words.next() != Some(own) {
            named.extend(words.map(Name::from));
        }
    }
    if !named.is_empty() {
        common.hub.publish(News::Elsewhere(named.into_iter().collect()));
    }
}
