//! The live stream: what a watcher sees, that it misses nothing and sees nothing twice, and what bad requests get.

use std::collections::BTreeMap;
use std::time::Duration;

use luochui::machine::step::Answer;
use luochui::machine::{Name, Value};

use crate::support::app::TestApp;
use crate::support::engine::{event, map, member, submit};
use crate::support::postgres::Database;
use crate::support::sse::{Event, Watcher};

pub fn files() -> BTreeMap<String, String> {
    let files = [
        ("bundle.yaml", include_str!("hall/bundle.yaml")),
        ("hall.yaml", include_str!("hall/hall.yaml")),
        ("board.yaml", include_str!("hall/board.yaml")),
    ];
    files
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect()
}

/// A hall and the board in it.
pub async fn open_hall(engine: &luochui::engine::Engine) -> (Name, Name) {
    engine.library().publish(files(), "admin").await.unwrap();
    let request = luochui::engine::Request::Open {
        bundle: "hall".into(),
        machine: None,
        data: map(&[("name", "大厅".into())]),
    };
    let receipt = submit(engine, member("ann"), request, None).await;
    assert!(matches!(receipt.answer, Answer::Taken { .. }), "{:?}", receipt.answer);
    let snapshot = engine.trade(&receipt.trade).await.unwrap();
    let board = snapshot
        .trade
        .instances
        .values()
        .find(|instance| &*instance.machine == "board");
    (receipt.trade, board.unwrap().id.clone())
}

pub async fn say(engine: &luochui::engine::Engine, board: &Name, number: i64) {
    let request = event(board, "say", &[("number", number.into())]);
    let receipt = submit(engine, member("ann"), request, None).await;
    assert!(matches!(receipt.answer, Answer::Taken { .. }), "{:?}", receipt.answer);
}

fn stream(board: &Name) -> String {
    format!("/api/v1/auctions/{board}/stream")
}

fn ids(events: &[Event]) -> Vec<i64> {
    events.iter().filter_map(|event| event.id).collect()
}

async fn take(watcher: &mut Watcher, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < count {
        events.push(watcher.numbered().await.expect("the stream goes on"));
    }
    events
}

/// Many numbers at once, so that they are committed together.
async fn say_many(engine: &luochui::engine::Engine, board: &Name, numbers: std::ops::Range<i64>) {
    futures_util::future::join_all(numbers.map(|number| say(engine, board, number))).await;
}

/// Many long words at once: they fill the buffers between two ends.
async fn shout(engine: &luochui::engine::Engine, board: &Name, count: std::ops::Range<i64>) {
    let words = Value::from("话".repeat(900).as_str());
    let one = || {
        submit(
            engine,
            member("ann"),
            event(board, "shout", &[("words", words.clone())]),
            None,
        )
    };
    futures_util::future::join_all(count.map(|_| one())).await;
}

async fn halt(engine: &luochui::engine::Engine, hall: &Name, name: &str) {
    let receipt = submit(engine, member("ann"), event(hall, name, &[]), None).await;
    assert!(matches!(receipt.answer, Answer::Taken { .. }), "{:?}", receipt.answer);
}

fn with_hall(test: impl AsyncFnOnce(&TestApp, Name, Name)) {
    let app = TestApp::start();
    crate::support::engine::run(async {
        let (hall, board) = open_hall(&app.engine).await;
        test(&app, hall, board).await;
    });
}

