//! The live stream: what a watcher sees, that it misses nothing and sees nothing twice, and what bad requests get.

use std::collections::BTreeMap;
use std::time::Duration;

use luochui::machine::Name;
use luochui::machine::step::Answer;

use crate::support::app::TestApp;
use crate::support::engine::{event, map, member, submit};
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
