//! Writes down what the server commits while a play runs. Must not influence it.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::narrator::Narrator;
use crate::engine::{Committed, Engine};
use crate::machine::step::{Act, Cause};

/// What was counted on the way.
#[derive(Clone, Copy, Default)]
pub struct Counted {
    /// To-dos that somebody completed.
    pub todos: usize,
}

/// A listener to the committed history of all trades.
pub struct Transcript {
    task: JoinHandle<()>,
    end: oneshot::Sender<()>,
    counted: Arc<Mutex<Counted>>,
}

impl Transcript {
    pub fn begin(runtime: &Runtime, engine: &Engine, narrator: Arc<Narrator>) -> Self {
        let counted = Arc::new(Mutex::new(Counted::default()));
        let (end, mut ended) = oneshot::channel();
        let mut committed = engine.subscribe();
        let shared = Arc::clone(&counted);
        let note = move |decision: &Committed| {
            let mut counted = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            write_down(decision, &narrator, &mut counted);
        };
        let task = runtime.spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    decision = committed.recv() => match decision {
                        Ok(decision) => note(&decision),
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return,
                    },
                    _ = &mut ended => return,
                }
            }
        });
        Self { task, end, counted }
    }

    /// Ends after what is committed already has been written down.
    pub fn end(self, runtime: &Runtime) -> Counted {
        let _ended_already = self.end.send(());
        let _ended = runtime.block_on(self.task);
        *self.counted.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn write_down(decision: &Committed, narrator: &Narrator, counted: &mut Counted) {
    for entry in &decision.entries {
        let cause = entry.private.as_ref().map(|private| &private.input.cause);
        let completed = matches!(
            cause,
            Some(Cause::Todo {
                act: Act::Complete { .. },
                ..
            })
        );
        if completed && entry.public.refusal.is_none() {
            counted.todos += 1;
        }
        for taken in &entry.public.transitions {
            narrator.json(&json!({
                "at": entry.at.in_china(),
                "seq": entry.seq,
                "event": entry.public.event,
                "machine": taken.machine,
                "instance": taken.instance,
                "transition": taken.transition,
                "from": taken.from,
                "to": taken.to,
            }));
        }
    }
}
