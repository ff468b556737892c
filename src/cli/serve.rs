//! `luochui serve`: the server in the foreground until it is told to stop. Must not assemble anything itself.

use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use super::assemble::assemble;
use crate::clock::Clock;
use crate::config::{ANNOTATED, Config};
use crate::telemetry;

#[derive(clap::Args)]
pub struct Options {
    /// Address to listen at, instead of the configured one.
    #[arg(long)]
    listen: Option<String>,
    /// Print the annotated configuration and end.
    #[arg(long)]
    example_config: bool,
}

pub fn run(config: Option<&Path>, options: &Options) -> Result<(), Failure> {
    if options.example_config {
        print!("{ANNOTATED}");
        return Ok(());
    }
    let mut config = Config::load(config).map_err(|error| Failure(error.to_string()))?;
    if let Some(listen) = &options.listen {
        config.http.listen.clone_from(listen);
    }
    telemetry::start_logging(&config.log).map_err(|error| Failure(error.to_string()))?;
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| Failure(format!("failed to start the runtime: {error}")))?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Failure> {
    // Installed first: a signal that comes while the server starts must not be lost.
    let failed = |error: std::io::Error| Failure(format!("failed to watch for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let running = assemble(config, Clock::system()).await?;
    tracing::info!(address = %running.address, "serving");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    running.stop().await;
    tracing::info!("stopped");
    Ok(())
}
