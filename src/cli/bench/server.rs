//! Server processes to measure: `luochui serve` as it ships, started and ended here, with their processor time and counts.
//! Must not reach into a server by any other way than HTTP and what the system tells of its process.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::load::Wire;
use super::probe::process_millis;
use crate::cli::Failure;
use crate::config::Config;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// One server process. It ends when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts a process that serves `config` on a free port; its log goes into `folder`.
    pub fn start(config: &Config, folder: &Path, number: usize) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure(format!("failed to start a server: {error}"));
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.map_err(failed)?;
        let mut config = config.clone();
        config.http.listen = address.to_string();
        let text =
            serde_yaml::to_string(&config).map_err(|error| Failure::while_doing("write a configuration")(&error))?;
        let path = folder.join(format!("server-{number}.yaml"));
        std::fs::write(&path, text).map_err(failed)?;
        let log = File::create(folder.join(format!("server-{number}.log"))).map_err(failed)?;
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.arg("--config").arg(&path).arg("serve");
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(failed)?;
        Ok(Self { address, child })
    }

    /// Waits until it answers.
    pub async fn ready(&mut self) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(mut wire) = Wire::connect(self.address).await
                && wire.get("/healthz").await.is_ok_and(|reply| reply.status == 200)
            {
                return Ok(());
            }
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_some() || Instant::now() > end {
                return Err(Failure(
                    "a server did not come up; its log lies in the folder of --dir".into(),
                ));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Processor time it has used, in milliseconds.
    pub fn cpu_millis(&self) -> f64 {
        process_millis(&self.child.id().to_string())
    }

    /// The process, for the system's accounts of it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it counts under a name; 0 where it has counted nothing yet.
    pub async fn counter(&self, name: &str) -> Result<u64, Failure> {
        let failed = |error: std::io::Error| Failure(format!("failed to read a server's metrics: {error}"));
        let mut wire = Wire::connect(self.address).await.map_err(failed)?;
        let reply = wire.get("/metrics").await.map_err(failed)?;
        let text = String::from_utf8_lossy(&reply.body);
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        Ok(line.unwrap_or(0))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
