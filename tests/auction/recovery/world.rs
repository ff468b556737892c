//! Real processes on a real database, and what can happen to both. Must not judge what becomes of a room.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use luochui::clock::Clock;
use luochui::machine::Time;
use luochui::store::Connection;
use luochui::store::connection::{Target, Use};
use luochui::store::history_rows::history_after;
use serde_json::json;

use super::bidders::{Bidder, Crowd};
use crate::auction::chronicle::{Line, lines};
use crate::auction::hall::files;
use crate::openness::process::{PASSWORD, Person, Server, add_admin};
use crate::support::engine::Place;
use crate::support::postgres::execute;

/// How long an outage lasts: longer than the three seconds that are tolerated.
pub const OUTAGE: Duration = Duration::from_secs(4);

/// Bidders that together keep a throttled writer's queue full.
const FLOOD: u64 = 24;

/// How long they do: longer than a countdown.
const FLOODED: Duration = Duration::from_secs(8);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// SIGKILL, and another start at once where nobody else serves.
    Kill,
    /// SIGSTOP, and SIGCONT after the outage.
    Stop,
    /// Another process holds the lock that every write needs.
    Block,
    /// SIGSTOP to the database server and everything that it started, and SIGCONT after the outage.
    Freeze,
    /// The database server throws everybody out at once, and takes them in again.
    Terminate,
    /// The database server ends as by a crash and starts again.
    Restart,
    /// More comes in than a throttled writer can take.
    Overload,
}

/// Nobody in these tests is held up for asking often.
const SETTINGS: &str = "LUOCHUI_LIMITS_COMMANDS_PER_SECOND=10000\nLUOCHUI_LIMITS_EVENTS_PER_SECOND=10000\n\
LUOCHUI_LIMITS_EVENTS_BURST=10000\nLUOCHUI_LOGIN_ATTEMPTS_PER_MINUTE=1000\n";

/// A writer that rests for a second after each commit, with a queue of two: far longer than a flood on a busy machine takes to
/// fill it again, and only a queue that is shut for half a second counts as an outage.
const THROTTLED: &str = "LUOCHUI_LIMITS_QUEUE=2\nLUOCHUI_LIMITS_COMMIT_PAUSE_MS=1000\n";

pub struct World {
    pub place: Place,
    folder: tempfile::TempDir,
    pub servers: Vec<Server>,
    pub crowd: Arc<Crowd>,
    /// The clerk's, good for every process.
    pub token: String,
    /// Where a flood goes.
    flooded: String,
}

impl World {
    /// Starts processes on a database that may hold something already.
    pub fn serve(place: Place, folder: tempfile::TempDir, servers: usize) -> Self {
        std::fs::write(folder.path().join("database"), place.url()).unwrap();
        std::fs::create_dir_all(folder.path().join("workflows")).unwrap();
        let world = Self {
            servers: (0..servers).map(|_| Server::start(folder.path())).collect(),
            place,
            folder,
            crowd: Arc::default(),
            token: String::new(),
            flooded: String::new(),
        };
        world.open_doors();
        world
    }

    /// The same with a clerk and the hall's bundle.
    pub fn with_hall(place: Place, servers: usize, (countdown, trouble): (&str, Trouble)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let throttled = if trouble == Trouble::Overload { THROTTLED } else { "" };
        std::fs::write(folder.path().join("settings"), format!("{SETTINGS}{throttled}")).unwrap();
        std::fs::write(folder.path().join("database"), place.url()).unwrap();
        add_admin(folder.path());
        let mut world = Self::serve(place, folder, servers);
        let admin = world.servers[0].sign_in("admin");
        let account = json!({"name": "clerk", "email": "clerk@example.test", "password": PASSWORD,
            "posts": [{"post": "clerk", "organisation": "centre"}]});
        admin.command("/api/v1/admin/accounts", &account, 201);
        admin.command("/api/v1/admin/definitions", &json!({"files": files(countdown)}), 201);
        let token = world.servers[0].sign_in("clerk").token().unwrap().to_owned();
        world.token = token;
        world.flooded = world.open("flooded");
        world
    }

