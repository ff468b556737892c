//! Trades that hold one deadline each, in any number. Must not fire them.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::cli::Failure;
use crate::engine::{Engine, EngineError, Request, Submission};
use crate::machine::step::{Actor, Answer};
use crate::machine::value::Map;
use crate::machine::{Name, Time};

/// How many are opened at the same time: a batch of the writer's.
const AT_ONCE: usize = 256;

/// Opens a trade for each due time.
pub async fn arm(engine: &Engine, dues: impl Iterator<Item = Time>) -> Result<(), Failure> {
    let failed = |error: EngineError| Failure(format!("failed to arm a timer: {error}"));
    let published = engine.library().publish(files(), "bench").await;
    published.map_err(|error| Failure(format!("failed to publish the alarms: {error}")))?;
    let mut opened = stream::iter(dues.map(|due| open(engine, due))).buffer_unordered(AT_ONCE);
    while let Some(outcome) = opened.next().await {
        match outcome.map_err(failed)? {
            Answer::Taken { .. } => {}
            other => return Err(Failure(format!("an alarm was refused: {other:?}"))),
        }
    }
    Ok(())
}

async fn open(engine: &Engine, due: Time) -> Result<Answer, EngineError> {
    let request = Request::Open {
        bundle: "timers".into(),
        machine: None,
        data: Map::from([(Name::from("due"), due.into())]),
    };
    let submission = Submission {
        actor: Actor {
            account: "bench".into(),
            member: true,
            ..Actor::default()
        },
        key: None,
        ingress: engine.now(),
        request,
    };
    Ok(engine.submit(submission).await?.answer)
}

fn files() -> BTreeMap<String, String> {
    let files = [
        ("bundle.yaml", include_str!("../../../benches/timers/bundle.yaml")),
        ("alarm.yaml", include_str!("../../../benches/timers/alarm.yaml")),
    ];
    let texts = files.into_iter();
    texts.map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}
