//! Databases to measure on: a new SQLite file, a PostgreSQL of its own with its durable defaults, or one that is given.
//! Must not switch off durability.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::Failure;
use crate::store::connection::{Target, Use};

/// Where a row is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Sqlite,
    /// A cluster in a temporary folder, started for the measurement.
    Postgres,
    /// A database that exists; what is measured stays in it.
    Url(String),
}

impl std::str::FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            url if url.contains(':') => Ok(Self::Url(url.to_owned())),
            _ => Err("give sqlite, postgres, or a URL".into()),
        }
    }
}

impl Choice {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Url(url) if url.starts_with("postgres") => "postgres",
            Self::Url(_) => "sqlite",
        }
    }

    /// Makes the database ready in `folder`.
    pub fn prepare(&self, folder: &Path) -> Result<Prepared, Failure> {
        match self {
            Self::Sqlite => Ok(Prepared {
                url: format!("sqlite:{}", folder.join("bench.db").display()),
                cluster: None,
            }),
            Self::Postgres => {
                let cluster = Cluster::start(folder)?;
                Ok(Prepared {
                    url: cluster.url(),
                    cluster: Some(cluster),
                })
            }
            Self::Url(url) => Ok(Prepared {
                url: url.clone(),
                cluster: None,
            }),
        }
    }
}

/// The databases asked for; without any all that are installed.
pub fn installed(asked: &[Choice]) -> Vec<Choice> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    match postgres_binaries() {
        Some(_) => vec![Choice::Sqlite, Choice::Postgres],
        None => {
            eprintln!("PostgreSQL is not installed, so only SQLite is measured");
            vec![Choice::Sqlite]
        }
    }
}

/// A database to measure on. What was started for it stops when this is dropped.
pub struct Prepared {
    pub url: String,
    cluster: Option<Cluster>,
}

impl Prepared {
    /// The process whose children are the database's; `None` for one that was not started here.
    pub fn process(&self) -> Option<String> {
        let text = std::fs::read_to_string(&self.cluster.as_ref()?.process).ok()?;
        text.lines().next().map(str::to_owned)
    }
}

struct Cluster {
    port: u16,
    server: Child,
    /// Where PostgreSQL writes its process's number.
    process: PathBuf,
}

/// The newest PostgreSQL of Debian's packages.
pub fn postgres_binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    folders.filter(|bin| bin.join("initdb").is_file()).max()
}

impl Cluster {
    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs until its standard input ends, so that it also ends where this process is killed.
    fn start(folder: &Path) -> Result<Self, Failure> {
        let binaries = postgres_binaries().ok_or_else(|| Failure("PostgreSQL is not installed".into()))?;
        let failed = |error: std::io::Error| Failure(format!("failed to start PostgreSQL: {error}"));
        let free = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(failed)?;
        let script = format!(
            "trap '' INT TERM; cd '{folder}' && {bin}/initdb -D cluster -U postgres -A trust -E UTF8 --locale=C >initdb.log 2>&1 || exit 1
             {bin}/postgres -D cluster -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= >postgres.log 2>&1 &
             server=$!; cat >/dev/null; kill -INT $server; wait $server",
            folder = folder.display(),
            bin = binaries.display(),
            port = free.port(),
        );
        let server = as_postgres(folder, &script)
            .map_err(failed)?
            .stdin(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let cluster = Self {
            port: free.port(),
            server,
            process: folder.join("cluster/postmaster.pid"),
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        let target = Target::Postgres(cluster.url());
        while let Err(error) = target.open(Use::Read) {
            if Instant::now() > deadline {
                return Err(Failure(format!("PostgreSQL did not start: {error}")));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(cluster)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Closing its input is the signal to end; what follows only waits for it.
        if let Some(mut input) = self.server.stdin.take() {
            let _closed = input.flush();
        }
        let _ended = self.server.wait();
    }
}

/// PostgreSQL refuses to run as root: then it runs as the user that its package made.
fn as_postgres(folder: &Path, script: &str) -> std::io::Result<Command> {
    let id = Command::new("id").arg("-u").output()?;
    if id.stdout != b"0\n" {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        return Ok(command);
    }
    Command::new("chown").arg("postgres").arg(folder).status()?;
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=postgres",
        "--regid=postgres",
        "--init-groups",
        "sh",
        "-c",
        script,
    ]);
    Ok(command)
}