#[test]
fn a_watcher_is_shown_where_it_stands_and_then_all_that_follows() {
    with_hall(async |app, hall, board| {
        say(&app.engine, &board, 5).await;
        let mut watcher = Watcher::open(&app.url, &stream(&board), None).await;
        assert_eq!(watcher.status, 200, "{}", watcher.head);
        assert!(
            watcher.head.contains("content-type: text/event-stream"),
            "{}",
            watcher.head
        );
        let first = watcher.next().await.unwrap();
        assert_eq!((first.name.as_str(), first.id), ("snapshot", Some(2)));
        let now = app.engine.now().0;
        let data = serde_json::json!({"phase": "open", "number": 5, "ends": now + 240_000});
        assert_eq!(
            first.data,
            serde_json::json!({"number": 2, "at": now, "now": now, "data": data})
        );
        assert_eq!(
            app.anyone()
                .get(&format!("/api/v1/auctions/{board}"))
                .expect(200)
                .json(),
            first.data
        );
        assert_eq!(
            app.anyone()
                .get(&format!("/api/v1/instances/{board}/live"))
                .expect(200)
                .json(),
            first.data
        );
        for number in [6, 7] {
            say(&app.engine, &board, number).await;
        }
        let next = take(&mut watcher, 2).await;
        assert_eq!(ids(&next), [3, 4]);
        assert_eq!(
            (next[1].name.as_str(), &next[1].data["data"]["number"]),
            ("published", &7.into())
        );
        // One whose machine publishes nothing has no live view, and nor has one that nobody may see.
        app.anyone()
            .get(&format!("/api/v1/auctions/{hall}"))
            .problem(404, "not_found");
        app.anyone()
            .get(&format!("/api/v1/auctions/{hall}/stream"))
            .problem(404, "not_found");
        app.anyone()
            .get("/api/v1/auctions/01ARZ3NDEKTSV4RRFFQ69G5FAV/stream")
            .problem(404, "not_found");
    });
}

#[test]
fn a_watcher_goes_on_after_the_number_it_saw_last() {
    with_hall(async |app, _, board| {
        for number in 1..=900 {
            say(&app.engine, &board, number).await;
        }
        // From memory, from the store alone, from the store and then from memory.
        for (total, last) in (901..).zip([900, 895, 300, 1, 0]) {
            let mut watcher = Watcher::open(&app.url, &stream(&board), Some(&last.to_string())).await;
            let events = take(&mut watcher, usize::try_from(total - last).unwrap()).await;
            assert_eq!(ids(&events), (last + 1..=total).collect::<Vec<_>>());
            say(&app.engine, &board, 1).await;
            let next = watcher.numbered().await.unwrap();
            assert_eq!((next.name.as_str(), next.id), ("published", Some(total + 1)));
            assert_eq!(watcher.within(Duration::from_millis(50)).await, None);
        }
    });
}

#[test]
fn a_page_that_cannot_set_a_header_goes_on_after_a_number_in_its_address() {
    with_hall(async |app, _, board| {
        for number in 1..=5 {
            say(&app.engine, &board, number).await;
        }
        let after = |number: &str| format!("{}?after={number}", stream(&board));
        // A browser that connects again by itself sends both: what it saw since then counts.
        for (header, last) in [(None, 2), (Some("4"), 4)] {
            let mut watcher = Watcher::open(&app.url, &after("2"), header).await;
            let events = take(&mut watcher, usize::try_from(6 - last).unwrap()).await;
            assert_eq!(ids(&events), (last + 1..=6).collect::<Vec<_>>());
        }
        for bad in ["-1", "x", "%2B1", "1&after=2"] {
            assert_eq!(Watcher::open(&app.url, &after(bad), None).await.status, 400, "{bad}");
        }
        let mut watcher = Watcher::open(&app.url, &after("7"), None).await;
        assert_eq!(watcher.next().await.unwrap().name, "snapshot");
    });
}

#[test]
fn numbers_that_never_were_are_refused_or_begin_anew() {
    with_hall(async |app, _, board| {
        for bad in [
            "-1",
            "x",
            "1.5",
            "+1",
            "0x1",
            "99999999999999999999999",
            "1 1",
            "%00",
            "１",
        ] {
            let watcher = Watcher::open(&app.url, &stream(&board), Some(bad)).await;
            assert_eq!(watcher.status, 400, "{bad}: {}", watcher.head);
        }
        for future in ["2", "9223372036854775807"] {
            let mut watcher = Watcher::open(&app.url, &stream(&board), Some(future)).await;
            let first = watcher.next().await.unwrap();
            assert_eq!((first.name.as_str(), first.id), ("snapshot", Some(1)), "{future}");
        }
        let mut watcher = Watcher::open(&app.url, &stream(&board), Some("1")).await;
        assert_eq!(watcher.next().await.unwrap().name, "time");
    });
}

