//! The command line: one file per command. Must not decide anything that another way in would have to decide again.

pub mod assemble;
mod audit;
mod audit_file;
mod backup;
mod bench;
mod ca;
mod demo;
mod desk;
pub mod folder;
mod keys;
mod migrate;
pub mod platform_key;
mod serve;
pub mod trust;
mod user;
pub mod verify;
mod workflow;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Luochui 落槌: the sale of state assets as YAML-defined state machines.
#[derive(Parser)]
#[command(name = "luochui", version)]
struct Arguments {
    /// Configuration file; every key has a default and an environment variable (`luochui serve --example-config` prints them all).
    #[arg(long, short, global = true, env = "LUOCHUI_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server in the foreground: HTTP, timers, documents, mail.
    Serve(serve::Options),
    /// Play a whole trade through the REST API on an accelerated clock, and leave the server up.
    Demo(demo::Options),
    /// Bring the database to this version's schema (`serve` does so too).
    Migrate(migrate::Options),
    /// Copy database and files consistently while the server runs.
    Backup(backup::BackupOptions),
    /// Restore a backup into an empty place and verify it.
    Restore(backup::RestoreOptions),
    /// Check, test, draw and describe workflow definitions.
    #[command(subcommand)]
    Workflow(workflow::Command),
    /// Measure what this machine and its disk can do.
    #[command(subcommand)]
    Bench(bench::Command),
    /// Verify the histories that a database holds, also while it is served; or a record or dossier, offline.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Judge a sealed PDF or OFD, or a seal, step by step and offline.
    Verify(verify::Options),
    /// Issue test certificates and test seals, which have no legal effect; not in production.
    #[command(subcommand)]
    Ca(ca::Command),
    /// List the platform's keys, draw a new one (what the former ones signed still verifies), or sign for a server under development.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Add, list and disable accounts, such as the first administrator's.
    #[command(subcommand)]
    User(user::Command),
}

/// Why a command ends without success: what is printed, and the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl Failure {
    /// Wraps any error with what was attempted.
    pub fn while_doing(what: &str) -> impl FnOnce(&dyn std::error::Error) -> Self + '_ {
        move |error| Self(format!("failed to {what}: {error}"))
    }
}

/// Parses the arguments and runs one command.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let config = arguments.config.as_deref();
    let outcome = match arguments.command {
        Command::Serve(options) => serve::run(config, &options),
        Command::Demo(options) => demo::run(config, &options),
        Command::Migrate(options) => migrate::run(config, &options),
        Command::Backup(options) => backup::backup(config, &options),
        Command::Restore(options) => backup::restore(config, &options),
        Command::Workflow(command) => workflow::run(&command),
        Command::Bench(command) => bench::run(config, &command),
        Command::Audit(command) => audit::run(config, &command),
        Command::Verify(options) => return verify::run(&options),
        Command::Ca(command) => ca::run(config, &command),
        Command::Keys(command) => keys::run(config, &command),
        Command::User(command) => user::run(config, &command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("luochui: {failure}");
            ExitCode::FAILURE
        }
    }
}
