//! One PostgreSQL cluster per test run, on a free loopback port, gone when the run ends however it ends. Must not need a
//! server that somebody set up.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use luochui::store::connection::{Target, Use};
use luochui::store::migrations::migrate;

/// The migrated database that every test's own is copied from.
const TEMPLATE: &str = "luochui_template";

/// A running server with its files.
pub struct Cluster {
    port: u16,
    folder: PathBuf,
    binaries: PathBuf,
    made: AtomicUsize,
    /// Its standard input ends with this process, and with that the cluster.
    server: Child,
}

/// A database of a test's own; dropped with the value.
pub struct Database {
    pub url: String,
    name: String,
    /// Where no other test is on the same server, which this one then may break.
    own: Option<Cluster>,
}

impl Database {
    /// A migrated database, or `None`, with a message, where PostgreSQL is not installed. Under `CI` that is a failure.
    pub fn migrated() -> Option<Self> {
        Self::from_template(TEMPLATE)
    }

    /// A database without any table.
    pub fn empty() -> Option<Self> {
        Self::from_template("template0")
    }

    /// A migrated database on a server of its own, for tests that stop or restart the server.
    pub fn alone() -> Option<Self> {
        let cluster = start(&installed()?);
        Some(Self {
            url: cluster.url(TEMPLATE),
            name: TEMPLATE.into(),
            own: Some(cluster),
        })
    }

    /// The server, where it is this database's own.
    pub fn server(&self) -> &Cluster {
        self.own.as_ref().expect("the server is shared with other tests")
    }

    fn from_template(template: &str) -> Option<Self> {
        let cluster = cluster()?;
        let name = format!("test_{}", cluster.made.fetch_add(1, Ordering::Relaxed));
        execute(
            &cluster.url("postgres"),
            &format!("CREATE DATABASE {name} TEMPLATE {template}"),
        );
        Some(Self {
            url: cluster.url(&name),
            name,
            own: None,
        })
    }

    /// Waits until nobody is connected any more.
    pub fn deserted(&self) {
        let Some(cluster) = cluster() else { return };
        let mut conn = PgConnection::establish(&cluster.url("postgres")).unwrap();
        let connected = format!("SELECT 1 FROM pg_stat_activity WHERE datname = '{}'", self.name);
        let deadline = Instant::now() + Duration::from_secs(20);
        while diesel::sql_query(&connected).execute(&mut conn).unwrap() > 0 {
            assert!(Instant::now() < deadline, "somebody stays connected to {}", self.name);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A copy of this database as it stands, made by the server; nobody may be connected to this one.
    pub fn copy(&self) -> Self {
        let found = Self::from_template(&self.name);
        found.expect("there was a server a moment ago")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.own.is_some() {
            return;
        }
        if let Some(cluster) = cluster()
            && let Ok(mut conn) = PgConnection::establish(&cluster.url("postgres"))
        {
            let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
            // What is left goes with the cluster.
            let _left = diesel::sql_query(drop).execute(&mut conn);
        }
    }
}

impl Cluster {
    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Sends a signal to the postmaster and then to everything that it started.
    pub fn signal(&self, name: &str) {
        let file = self.folder.join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        let postmaster = text.lines().next().unwrap().to_owned();
        let children = Command::new("pgrep").args(["-P", &postmaster]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let all: Vec<&str> = std::iter::once(postmaster.as_str()).chain(children.lines()).collect();
        // One of them may end between the two looks.
        let _sent = Command::new("kill").arg(name).args(&all).output().unwrap();
    }

    /// Restarts the server as after a crash: nothing is flushed, everybody is thrown out, and the log is replayed.
    pub fn restart_immediately(&self) {
        let script = format!(
            "cd {} && {}/pg_ctl -D data restart -m immediate -w -l restart.log",
            self.folder.display(),
            self.binaries.display()
        );
        let status = as_postgres(&self.folder, &script).stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "the server did not start again");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The end of its input is the end of the server.
        drop(self.server.stdin.take());
        let _ended = self.server.wait();
    }
}

/// Ends a session's statements: for tests that break connections.
pub fn execute(url: &str, sql: &str) {
    let mut conn = PgConnection::establish(url).unwrap();
    diesel::sql_query(sql).execute(&mut conn).unwrap();
}

fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER
        .get_or_init(|| installed().map(|binaries| start(&binaries)))
        .as_ref()
}

/// Where PostgreSQL is installed; a message, or under `CI` a failure, where it is not.
fn installed() -> Option<PathBuf> {
    let found = binaries();
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "PostgreSQL is not installed, and CI must not skip its tests"
        );
        eprintln!("SKIPPED: no /usr/lib/postgresql/*/bin/initdb, so this test does not run on PostgreSQL");
    }
    found
}

fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    folders.filter(|bin| bin.join("initdb").is_file()).max()
}

fn start(binaries: &Path) -> Cluster {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("luochui-postgres-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let script = format!(
        "trap '' INT TERM; cd {folder}; {bin}/initdb -D data -U postgres -A trust -E UTF8 --locale=C --no-sync >initdb.log 2>&1 || exit 1
         {bin}/postgres -D data -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
            -c full_page_writes=off -c max_connections=200 -c shared_buffers=32MB >postgres.log 2>&1 &
         started=$!; cat >/dev/null; kill -QUIT $started $(head -n 1 data/postmaster.pid) 2>/dev/null; wait
         for try in $(seq 100); do [ -e data/postmaster.pid ] || break; sleep 0.05; done; cd /; rm -rf {folder}",
        folder = folder.display(),
        bin = binaries.display(),
    );
    let server = as_postgres(&folder, &script).stdin(Stdio::piped()).spawn().unwrap();
    let cluster = Cluster {
        port,
        folder: folder.clone(),
        binaries: binaries.to_owned(),
        made: AtomicUsize::new(0),
        server,
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while PgConnection::establish(&cluster.url("postgres")).is_err() {
        assert!(
            Instant::now() < deadline,
            "PostgreSQL did not start; see {}",
            folder.display()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    execute(&cluster.url("postgres"), &format!("CREATE DATABASE {TEMPLATE}"));
    let mut conn = Target::parse(&cluster.url(TEMPLATE)).unwrap().open(Use::Write).unwrap();
    migrate(&mut conn).unwrap();
    cluster
}

/// PostgreSQL refuses to run as root: then it runs as the user that its package made.
fn as_postgres(folder: &Path, script: &str) -> Command {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|id| id.stdout == b"0\n");
    if !is_root {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        return command;
    }
    let owned = Command::new("chown").arg("postgres").arg(folder).status();
    assert!(owned.is_ok_and(|status| status.success()), "there is no user postgres");
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=postgres",
        "--regid=postgres",
        "--init-groups",
        "sh",
        "-c",
        script,
    ]);
    command
}