#[test]
fn a_standstill_is_told_and_so_is_its_end() {
    with_hall(async |app, hall, board| {
        say(&app.engine, &board, 5).await;
        let mut watcher = Watcher::open(&app.url, &stream(&board), Some("2")).await;
        halt(&app.engine, &hall, "halt").await;
        let event = watcher.numbered().await.unwrap();
        assert_eq!(
            (event.id, &event.data["data"]),
            (Some(3), &serde_json::json!({"frozen": true}))
        );
        let shown = app.anyone().get(&format!("/api/v1/auctions/{board}")).json();
        assert_eq!(
            (&shown["data"]["number"], &shown["data"]["frozen"]),
            (&5.into(), &true.into())
        );
        halt(&app.engine, &hall, "go_on").await;
        let event = watcher.numbered().await.unwrap();
        assert_eq!(
            (event.id, &event.data["data"]),
            (Some(4), &serde_json::json!({"frozen": false}))
        );
        say(&app.engine, &board, 6).await;
        assert_eq!(watcher.numbered().await.unwrap().id, Some(5));
        let shown = app.anyone().get(&format!("/api/v1/auctions/{board}")).json();
        assert_eq!(
            (&shown["data"]["number"], shown["data"].get("frozen")),
            (&6.into(), None)
        );
    });
}

#[test]
fn who_reads_too_slowly_is_told_and_comes_back_without_a_gap() {
    const MANY: i64 = 4_000;
    with_hall(async |app, _, board| {
        let mut slow = Watcher::open_narrow(&app.url, &stream(&board), Some("0"), Some(131_072)).await;
        assert_eq!(slow.numbered().await.unwrap().id, Some(1));
        for start in (0..MANY).step_by(500) {
            let words = Value::from("话".repeat(900).as_str());
            let shout = || {
                submit(
                    &app.engine,
                    member("ann"),
                    event(&board, "shout", &[("words", words.clone())]),
                    None,
                )
            };
            futures_util::future::join_all((start..start + 500).map(|_| shout())).await;
        }
        let mut last = 1;
        let dropped = loop {
            let event = slow.next().await.expect("an event that says why, before the end");
            match event.id {
                Some(id) => assert_eq!(id, last + 1),
                None if event.name == "time" => continue,
                None => break event,
            }
            last += 1;
        };
        assert!(last < 1 + MANY, "nobody was slow");
        assert_eq!(dropped.name, "dropped");
        assert_eq!(dropped.data, serde_json::json!({"reason": "slow", "last": last}));
        assert_eq!(slow.next().await, None);
        let mut again = Watcher::open(&app.url, &stream(&board), Some(&last.to_string())).await;
        let rest = take(&mut again, usize::try_from(1 + MANY - last).unwrap()).await;
        assert_eq!(ids(&rest), (last + 1..=1 + MANY).collect::<Vec<_>>());
    });
}

#[test]
fn places_are_limited_and_given_back() {
    let app = TestApp::start_with(|config| config.limits.streams_per_address = 2);
    crate::support::engine::run(async {
        let (_, board) = open_hall(&app.engine).await;
        let first = Watcher::open(&app.url, &stream(&board), None).await;
        let _second = Watcher::open(&app.url, &stream(&board), None).await;
        let third = Watcher::open(&app.url, &stream(&board), None).await;
        assert_eq!(third.status, 429);
        assert!(third.head.contains("retry-after: "), "{}", third.head);
        drop(first);
        let freed = async {
            while Watcher::open(&app.url, &stream(&board), None).await.status != 200 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), freed)
            .await
            .expect("the place is given back");
    });
}

#[test]
fn who_takes_nothing_at_all_loses_its_place() {
    let app = TestApp::start_with(|config| {
        config.limits.streams_per_address = 1;
        config.limits.stalled_seconds = 1;
    });
    crate::support::engine::run(async {
        let (_, board) = open_hall(&app.engine).await;
        let stalled = Watcher::open_narrow(&app.url, &stream(&board), Some("0"), Some(131_072)).await;
        assert_eq!(stalled.status, 200);
        shout(&app.engine, &board, 0..1_500).await;
        let freed = async {
            while Watcher::open(&app.url, &stream(&board), None).await.status != 200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), freed)
            .await
            .expect("the place is given back");
        drop(stalled);
    });
}

#[test]
fn streams_end_with_a_word_when_the_server_stops() {
    with_hall(async |app, _, board| {
        let mut watcher = Watcher::open(&app.url, &stream(&board), Some("1")).await;
        assert_eq!(watcher.next().await.unwrap().name, "time");
        app.state.end_streams();
        let last = watcher.next().await.unwrap();
        assert_eq!(
            (last.name.as_str(), &last.data["reason"]),
            ("closing", &"stopping".into())
        );
        assert_eq!(watcher.next().await, None);
        assert_eq!(Watcher::open(&app.url, &stream(&board), None).await.status, 503);
    });
}

