//! A live lot with the servers that serve it. Must not bid.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::alarms;
use super::database::{Choice, Prepared};
use super::load::{Bidder, Wire};
use super::lot::{self, Lot};
use super::probe::family_millis;
use super::server::Server;
use crate::cli::Failure;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Engine, EngineConfig, EngineError};
use crate::machine::Time;

/// What a measurement asks for.
pub struct Layout {
    pub bidders: usize,
    pub processes: usize,
    pub log: String,
    /// Changes to the shipped configuration.
    pub change: fn(&mut Config),
    /// How many alarms are armed before the servers start, and how many milliseconds later they are due.
    pub alarms: Option<(usize, i64)>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            bidders: 1,
            processes: 1,
            log: "info".into(),
            change: |_| {},
            alarms: None,
        }
    }
}

/// A lot, its servers, and the database under them.
pub struct Hall {
    pub lot: Lot,
    pub servers: Vec<Server>,
    /// When the alarms are due, where any were armed.
    pub alarms_due: Option<Time>,
    config: Config,
    folder: PathBuf,
    database: Prepared,
}

/// What has been used and counted so far.
pub struct Counts {
    pub commits: u64,
    pub server_cpu: f64,
    pub database_cpu: f64,
}

impl Hall {
    /// Prepares a lot in a new database, starts the servers, and waits until bids are taken.
    pub async fn open(
        config: Option<&Path>,
        database: &Choice,
        folder: &Path,
        layout: &Layout,
    ) -> Result<Self, Failure> {
        let prepared = database.prepare(folder)?;
        let mut config = Config::load(config).map_err(|error| Failure(error.to_string()))?;
        config.database.url.clone_from(&prepared.url);
        config.paths.data = folder.join("data");
        config.log.level.clone_from(&layout.log);
        // One machine plays all bidders, faster than people bid.
        config.limits.commands_per_second = 1_000_000;
        config.limits.events_per_second = 1_000_000;
        config.limits.events_burst = 1_000_000;
        (layout.change)(&mut config);
        std::fs::create_dir_all(&config.paths.data)
            .map_err(|error| Failure::while_doing("make the data folder")(&error))?;
        // Alarms are armed between the preparation of the lot and the opening of its room.
        let arming = layout
            .alarms
            .map_or(0, |(count, _)| i64::try_from(count).unwrap_or(0) * 2);
        let lot = lot::prepare(&config, layout.bidders, arming).await?;
        let alarms_due = match layout.alarms {
            Some((count, after)) => Some(arm(&config, count, after).await?),
            None => None,
        };
        let mut hall = Self {
            lot,
            servers: Vec::new(),
            alarms_due,
            config,
            folder: folder.to_owned(),
            database: prepared,
        };
        hall.start(layout.processes).await?;
        hall.wait().await?;
        Ok(hall)
    }

    /// Starts servers and waits until they answer.
    pub async fn start(&mut self, processes: usize) -> Result<(), Failure> {
        for number in 0..processes {
            self.servers.push(Server::start(&self.config, &self.folder, number)?);
        }
        for server in &mut self.servers {
            server.ready().await?;
        }
        Ok(())
    }

    /// Kills the servers, as a failing machine would.
    pub fn kill(&mut self) {
        self.servers.clear();
    }

    /// The database under the servers.
    pub fn url(&self) -> &str {
        &self.database.url
    }

    /// Waits until bids are taken.
    async fn wait(&self) -> Result<(), Failure> {
        let late = Clock::system().now().millis_since(self.lot.opens);
        if late > 0 {
            return Err(Failure(format!(
                "the servers came up {late} ms after the room was to open"
            )));
        }
        let wait = u64::try_from(-late).unwrap_or(0) + 1_000;
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let failed = |error: std::io::Error| Failure(format!("failed to look at the room: {error}"));
        let server = self.servers.first().ok_or_else(|| Failure("no server runs".into()))?;
        let mut wire = Wire::connect(server.address).await.map_err(failed)?;
        let path = format!("/api/v1/instances/{}", self.lot.auction);
        for _ in 0..100 {
            let reply = wire.get(&path).await.map_err(failed)?;
            if String::from_utf8_lossy(&reply.body).contains(".timed\"") {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Failure("the room did not come to bidding".into()))
    }

    /// A bidder of the lot, connected to one of the servers.
    pub async fn bidder(&self, number: usize) -> Result<Bidder<'_>, Failure> {
        let server = self.servers.get(number % self.servers.len().max(1));
        let server = server.ok_or_else(|| Failure("no server runs".into()))?;
        let bidder = Bidder::connect(server.address, &self.lot, number).await;
        bidder.map_err(|error| Failure::while_doing("connect")(&error))
    }

    /// Kills the servers and leaves the database.
    pub fn stop(self) -> Prepared {
        drop(self.servers);
        self.database
    }

    pub async fn counts(&self) -> Result<Counts, Failure> {
        let mut commits = 0;
        for server in &self.servers {
            commits += server.counter("luochui_commits_total").await?;
        }
        Ok(Counts {
            commits,
            server_cpu: self.servers.iter().map(Server::cpu_millis).sum(),
            database_cpu: self.database.process().map_or(0.0, |id| family_millis(&id)),
        })
    }
}

/// Arms alarms in the database that `config` names, all due at the same time.
async fn arm(config: &Config, count: usize, after: i64) -> Result<Time, Failure> {
    let failed = |error: EngineError| Failure(format!("failed to arm alarms: {error}"));
    let (engine, handle) = Engine::start(&EngineConfig::new(config.database_url()), Clock::system()).map_err(failed)?;
    let due = engine.now().plus_millis(after);
    alarms::arm(&engine, (0..count).map(|_| due)).await?;
    drop(engine);
    let joined = tokio::task::spawn_blocking(move || handle.join()).await;
    joined.map_err(|error| Failure::while_doing("end the arming")(&error))?;
    Ok(due)
}
