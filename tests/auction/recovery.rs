//! No room closes across an outage: real processes over HTTP are killed, stopped and cut off from their database, with rooms
//! in every part of their last window; and rooms that no outage touched close.

use std::process::Command;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use luochui::clock::Clock;
use luochui::machine::Time;
use luochui::store::Connection;
use luochui::store::connection::{Target, Use};
use luochui::store::history_rows::history_after;
use serde_json::json;

use super::hall::{files, many};
use crate::openness::process::{PASSWORD, Person, Server, add_admin};
use crate::support::engine::Place;

/// How long a room's countdown runs here.
const COUNTDOWN: &str = "5 seconds";

/// Rooms that are opened one after the other, so that the outage meets each in another part of its window.
const ROOMS: usize = 14;

const BETWEEN: Duration = Duration::from_millis(400);

/// How long an outage lasts: longer than the three seconds that are tolerated.
const OUTAGE: Duration = Duration::from_secs(4);

/// From the opening of the last room to the outage.
const UNTIL_OUTAGE: Duration = Duration::from_millis(400);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// SIGKILL, and another start at once where nobody else serves.
    Kill,
    /// SIGSTOP, and SIGCONT after the outage.
    Stop,
    /// Another session holds the lock that every write needs.
    Block,
}

struct World {
    place: Place,
    folder: tempfile::TempDir,
    servers: Vec<Server>,
}

impl World {
    fn start(place: Place, servers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("database"), place.url()).unwrap();
        add_admin(folder.path());
        let servers: Vec<Server> = (0..servers).map(|_| Server::start(folder.path())).collect();
        let admin = servers[0].sign_in("admin");
        let account = json!({"name": "clerk", "email": "clerk@example.test", "password": PASSWORD,
            "posts": [{"post": "clerk", "organisation": "centre"}]});
        admin.command("/api/v1/admin/accounts", &account, 201);
        admin.command("/api/v1/admin/definitions", &json!({"files": files(COUNTDOWN)}), 201);
        Self { place, folder, servers }
    }

    fn target(&self) -> Target {
        Target::parse(&self.place.url()).unwrap()
    }

    fn read(&self) -> Connection {
        self.target().open(Use::Read).unwrap()
    }

    /// Brings the trouble over the first server, or over the database, and takes it away again. From when until when it lasted.
    fn suffer(&mut self, trouble: Trouble) -> (Time, Time) {
        let from = Clock::system().now();
        match trouble {
            Trouble::None => std::thread::sleep(OUTAGE),
            Trouble::Kill => {
                let alone = self.servers.len() == 1;
                drop(self.servers.remove(0));
                if alone {
                    self.servers.push(Server::start(self.folder.path()));
                }
            }
            Trouble::Stop => {
                signal("-STOP", self.servers[0].id());
                std::thread::sleep(OUTAGE);
                signal("-CONT", self.servers[0].id());
            }
            Trouble::Block => {
                let (begin, end) = match self.place {
                    Place::Sqlite(_) => ("BEGIN EXCLUSIVE", "ROLLBACK"),
                    Place::Postgres(_) => (
                        "BEGIN; LOCK TABLE heartbeats, trades IN ACCESS EXCLUSIVE MODE",
                        "ROLLBACK",
                    ),
                };
                let mut conn = self.target().open(Use::Write).unwrap();
                conn.batch_execute(begin).unwrap();
                std::thread::sleep(OUTAGE);
                conn.batch_execute(end).unwrap();
            }
        }
        (from, Clock::system().now())
    }
}

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Opens a room and has a first bid in it as soon as that is possible.
fn open(clerk: &Person<'_>, name: &str) -> String {
    let opening = json!({"bundle": "hall", "data": {"name": name}});
    let opened = clerk.command("/api/v1/trades", &opening, 201);
    opened["instance"].as_str().unwrap().to_owned()
}

/// What became of a room: when its last window began and was due, and where it stands.
#[derive(Debug)]
struct Fate {
    began: Time,
    due: Time,
    sold: bool,
}

