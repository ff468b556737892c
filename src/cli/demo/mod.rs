//! `luochui demo`: the real server on an accelerated clock, played through its REST API. A client of the API, so here the words of
//! the trade are allowed. Must not reach the server by any other way than HTTP, but for its clock.

mod bank;
pub(super) mod cast;
mod check;
mod narrator;
mod play;
mod player;
mod practice;
mod programme;
pub(super) mod sample;
mod scripts;
mod sealing;
mod stage;
mod transcript;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use self::bank::Bank;
use self::cast::{Cast, PASSWORD};
use self::check::Found;
use self::narrator::{Narrator, Reader};
use self::play::Play;
use self::player::Player;
use self::programme::{SCRIPTS, Script};
use self::stage::Stage;
use self::transcript::Transcript;
use super::Failure;
use super::assemble::{Running, assemble};
use crate::clock::Clock;
use crate::config::{Config, Environment, LogFormat};
use crate::ids;
use crate::machine::Time;

/// Monday, 31 August 2026, 09:00 in China: far enough from year's end that every deadline lies in a published calendar.
const BEGINS: Time = Time(1_788_138_000_000);

#[derive(clap::Args)]
pub struct Options {
    /// What to play: auction-one, auction-many, bidding-many, bidding-one-negotiated, bidding-late-joiner, nobody, no-bid,
    /// review-fails, winner-defaults, suspended or practice.
    #[arg(long, default_value = programme::DEFAULT)]
    scenario: String,
    /// Exit when the play is over, with failure if anything fell short; otherwise the server stays up.
    #[arg(long)]
    once: bool,
    /// Print one JSON line per committed transition and a summary as the last line, instead of the story.
    #[arg(long)]
    json: bool,
    /// Where database, documents and mails go; by default a new folder for temporary files.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Address to listen at; by default a free port of this machine alone.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
}

pub fn run(config: Option<&Path>, options: &Options) -> Result<(), Failure> {
    let script = SCRIPTS
        .iter()
        .find(|script| script.name == options.scenario)
        .ok_or_else(|| unknown(&options.scenario))?;
    let folder = folder(options)?;
    let secret = ids::secret().map_err(|error| Failure(error.to_string()))?;
    let config = configure(
        Config::load(config).map_err(|error| Failure(error.to_string()))?,
        options,
        &folder,
        &secret,
    );
    crate::telemetry::start_logging(&config.log).map_err(|error| Failure(error.to_string()))?;
    super::ca::furnish(&config, &folder.join("ca"), &cast::holders(), BEGINS)?;
    let clock = Clock::virtual_from(BEGINS, 1);
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| Failure(format!("failed to start the runtime: {error}")))?;
    let running = runtime.block_on(assemble(config, clock.clone()))?;

    let reader = if options.json { Reader::Programs } else { Reader::People };
    let narrator = Arc::new(Narrator::new(reader, clock.clone()));
    let transcript = Transcript::begin(&runtime, &running.engine, Arc::clone(&narrator));
    runtime.block_on(running.add_admin("admin", PASSWORD))?;
    let played = perform(script, (&running, runtime.handle()), clock, &narrator, &folder, &secret);
    let counted = transcript.end(&runtime);
    let outcome = report(script, played, &counted, &narrator, &folder);
    if !options.once {
        stay(&runtime, &running, &narrator, &folder);
    }
    runtime.block_on(running.stop());
    outcome
}

/// Sets the stage and plays.
fn perform(
    script: &Script,
    (running, handle): (&Running, &tokio::runtime::Handle),
    clock: Clock,
    narrator: &Arc<Narrator>,
    folder: &Path,
    secret: &str,
) -> Result<Found, Failure> {
    let base = format!("http://{}", running.address);
    narrator.plain(&format!(
        "落槌 Luochui · {} · {}\n{}",
        script.name, script.title, script.english
    ));
    narrator.plain(&format!("服务 server: {base}   结果 results: {}", folder.display()));
    narrator.chapter(
        "准备：单位、人员、竞买人注册",
        "organisations, staff, and bidders who register",
    );
    let stage = Stage {
        cast: Cast::assemble(&base, Player::new(&base, "管理员", "admin", PASSWORD))?,
        bank: Bank::new(&base, secret, clock.clone()),
        narrator: Arc::clone(narrator),
        folder: folder.into(),
        engine: running.engine.clone(),
        runtime: handle.clone(),
        clock,
    };
    let sample = sample::load(&running.workflows, script.sample, stage.clock.now())?;
    let play = Play::open(&stage, &sample)?;
    narrator.chapter("报名与保证金", "applications and deposits");
    (script.play)(&play)?;
    check::check(&play, &script.expected, &running.mail_folder)
}

