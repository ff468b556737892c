//! `luochui bench`: what this machine and its disk can do. Must not measure anything less durable than what is served.

mod alarms;
mod bids;
mod database;
mod hall;
mod load;
mod lot;
mod overload;
mod pipe;
mod probe;
mod rows;
mod seals;
mod server;
mod timers;
mod transitions;
mod watchers;

use std::path::{Path, PathBuf};

use self::database::Choice;
use super::Failure;
use crate::config::Config;

/// What every bench of databases takes.
#[derive(clap::Args)]
pub struct Setup {
    /// One JSON line per row, as always where the output is no terminal.
    #[arg(long)]
    json: bool,
    /// sqlite, postgres (one of its own is started), or a URL; without it both, as far as they are installed.
    #[arg(long, value_delimiter = ',')]
    database: Vec<Choice>,
    /// Where databases and logs lie while they are measured; without it the temporary folder.
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// Events a second, each acknowledged only when it is durable.
    ///
    /// The work is seven events to one instance (its start and six more), each with one side effect, three timers set and cancelled;
    /// the machine stands in benches/transitions. Each row is measured on a new database; the last row of a database has all clients
    /// on one hot trade. `fdatasync_per_second` is what this disk does of 4 KiB writes with a flush each.
    Transitions(transitions::Options),
    /// Bids a second on one hot lot over HTTP, each answered only when it is decided and durable.
    ///
    /// The shipped workflow is led to a live auction with as many admitted bidders as there are clients; `luochui serve` runs in
    /// processes of its own on this machine. Only the limits of requests an account may send are lifted. Accepted and decided bids
    /// are counted apart: a bid that came second to its price is decided, recorded and refused.
    Bids(bids::Options),
    /// More bids than a slowed-down writer can decide: what is still decided, what the others are told, and whether anything that
    /// was acknowledged is missing after the server is killed.
    Overload(overload::Options),
    /// How late timers fire among a hundred thousand, and how fast what became due while nothing ran is made up for, with bids
    /// going on meanwhile.
    Timers(timers::Options),
    /// How long an accepted bid takes to reach thousands who watch the room, and what memory each costs.
    Watchers(watchers::Options),
    /// Certificates, seals and sealed documents a second on one core.
    Seals(seals::Options),
    /// Take commands from standard input and acknowledge them on standard output: for tests that kill the process.
    #[command(hide = true)]
    Pipe(pipe::Options),
}

pub fn run(config: Option<&Path>, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Bids(options) => bids::run(config, options),
        Command::Overload(options) => overload::run(config, options),
        Command::Timers(options) => timers::run(config, options),
        Command::Watchers(options) => watchers::run(config, options),
        Command::Transitions(options) => transitions::run(options),
        Command::Seals(options) => {
            let config = Config::load(config).map_err(|error| Failure(error.to_string()))?;
            seals::run(&config, options)
        }
        Command::Pipe(options) => pipe::run(options),
    }
}
