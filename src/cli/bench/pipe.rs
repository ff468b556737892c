//! `luochui bench pipe`: an engine whose client is on the other end of a pipe, so that a test can kill it at any moment
//! and compare what was acknowledged with what is stored. Must not acknowledge before the commit.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use tokio::sync::mpsc;

use super::rows::runtime;
use crate::cli::Failure;
use crate::cli::folder::read_bundle;
use crate::clock::Clock;
use crate::engine::{Engine, EngineConfig, EngineError, IdempotencyKey, Request, Submission};
use crate::machine::step::{Actor, Answer, Cause};
use crate::machine::value::Map;
use crate::machine::{Name, Value};

#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    database: String,
    /// Folder of the bundle to publish.
    #[arg(long)]
    bundle: PathBuf,
}

/// One line of input: `open KEY BUNDLE`, or `send KEY INSTANCE EVENT NUMBER`.
enum Line {
    Open {
        key: String,
        bundle: Name,
    },
    Send {
        key: String,
        instance: Name,
        event: Name,
        number: i64,
    },
}

/// Reads lines until the input ends. Each is answered by `ok KEY INSTANCE SEQ` or `no KEY REASON`, in any order.
pub fn run(options: &Options) -> Result<(), Failure> {
    let runtime = runtime(2)?;
    let files = read_bundle(&options.bundle, &options.bundle.join("templates"))?;
    runtime.block_on(async {
        let failed = |error: EngineError| Failure(format!("failed to start the engine: {error}"));
        let config = EngineConfig::new(&options.database);
        let (engine, handle) = Engine::start(&config, Clock::system()).map_err(failed)?;
        let published = engine.library().publish(files, "pipe").await;
        published.map_err(|error| Failure(format!("failed to publish the bundle: {error}")))?;
        say("ready");
        let mut lines = read_lines();
        while let Some(line) = lines.recv().await {
            let engine = engine.clone();
            tokio::spawn(async move { say(&answer(&engine, &line).await) });
        }
        drop(engine);
        handle.join();
        Ok(())
    })
}

/// Standard input is read by a thread of its own: reading it blocks.
fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn answer(engine: &Engine, text: &str) -> String {
    let Some(line) = parse(text) else {
        return format!("no ? {text}");
    };
    let (key, request) = match line {
        Line::Open { key, bundle } => {
            let machine = None;
            let data = Map::new();
            (key, Request::Open { bundle, machine, data })
        }
        Line::Send {
            key,
            instance,
            event,
            number,
        } => {
            let payload = Map::from([("number".into(), Value::Int(number))]);
            let cause = Cause::event(event, payload);
            (key, Request::Offer { instance, cause })
        }
    };
    let submission = Submission {
        actor: Actor {
            account: "pipe".into(),
            member: true,
            ..Actor::default()
        },
        key: Some(IdempotencyKey {
            key: key.clone(),
            body_sha256: text.to_owned(),
        }),
        ingress: engine.now(),
        request,
    };
    match engine.submit(submission).await {
        Ok(receipt) if matches!(receipt.answer, Answer::Taken { .. }) => {
            format!("ok {key} {} {}", receipt.instance, receipt.seq)
        }
        Ok(receipt) => format!("no {key} {:?}", receipt.answer),
        Err(error) => format!("no {key} {error}"),
    }
}

fn parse(text: &str) -> Option<Line> {
    let mut words = text.split(' ');
    match words.next()? {
        "open" => Some(Line::Open {
            key: words.next()?.to_owned(),
            bundle: words.next()?.into(),
        }),
        "send" => Some(Line::Send {
            key: words.next()?.to_owned(),
            instance: words.next()?.into(),
            event: words.next()?.into(),
            number: words.next()?.parse().ok()?,
        }),
        _ => None,
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that went away ends this process by the end of its input.
    let _gone = writeln!(out, "{line}").and_then(|()| out.flush());
}
