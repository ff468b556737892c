//! `luochui bench`: what this machine and its disk can do. Must not measure anything less durable than what is served.

mod database;
mod pipe;
mod probe;
mod transitions;

use std::path::Path;

use super::Failure;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Events a second, each acknowledged only when it is durable.
    ///
    /// The work is seven events to one instance (its start and six more), each with one side effect, three timers set and cancelled;
    /// the machine stands in benches/transitions. Each row is measured on a new database; the last row of a database has all clients
    /// on one hot trade. `fdatasync_per_second` is what this disk does of 4 KiB writes with a flush each.
    Transitions(transitions::Options),
    /// Take commands from standard input and acknowledge them on standard output: for tests that kill the process.
    #[command(hide = true)]
    Pipe(pipe::Options),
}

pub fn run(_config: Option<&Path>, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Transitions(options) => transitions::run(options),
        Command::Pipe(options) => pipe::run(options),
    }
}
