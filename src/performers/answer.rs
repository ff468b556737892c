//! How an effect's outcome goes back into the trade: as an offered cause, once per outbox row. Must not judge the answer.

use super::{PerformError, Work};
use crate::engine::{Engine, EngineError, IdempotencyKey, Request, Submission};
use crate::machine::step::{Actor, Answer, Cause};

/// The account under which timers and effects act.
const SYSTEM: &str = "system";

/// Offers the outcome to the instance the work came from. `digest` tells two different outcomes apart.
///
/// # Errors
/// A failing engine, or a step that failed over the outcome.
pub async fn offer(engine: &Engine, work: &Work, cause: Cause, digest: &str) -> Result<(), PerformError> {
    let request = Request::Offer {
        instance: work.instance.as_str().into(),
        cause,
    };
    submit(engine, work, request, digest).await
}

/// Submits a request that the work stands for, under a key made of the outbox row's id: doing it again changes nothing.
///
/// # Errors
/// A failing engine, or a step that failed over the request.
pub async fn submit(engine: &Engine, work: &Work, request: Request, digest: &str) -> Result<(), PerformError> {
    let submission = Submission {
        actor: Actor {
            account: SYSTEM.into(),
            ..Actor::default()
        },
        key: Some(IdempotencyKey {
            key: format!("outbox/{}", work.id),
            body_sha256: digest.to_owned(),
        }),
        ingress: engine.now(),
        request,
    };
    match engine.submit(submission).await {
        // A refusal is the trade's good right: it has moved on, and the outcome is of no use to it any more.
        Ok(receipt) => match receipt.answer {
            Answer::Failed(fault) => Err(PerformError::lasting(format!("{}: {}", fault.place, fault.text))),
            Answer::Taken { .. } | Answer::Repeated | Answer::Refused(_) => Ok(()),
        },
        Err(error) => Err(error.into()),
    }
}

impl From<EngineError> for PerformError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NotFound | EngineError::UnknownBundle(_) | EngineError::KeyReused | EngineError::Step(_) => {
                Self::lasting(error)
            }
            EngineError::Overloaded { .. }
            | EngineError::Stopping
            | EngineError::Signing(_)
            | EngineError::Panicked(_)
            | EngineError::Thread(_)
            | EngineError::Store(_) => Self::passing(error),
        }
    }
}