    /// Says where the processes listen.
    fn open_doors(&self) {
        let doors = self.servers.iter().map(|server| server.url().to_owned());
        *self.crowd.doors.write().unwrap() = doors.collect();
    }

    fn target(&self) -> Target {
        Target::parse(&self.place.url()).unwrap()
    }

    pub fn read(&self) -> Connection {
        self.target().open(Use::Read).unwrap()
    }

    pub fn clerk(&self) -> Person<'_> {
        self.servers[0].with_token(&self.token)
    }

    /// Opens a room of the hall.
    pub fn open(&self, name: &str) -> String {
        let opening = json!({"bundle": "hall", "data": {"name": name}});
        let opened = self.until("a room to be opened", |world| {
            world.clerk().ask("/api/v1/trades", &opening)
        });
        opened["instance"].as_str().unwrap().to_owned()
    }

    /// What has happened in a room of the hall.
    pub fn lines(&self, room: &str) -> Vec<Line> {
        lines(&history_after(&mut self.read(), room, 0, 100_000).unwrap())
    }

    /// Waits until something is so.
    pub fn until<T>(&self, what: &str, ask: impl Fn(&Self) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(found) = ask(self) {
                return found;
            }
            assert!(Instant::now() < end, "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Brings the trouble over the first server, or over the database, and takes it away again. From when until when it certainly
    /// lasted.
    pub fn suffer(&mut self, trouble: Trouble) -> (Time, Time) {
        let mut from = Clock::system().now();
        match trouble {
            Trouble::None => std::thread::sleep(OUTAGE),
            Trouble::Kill => self.kill(),
            Trouble::Stop => {
                signal("-STOP", self.servers[0].id());
                from = Clock::system().now();
                std::thread::sleep(OUTAGE);
                signal("-CONT", self.servers[0].id());
            }
            Trouble::Block => from = self.block(),
            Trouble::Freeze => {
                self.database().signal("-STOP");
                from = Clock::system().now();
                std::thread::sleep(OUTAGE);
                self.database().signal("-CONT");
            }
            Trouble::Terminate => execute(
                &self.place.url(),
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                 AND pid <> pg_backend_pid()",
            ),
            Trouble::Restart => self.database().restart_immediately(),
            Trouble::Overload => self.flood(),
        }
        (from, Clock::system().now())
    }

    fn kill(&mut self) {
        let alone = self.servers.len() == 1;
        drop(self.servers.remove(0));
        if alone {
            self.servers.push(Server::start(self.folder.path()));
        }
        self.open_doors();
    }

    /// Since when nobody else could write.
    fn block(&self) -> Time {
        let (begin, end) = match self.place {
            Place::Sqlite(_) => ("BEGIN EXCLUSIVE", "ROLLBACK"),
            Place::Postgres(_) => (
                "BEGIN; LOCK TABLE heartbeats, trades IN ACCESS EXCLUSIVE MODE",
                "ROLLBACK",
            ),
        };
        let mut conn = self.target().open(Use::Write).unwrap();
        conn.batch_execute(begin).unwrap();
        let since = Clock::system().now();
        std::thread::sleep(OUTAGE);
        conn.batch_execute(end).unwrap();
        since
    }

    fn database(&self) -> &crate::support::postgres::Cluster {
        match &self.place {
            Place::Postgres(database) => database.server(),
            Place::Sqlite(_) => panic!("SQLite has no server"),
        }
    }

    fn flood(&self) {
        let until = Clock::system()
            .now()
            .plus_millis(i64::try_from(FLOODED.as_millis()).unwrap());
        let flood = (0..FLOOD).map(|number| {
            let bidder = Bidder::new(&self.crowd, &self.token, 1_000 + number);
            bidder.flood(self.flooded.clone(), until)
        });
        let flood: Vec<_> = flood.collect();
        flood.into_iter().for_each(|bidder| bidder.join().unwrap());
    }
}

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}