/// The fate of a room once its countdown has ended.
fn fate(conn: &mut Connection, room: &str) -> Option<Fate> {
    let rows = history_after(conn, room, 0, 1_000).unwrap();
    let began = rows
        .iter()
        .rfind(|row| row.event == "timer.opens" || row.event == "bid")?;
    let ended = rows.iter().find(|row| row.event == "timer.countdown")?;
    let public = ended.entry().unwrap().public;
    Some(Fate {
        began: Time(began.at),
        due: Time(ended.at),
        sold: public.transitions.iter().any(|taken| taken.to == ["sold".into()]),
    })
}

fn fates(world: &World, rooms: &[String]) -> Vec<Fate> {
    let end = std::time::Instant::now() + Duration::from_secs(60);
    let mut conn = world.read();
    let mut fates = Vec::new();
    for room in rooms {
        loop {
            if let Some(fate) = fate(&mut conn, room) {
                fates.push(fate);
                break;
            }
            assert!(std::time::Instant::now() < end, "a room's countdown does not end");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    fates
}

/// Opens rooms, lets the trouble come, and judges what became of each. How many were open when it came.
fn endure(place: Place, servers: usize, trouble: Trouble) -> usize {
    let mut world = World::start(place, servers);
    let mut rooms = Vec::new();
    {
        let clerk = world.servers[0].sign_in("clerk");
        for number in 0..ROOMS {
            rooms.push(open(&clerk, &format!("{number}")));
            std::thread::sleep(BETWEEN);
        }
    }
    std::thread::sleep(UNTIL_OUTAGE);
    let (from, until) = world.suffer(trouble);
    let mut met = 0;
    for fate in fates(&world, &rooms) {
        let touched = trouble != Trouble::None && fate.began < until && fate.due > from;
        // A commit that began right before a block ends after it, and what was decided by then stands.
        let slack = if trouble == Trouble::Block { 500 } else { 0 };
        if touched && fate.due > from.plus_millis(slack) {
            assert!(
                !fate.sold,
                "closed across {trouble:?} from {from:?} until {until:?}: {fate:?}"
            );
            met += 1;
        } else if fate.due < from.plus_millis(-500) || trouble == Trouble::None {
            assert!(
                fate.sold,
                "suspended without {trouble:?} from {from:?} until {until:?}: {fate:?}"
            );
        }
    }
    // When the trouble is over, rooms close again.
    std::thread::sleep(Duration::from_secs(1));
    let clerk = world.servers[0].sign_in("clerk");
    let after = open(&clerk, "after");
    assert!(fates(&world, &[after])[0].sold, "no room closes after {trouble:?}");
    met
}

fn many_times(place: impl Fn() -> Option<Place>, servers: usize, trouble: Trouble) {
    for _ in 0..many(1, 10) {
        let Some(place) = place() else { return };
        let met = endure(place, servers, trouble);
        assert!(met >= 8 || trouble == Trouble::None, "{trouble:?} met only {met} rooms");
    }
}

fn sqlite() -> Option<Place> {
    Some(Place::sqlite())
}

#[test]
fn no_room_on_sqlite_closes_across_a_kill() {
    many_times(sqlite, 1, Trouble::Kill);
}

#[test]
fn no_room_on_sqlite_closes_across_a_stop() {
    many_times(sqlite, 1, Trouble::Stop);
}

#[test]
fn no_room_on_sqlite_closes_across_a_blocked_database() {
    many_times(sqlite, 1, Trouble::Block);
}

#[test]
fn no_room_on_postgres_closes_across_a_blocked_database() {
    many_times(Place::postgres, 1, Trouble::Block);
}

#[test]
fn no_room_closes_when_one_of_two_processes_is_killed() {
    many_times(Place::postgres, 2, Trouble::Kill);
}

#[test]
fn no_room_closes_when_one_of_two_processes_is_stopped() {
    many_times(Place::postgres, 2, Trouble::Stop);
}

#[test]
fn rooms_served_by_two_processes_close_where_nothing_happens() {
    many_times(Place::postgres, 2, Trouble::None);
}