/// Follows from the beginning up to a number, losing the connection after every few events; every event is seen once.
async fn follow_with_losses(urls: Vec<String>, path: String, until: i64, nth: u64) -> serde_json::Value {
    let mut chance = nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut last = 0;
    let mut shown = serde_json::Value::Null;
    for url in urls.iter().cycle().skip(usize::try_from(nth).unwrap() % urls.len()) {
        let mut watcher = Watcher::open(url, &path, Some(&last.to_string())).await;
        assert_eq!(watcher.status, 200, "{}", watcher.head);
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        for _ in 0..=chance % 60 {
            let Some(event) = watcher.numbered().await else { break };
            assert_eq!(event.id, Some(last + 1), "without a gap and without a double");
            last += 1;
            shown = event.data["data"].clone();
            if last == until {
                return shown;
            }
        }
    }
    shown
}

async fn all_see_the_same(engine: &luochui::engine::Engine, urls: &[&str], board: &Name, until: i64) {
    let long = std::env::var_os("LUOCHUI_LONG").is_some();
    let watchers = if long { 2_000 } else { 100 };
    let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
    let watch = (0..watchers).map(|nth| tokio::spawn(follow_with_losses(urls.clone(), stream(board), until, nth)));
    let watch: Vec<_> = watch.collect();
    for number in 2..=until {
        say(engine, board, number).await;
    }
    let done = std::time::Instant::now();
    for seen in futures_util::future::join_all(watch).await {
        assert_eq!(seen.unwrap()["number"], until);
    }
    let late = done.elapsed();
    assert!(
        long || late < Duration::from_secs(10),
        "the last watcher was {late:?} late"
    );
}

#[test]
fn all_watchers_see_every_event_once_however_often_they_are_lost() {
    with_hall(async |app, _, board| all_see_the_same(&app.engine, &[&app.url], &board, 400).await);
}

#[test]
fn a_watcher_goes_on_after_the_server_has_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("hall.db").display());
    let start = || TestApp::start_with(|config| config.database.url.clone_from(&url));
    let app = start();
    let board = crate::support::engine::run(async {
        let (_, board) = open_hall(&app.engine).await;
        say_many(&app.engine, &board, 0..700).await;
        let mut watcher = Watcher::open(&app.url, &stream(&board), Some("650")).await;
        take(&mut watcher, 10).await;
        board
    });
    drop(app);
    let app = start();
    crate::support::engine::run(async {
        for last in [660, 5] {
            let mut watcher = Watcher::open(&app.url, &stream(&board), Some(&last.to_string())).await;
            let events = take(&mut watcher, usize::try_from(701 - last).unwrap()).await;
            assert_eq!(ids(&events), (last + 1..=701).collect::<Vec<_>>());
        }
        say(&app.engine, &board, 1).await;
        let mut watcher = Watcher::open(&app.url, &stream(&board), None).await;
        assert_eq!(watcher.numbered().await.unwrap().id, Some(702));
    });
}

#[test]
fn watchers_of_one_process_hear_of_what_another_commits() {
    let Some(database) = Database::migrated() else { return };
    let start = || TestApp::start_with(|config| config.database.url.clone_from(&database.url));
    let (first, second) = (start(), start());
    crate::support::engine::run(async {
        let (_, board) = open_hall(&first.engine).await;
        let mut watcher = Watcher::open(&second.url, &stream(&board), None).await;
        assert_eq!(watcher.next().await.unwrap().id, Some(1));
        let begun = std::time::Instant::now();
        for number in 2..=20 {
            say(&first.engine, &board, number).await;
            assert_eq!(watcher.numbered().await.unwrap().id, Some(number));
        }
        // By looking alone, each would have taken up to half a second.
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        say(&second.engine, &board, 21).await;
        say(&first.engine, &board, 22).await;
        assert_eq!(ids(&take(&mut watcher, 2).await), [21, 22]);
    });
    crate::support::engine::run(async {
        let (_, board) = open_hall(&second.engine).await;
        all_see_the_same(&first.engine, &[&first.url, &second.url], &board, 150).await;
    });
}