/// Prints how it ended, and fails where anything fell short.
fn report(
    script: &Script,
    played: Result<Found, Failure>,
    counted: &transcript::Counted,
    narrator: &Narrator,
    folder: &Path,
) -> Result<(), Failure> {
    let (found, broken) = match played {
        Ok(found) => (found, None),
        Err(failure) => (Found::default(), Some(failure.to_string())),
    };
    let faults: Vec<_> = found.faults.iter().cloned().chain(broken).collect();
    narrator.chapter("结束", "the end");
    narrator.plain(&format!(
        "挂牌 listing: {}   竞价 auction: {}   文书 documents: {}   邮件 mails: {}   待办 to-dos: {}   有效报价 bids: {}",
        found.listing,
        found.auction.as_deref().unwrap_or("–"),
        found.documents,
        found.mails,
        counted.todos,
        found.bids
    ));
    narrator.plain(&format!("PDF、邮件和数据库 in {}", folder.display()));
    narrator.json(&json!({
        "scenario": script.name,
        "ok": faults.is_empty(),
        "final": {"listing": found.listing, "auction": found.auction},
        "documents": found.documents,
        "mails": found.mails,
        "todos": counted.todos,
        "bids": found.bids,
        "dir": folder,
    }));
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Failure(format!(
            "{} fell short:\n  {}",
            script.name,
            faults.join("\n  ")
        ))),
    }
}

/// Leaves the server up, its clock at a real pace, until it is interrupted.
fn stay(runtime: &tokio::runtime::Runtime, running: &Running, narrator: &Narrator, folder: &Path) {
    narrator.chapter("服务继续运行，Ctrl-C 结束", "the server stays up; Ctrl-C ends it");
    narrator.plain(&format!(
        "API: http://{}/api/docs/   PDF: {}   邮件 mails: {}",
        running.address,
        folder.join("documents").display(),
        running.mail_folder.display()
    ));
    narrator.plain(&format!(
        "账号 accounts: {}; 口令 password: {PASSWORD}",
        cast::accounts().join(", ")
    ));
    // Without a signal handler the default action ends the process, which is what was asked for.
    let _signal = runtime.block_on(tokio::signal::ctrl_c());
}

fn unknown(name: &str) -> Failure {
    let names: Vec<_> = SCRIPTS.iter().map(|script| script.name).collect();
    Failure(format!("there is no scenario {name}; there are {}", names.join(", ")))
}

fn folder(options: &Options) -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| Failure(format!("failed to make a folder for the results: {error}"));
    match &options.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(failed)?;
            if dir.join("luochui.db").exists() {
                return Err(Failure(format!(
                    "{} holds an earlier demo: give another folder or remove it",
                    dir.display()
                )));
            }
            std::path::absolute(dir).map_err(failed)
        }
        None => Ok(tempfile::Builder::new()
            .prefix("luochui-demo-")
            .tempdir()
            .map_err(failed)?
            .keep()),
    }
}

/// The demo keeps everything in its folder, and logs only what is wrong unless told otherwise.
fn configure(mut config: Config, options: &Options, folder: &Path, secret: &str) -> Config {
    config.paths.data = folder.into();
    config.paths.files = PathBuf::new();
    config.database.url = String::new();
    config.mail.folder = PathBuf::new();
    config.mail.smtp.host = String::new();
    config.http.listen.clone_from(&options.listen);
    config.http.public_url = String::new();
    config.hooks.insert("bank".into(), secret.into());
    // Test certificates and seals, whose keys lie at the server: 测试签章 无法律效力.
    config.environment = Environment::Development;
    config.certificates.trust = folder.join("ca/trust");
    config.sealing.soft_token = folder.join("ca/holders");
    config.sealing.centre = cast::CENTRE.into();
    // One address plays everybody, faster than people type.
    config.limits.commands_per_second = 10_000;
    config.limits.events_per_second = 10_000;
    config.limits.events_burst = 10_000;
    config.login.attempts_per_minute = 10_000;
    if config.log == crate::config::Log::default() {
        config.log.level = "warn".into();
        config.log.format = LogFormat::Human;
    }
    config
}
