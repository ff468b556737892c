//! What nobody may learn: canaries are planted, then every GET is crawled as everybody else.

use std::collections::BTreeSet;

use luochui::store::history_rows::moves_after;
use serde_json::{Value, json};

use super::fair::{member, offer, open_app, published, upload};
use crate::support::app::{Client, TestApp, person_number};

/// Everything that a client can reach by the ids it is told and those it should not know.
fn crawl(client: &Client<'_>, ids: &[String]) -> String {
    // Who runs the platform knows the accounts that there are, whatever they do: `/api/v1/admin/accounts` is not asked.
    let mut paths: BTreeSet<String> = [
        "/api/v1/listings",
        "/api/v1/listings?limit=1",
        "/api/v1/my/trades",
        "/api/v1/todos",
        "/api/v1/me",
        "/api/v1/admin/instances",
        "/api/v1/admin/incidents",
        "/metrics",
        "/readyz",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    for id in ids {
        for path in ["listings", "instances", "files", "documents", "todos"] {
            paths.insert(format!("/api/v1/{path}/{id}"));
        }
        for part in ["history", "documents"] {
            paths.insert(format!("/api/v1/instances/{id}/{part}"));
        }
        for other in ids {
            paths.insert(format!("/api/v1/files/{id}?instance={other}"));
        }
    }
    let mut all = String::new();
    for path in paths {
        let reply = client.get(&path);
        assert!(reply.status < 500, "{path}: {}", reply.status);
        // A path names what was asked for; only what is answered can tell.
        all.push_str(&String::from_utf8_lossy(&reply.bytes));
        all.push_str(&reply.headers.get("etag").cloned().unwrap_or_default());
        all.push('\n');
    }
    all
}

#[test]
fn nobody_learns_who_or_how_many_the_others_are() {
    let app = open_app();
    let clerk = app.sign_in("clerk");
    let fair = published(&clerk, "集市", "甲");
    let first = member(&app, "first", 101);
    let watcher = member(&app, "watcher", 109);
    let own = offer(&first, &fair, 111);
    let before = |client: &Client<'_>| client.get(&format!("/api/v1/instances/{fair}"));
    let seen_before: Vec<_> = [&first, &watcher, &clerk, &app.anyone()]
        .into_iter()
        .map(before)
        .map(|r| (r.bytes, r.headers["etag"].clone()))
        .collect();

    let mut ids = vec![fair.clone()];
    let mut canaries = Vec::new();
    for (name, nth, amount) in [("zweiter", 102, 777_001), ("dritter", 103, 777_002)] {
        let client = member(&app, name, nth);
        let paper = upload(
            &client,
            &format!("{name}.txt"),
            format!("canary-paper-{name}").as_bytes(),
        )
        .expect(201)
        .json();
        let id = offer(&client, &fair, amount);
        client
            .command(&format!("/api/v1/instances/{id}/events/raise"), &json!({"by": 100}))
            .expect(200);
        let me = client.get("/api/v1/me").json();
        let shown = client.get(&format!("/api/v1/instances/{id}")).json();
        let paper = paper["id"].as_str().unwrap().to_owned();
        for value in [
            &me["id"],
            &me["party"]["id"],
            &me["name"],
            &shown["key"],
            &json!(id),
            &json!(paper),
        ] {
            canaries.push(value.as_str().unwrap().to_owned());
        }
        canaries.push((amount + 100).to_string());
        canaries.push(person_number(nth));
        canaries.push(format!("竞买人{nth}"));
        canaries.push(format!("canary-paper-{name}"));
        ids.extend([id, paper]);
    }
    for (who, client) in [
        ("first", &first),
        ("watcher", &watcher),
        ("clerk", &clerk),
        ("nobody", &app.anyone()),
        ("oversight", &app.sign_in("watch")),
        ("who runs the platform", &app.sign_in("root")),
    ] {
        let all = crawl(client, &ids);
        for canary in &canaries {
            assert!(!all.contains(canary.as_str()), "{who} sees {canary}");
        }
    }
    let seen_after: Vec<_> = [&first, &watcher, &clerk, &app.anyone()]
        .into_iter()
        .map(before)
        .map(|r| (r.bytes, r.headers["etag"].clone()))
        .collect();
    assert_eq!(
        seen_before, seen_after,
        "what others do changes neither content nor ETag"
    );

    // Hidden and missing look the same.
    let hidden = problem(&first, &format!("/api/v1/instances/{}", ids[1]));
    assert_eq!(hidden, problem(&first, "/api/v1/instances/01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    let event = |id: &str| {
        strip(
            first
                .command(&format!("/api/v1/instances/{id}/events/raise"), &json!({"by": 100}))
                .problem(404, "not_found"),
        )
    };
    assert_eq!(event(&ids[1]), event("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    assert!(crawl(&first, &[own]).contains("111"), "one's own is seen");
    // Once the trade is over who runs the platform sees what anybody wrote, but what nobody may read.
    clerk
        .command(&format!("/api/v1/instances/{fair}/events/close"), &json!({}))
        .expect(200);
    assert!(crawl(&app.sign_in("root"), &ids).contains("777101"));
}

/// What is hidden costs as many reads of the store as what does not exist: the time of an answer does not tell them apart.
#[test]
fn hidden_and_missing_cost_the_same() {
    let app = open_app();
    let fair = published(&app.sign_in("clerk"), "集市", "甲");
    let (first, second) = (member(&app, "first", 101), member(&app, "second", 102));
    let hidden = offer(&second, &fair, 500);
    let missing = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let least = |ask: &dyn Fn()| least_reads(&app, ask);
    for path in ["", "/history", "/documents", "/record", "/live"] {
        let get = |id: &str| {
            least(&|| {
                drop(
                    first
                        .get(&format!("/api/v1/instances/{id}{path}"))
                        .problem(404, "not_found"),
                )
            })
        };
        assert_eq!(get(&hidden), get(missing), "{path}");
    }
    let send = |id: &str| {
        let path = format!("/api/v1/instances/{id}/events/raise");
        least(&|| drop(first.command(&path, &json!({"by": 100})).problem(404, "not_found")))
    };
    assert_eq!(send(&hidden), send(missing));
    assert!(send(missing) > 0, "the store is asked");
}

/// The least of several: other parts of the server read now and then.
fn least_reads(app: &TestApp, ask: &dyn Fn()) -> u64 {
    let reads = (0..12).map(|_| {
        let before = app.engine.reads();
        ask();
        app.engine.reads() - before
    });
    reads.min().unwrap()
}

/// The course of what is public costs the same however much happened in its trade that nobody is told of: neither more questions to the
/// store nor more rows.
#[test]
fn a_course_costs_nothing_for_what_it_hides() {
    use crate::support::engine::{event, run, submission};
    let app = open_app();
    let fair = published(&app.sign_in("clerk"), "集市", "甲");
    let second = member(&app, "second", 102);
    let own = offer(&second, &fair, 500);
    let asked = || {
        let path = format!("/api/v1/instances/{fair}/history");
        let answer = app.anyone().get(&path).expect(200).bytes;
        let id = fair.clone();
        let rows = run(app.engine.read(move |conn| moves_after(conn, &id, 0, i64::MAX)));
        let reads = least_reads(&app, &|| drop(app.anyone().get(&path).expect(200)));
        (answer, rows.unwrap().len(), reads)
    };
    let before = asked();
    let party = second.get("/api/v1/me").json()["party"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let sender = luochui::machine::step::Actor {
        party: Some(party.as_str().into()),
        ..crate::support::engine::member("second")
    };
    run(async {
        let raise = |_| {
            let raise = event(&own.as_str().into(), "raise", &[("by", 100.into())]);
            app.engine.submit(submission(&app.engine, sender.clone(), raise, None))
        };
        for answered in futures_util::future::join_all((0..2_000).map(raise)).await {
            let answer = answered.unwrap().answer;
            assert!(
                matches!(answer, luochui::machine::step::Answer::Taken { .. }),
                "{answer:?}"
            );
        }
    });
    assert_eq!(asked(), before);
}

fn problem(client: &Client<'_>, path: &str) -> Value {
    strip(client.get(path).problem(404, "not_found"))
}

fn strip(mut problem: Value) -> Value {
    problem.as_object_mut().unwrap().remove("request");
    problem
}

#[test]
fn plates_tell_neither_who_nor_which_nor_in_which_order() {
    use crate::support::engine::{event, map, member as actor, submit};
    const TRADES: usize = 400;
    let app = open_app();
    let engine = &app.engine;
    let plates: Vec<[String; 2]> = crate::support::engine::run(async {
        let clerk = luochui::machine::step::Actor {
            posts: vec![("clerk".into(), super::fair::PLACE.into())],
            ..actor("clerk")
        };
        let one = async |_| {
            let data = map(&[
                ("name", "集市".into()),
                ("category", "甲".into()),
                ("place", super::fair::PLACE.into()),
            ]);
            let open = luochui::engine::Request::Open {
                bundle: "fair".into(),
                machine: None,
                data,
            };
            let fair = submit(engine, clerk.clone(), open, None).await.trade;
            let snapshot = engine.trade(&fair).await.unwrap();
            let todo = snapshot.trade.instances[&fair].todos.keys().next().unwrap().clone();
            let act = luochui::machine::step::Act::Complete {
                outcome: "publish".into(),
                payload: map(&[("secret", "x".into())]),
                sealed: None,
            };
            submit(
                engine,
                clerk.clone(),
                crate::support::engine::act(&fair, &todo, act),
                None,
            )
            .await;
            for name in ["ann", "bob"] {
                submit(engine, actor(name), event(&fair, "offer", &[]), None).await;
            }
            let snapshot = engine.trade(&fair).await.unwrap();
            let plate = |party: &str| {
                let mut own = snapshot.trade.instances.values();
                own.find(|instance| instance.owner.as_deref() == Some(party))
                    .unwrap()
                    .key
                    .clone()
                    .unwrap()
                    .to_string()
            };
            [plate("party-ann"), plate("party-bob")]
        };
        futures_util::future::join_all((0..TRADES).map(one)).await
    });
    let all: BTreeSet<&String> = plates.iter().flatten().collect();
    assert_eq!(all.len(), 2 * TRADES, "a plate never comes again: 30 bits, 800 of them");
    // Whoever came first has the lower plate in half of the trades, give or take five standard deviations.
    let lower = plates.iter().filter(|[first, second]| first < second).count();
    assert!(lower.abs_diff(TRADES / 2) < 50, "{lower} of {TRADES}");
    // Every letter at every place is as likely as any other, give or take: 800 / 32 = 25.
    for place in 0..6 {
        let mut counts = std::collections::BTreeMap::new();
        for plate in plates.iter().flatten() {
            *counts.entry(plate.as_bytes()[place]).or_insert(0_usize) += 1;
        }
        let chi: f64 = counts.values().map(|count| (*count as f64 - 25.0).powi(2) / 25.0).sum();
        // 31 degrees of freedom: beyond 85 once in a million.
        assert!(counts.len() == 32 && chi < 85.0, "place {place}: {chi} {counts:?}");
    }
}
