//! Before the close nobody learns who bids or how many have registered: canaries are planted in a trade of the shipped bundle, and
//! worlds that differ only in who did what, or in how many there are, must look the same to everybody else, byte by byte.

use base64::Engine as _;
use luochui::engine::Random;
use luochui::machine::Name;
use luochui::store::account_rows::account_page;
use luochui::store::incident_rows::{IncidentRow, incident_open};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::eyes::{Seen, everything, ids_in, problem, shown};
use crate::support::app::{Client, Reply, TestApp, person_number};
use crate::support::sale::{Bidder, INCREMENT, STAFF, START, Sale, centre, centre_drawing};

/// Everybody but the bidders, who runs the platform included.
fn others<'a>(app: &'a TestApp, parties: &[&str]) -> Vec<(String, Client<'a>)> {
    let staff = STAFF.iter().map(|(name, _)| *name);
    let named = staff
        .chain(parties.iter().copied())
        .map(|name| (name.to_owned(), app.sign_in(name)));
    std::iter::once(("nobody".to_owned(), app.anyone()))
        .chain(named)
        .collect()
}

/// What must not be found: who a bidder is, and under which ids.
fn canaries(bidder: &Bidder<'_>, nth: u32) -> Vec<String> {
    let me = bidder.client.get("/api/v1/me").json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    vec![
        text(&me["id"]),
        text(&me["party"]["id"]),
        text(&me["name"]),
        person_number(nth),
        format!("竞买人{nth}"),
        format!("p{nth}@example.test"),
        format!("canary-paper-{nth}"),
        format!("canary-address-{nth}"),
        format!("canary-bank-{nth}"),
        format!("canary-credit-{nth}"),
        format!("62220000{nth:08}"),
        bidder.application.clone(),
        bidder.paper.clone(),
    ]
}

/// Practises with the rules of the lot, with an opponent's limit that nobody else would think of; ids and numbers to look for.
fn practise(client: &Client<'_>) -> Vec<String> {
    let data = json!({"start_price": START, "increment": INCREMENT, "rival_limit": START + 77_777_000});
    let body = json!({"bundle": "asset-sale", "machine": "practice", "data": data});
    let opened = client.command("/api/v1/trades", &body).expect(201).json();
    let practice = opened["instance"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/instances/{practice}/events/take_part");
    client.command(&path, &json!({})).expect(200);
    let view = client.get(&format!("/api/v1/instances/{practice}")).expect(200).json();
    let children = view["children"].as_array().unwrap().iter();
    let mut found: Vec<_> = children.map(|child| child["id"].as_str().unwrap().to_owned()).collect();
    assert!(found.len() >= 2, "{view}");
    found.push(practice);
    found.push((START + 77_777_000).to_string());
    found
}

#[test]
fn no_route_and_no_stream_shows_who_bids() {
    let app = centre();
    let sale = Sale::announced(&app, json!({"proxy_allowed": true}));
    let names = [("erster", 101), ("zweiter", 102), ("dritter", 103)];
    let bidders: Vec<_> = names.iter().map(|(name, nth)| sale.bidder(name, *nth)).collect();
    app.account("fremder", &[]);
    app.sign_in("fremder").complete_profile(109);
    let room = sale.room();
    let stranger = || {
        problem(app.sign_in("fremder").command(
            &format!("/api/v1/instances/{room}/events/bid"),
            &json!({"amount": START, "confirmed": true}),
        ))
    };
    let told = stranger();
    assert_eq!(told["code"], "forbidden");
    sale.run_out(&room, "end", "timed");
    let practice = practise(&bidders[0].client);
    bidders[0].bid(&room, START).expect(200);
    bidders[1].bid(&room, START).problem(409, "duplicate_price");
    bidders[1].bid(&room, START + INCREMENT).expect(200);
    let limit = json!({"amount": START + 7 * INCREMENT + 3 * INCREMENT, "confirmed": true});
    bidders[0]
        .client
        .command(&format!("/api/v1/instances/{room}/events/limit"), &limit)
        .expect(200);
    assert_eq!(stranger(), told, "a stranger is not told how far the room is");

    let mut ids = vec![sale.listing.clone(), room.clone()];
    let foreign: Vec<_> = bidders
        .iter()
        .flat_map(|bidder| [bidder.application.clone(), bidder.paper.clone()])
        .collect();
    ids.extend(foreign.clone());
    for (who, client) in others(&app, &["erster", "zweiter", "dritter", "fremder"]) {
        let own: Vec<_> = bidders
            .iter()
            .zip(names)
            .filter(|(_, (name, _))| *name == who)
            .collect();
        let theirs = own.iter().flat_map(|(bidder, _)| [&bidder.application, &bidder.paper]);
        let theirs: Vec<_> = theirs.cloned().collect();
        let foreign: Vec<_> = foreign.iter().filter(|id| !theirs.contains(id)).cloned().collect();
        let mut seen = everything(&client, &ids, &foreign);
        // What an answer names is looked at too, such as documents and files of the notice.
        let named: Vec<_> = ids_in(&seen)
            .into_iter()
            .filter(|id| !ids.contains(id))
            .take(40)
            .collect();
        seen.extend(everything(&client, &named, &[]));
        assert!(seen.len() > 50, "{who} asked for {} things", seen.len());
        // Who runs the platform knows the accounts that there are, bidding or not.
        seen.retain(|asked, _| !asked.contains("/admin/accounts"));
        for (bidder, (name, nth)) in bidders.iter().zip(names).filter(|(_, (name, _))| *name != who) {
            let mut wanted = canaries(bidder, nth);
            // The one who never led has a plate that nobody has seen.
            if name == "dritter" {
                wanted.push(bidder.key());
            }
            if name == "erster" {
                wanted.push(limit["amount"].to_string());
                wanted.extend(practice.clone());
            }
            for canary in wanted {
                for (asked, answer) in &seen {
                    assert!(
                        !answer.contains(&canary),
                        "{who} finds {canary} of {name} in {asked}: {answer}"
                    );
                }
            }
        }
    }
}

/// A trade up to its timed bidding, in which the parties take these parts, and what everybody else sees of it.
fn world(parts: &[(&str, u32)], silent: &[(&str, u32)], practising: &[&str]) -> Vec<(String, Seen)> {
    let app = centre_drawing(Random::seeded("one world"));
    for (name, nth) in [
        ("anna", 101),
        ("bert", 102),
        ("clara", 103),
        ("dora", 104),
        ("fremder", 109),
    ] {
        app.account(name, &[]);
        app.sign_in(name).complete_profile(nth);
    }
    let sale = Sale::announced(&app, json!({}));
    let register = |(name, nth): &(&str, u32)| sale.register(app.sign_in(name), *nth);
    let bidders: Vec<_> = parts.iter().map(register).collect();
    let clara = sale.register(app.sign_in("clara"), 103);
    let silent: Vec<_> = silent.iter().map(register).collect();
    let room = sale.room();
    sale.run_out(&room, "end", "timed");
    bidders[0].bid(&room, START).expect(200);
    bidders[1].bid(&room, START).problem(409, "duplicate_price");
    bidders[1].bid(&room, START + 3 * INCREMENT).expect(200);
    bidders[0].bid(&room, START + 4 * INCREMENT).expect(200);
    for name in practising {
        practise(&app.sign_in(name));
    }
    // Ids of the others are the same by their order; a stranger can only guess them.
    let foreign: Vec<_> = bidders
        .iter()
        .chain(&silent)
        .map(|bidder| bidder.application.clone())
        .take(2)
        .collect();
    let ids = [
        vec![sale.listing.clone(), room.clone(), clara.application],
        foreign.clone(),
    ]
    .concat();
    let labels = labels(&sale, &room, &clara.paper);
    let look = |(who, client): (String, Client<'_>)| {
        let mut seen = everything(&client, &ids, &foreign);
        // Drawn when a server is installed, before there is any trade.
        seen.remove("GET /api/v1/platform/key");
        let steady = seen.into_iter().map(|(asked, answer)| {
            let answer = labels.put(&answer);
            let answer = match asked.rsplit('/').next() {
                Some("accounts") => sorted(&answer),
                Some("record") => unchained(&answer),
                _ => answer,
            };
            (labels.put(&asked), answer)
        });
        (who, steady.collect())
    };
    others(&app, &["clara", "fremder"]).into_iter().map(look).collect()
}

/// Ids that no step draws differ between any two servers: those of accounts, parties and files. Each is known and is told by what it is
/// of, so that whoever stood where another one stands in the other world would be seen. Whatever else differs is a leak.
struct Labels(Vec<(String, String)>);

impl Labels {
    fn put(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (id, label)| text.replace(id, label))
    }
}

fn labels(sale: &Sale<'_>, room: &str, paper: &str) -> Labels {
    let app = sale.app;
    let accounts = app.write(|conn| account_page(conn, None, 100));
    let mut labels = vec![
        (room.to_owned(), "ROOM".to_owned()),
        (app.url.clone(), "SERVER".to_owned()),
    ];
    for account in accounts {
        labels.extend(account.party.map(|party| (party, format!("PARTY-{}", account.name))));
        labels.push((account.id, format!("ACCOUNT-{}", account.name)));
    }
    let snapshot = crate::support::engine::run(app.engine.trade(&Name::from(sale.listing.as_str()))).unwrap();
    let root = &snapshot.trade.instances[&snapshot.trade.id];
    if let Some(luochui::machine::Value::Map(materials)) = root.data.get("materials") {
        for (name, files) in materials {
            let files = serde_json::to_value(files).unwrap();
            let files = files.as_array().into_iter().flatten().filter_map(|id| id.as_str());
            labels.extend(files.map(|id| (id.to_owned(), format!("FILE-{name}"))));
        }
    }
    labels.push((paper.to_owned(), "FILE-clara".to_owned()));
    Labels(labels)
}

/// Accounts are listed by their ids, which are drawn: here by their names.
fn sorted(answer: &str) -> String {
    let body = answer.find("{\"items\"");
    let Some((head, body)) = body.map(|at| answer.split_at(at)) else {
        return answer.to_owned();
    };
    let mut body: serde_json::Value = serde_json::from_str(body).unwrap();
    let items = body["items"].as_array_mut().unwrap();
    items.sort_by_key(|item| item["name"].to_string());
    format!("{head}{body}")
}

/// The record that a supervisor may read while the room is open names nobody; its lines hang together by digests of what nobody is
/// shown, each with a salt of its own.
fn unchained(answer: &str) -> String {
    let lines = answer.split('\n').map(|line| {
        let Ok(mut line) = serde_json::from_str::<serde_json::Value>(line) else {
            return line.to_owned();
        };
        for name in ["history", "prev_sm3", "prev_sha256"] {
            if let Some(digest) = line.get_mut(name) {
                *digest = json!(digest.as_str().unwrap().len());
            }
        }
        line.to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn same(one: &[(String, Seen)], other: &[(String, Seen)], difference: &str) {
    for ((who, one), (_, other)) in one.iter().zip(other) {
        assert_eq!(
            one.keys().collect::<Vec<_>>(),
            other.keys().collect::<Vec<_>>(),
            "{who}"
        );
        for (asked, answer) in one {
            assert_eq!(answer, &other[asked], "{who} learns {difference} from {asked}");
        }
    }
}

#[test]
fn worlds_that_differ_in_who_did_what_look_the_same() {
    let parts = [("anna", 101), ("bert", 102)];
    let one = world(&parts, &[], &[]);
    assert!(one.iter().all(|(_, seen)| seen.len() > 40));
    same(&one, &world(&[parts[1], parts[0]], &[], &[]), "who bid");
    same(&one, &world(&parts, &[("dora", 104)], &[]), "how many there are");
    same(&one, &world(&parts, &[], &["anna", "dora"]), "how many practise");
}

#[test]
fn what_is_sealed_is_seen_by_nobody_before_it_is_opened() {
    let app = centre();
    let sale = Sale::announced(&app, json!({"method": "sealed"}));
    let bidders = [sale.bidder("erster", 101), sale.bidder("zweiter", 102)];
    let room = sale.room();
    sale.run_out(&room, "end", "sealed");
    let before: Vec<Seen> = looks(&app, &[&sale.listing, &room]);
    let amounts = [START + 77_701, START + 88_802];
    for (bidder, amount) in bidders.iter().zip(amounts) {
        let offer = json!({"amount": amount, "confirmed": true});
        let path = format!("/api/v1/instances/{room}/events/offer");
        bidder.client.command(&path, &offer).expect(200);
    }
    let after = looks(&app, &[&sale.listing, &room]);
    for (before, after) in before.iter().zip(&after) {
        for (asked, answer) in after {
            let told = amounts.iter().any(|amount| answer.contains(&amount.to_string()));
            assert!(!told, "{asked}: {answer}");
        }
        assert_eq!(before, after, "offers change what others see");
    }
    sale.run_out(&room, "countdown", "sold");
    let live = app.anyone().get(&format!("/api/v1/auctions/{room}")).expect(200).json();
    assert_eq!(live["data"]["price"], amounts[1]);
    assert_eq!(live["data"]["leader"], bidders[1].key());
}

/// What everybody but the bidders sees; each asks as itself.
fn looks(app: &TestApp, ids: &[&str]) -> Vec<Seen> {
    let ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
    let look = |(who, client): (String, Client<'_>)| {
        let seen = everything(&client, &ids, &[]);
        seen.into_iter()
            .map(|(asked, answer)| (format!("{who} {asked}"), answer))
            .collect()
    };
    others(app, &[]).into_iter().map(look).collect()
}

/// What went wrong with an application is for who mends it, without whose it is; oversight, which may not know that there is one, is not led
/// past it by a cursor either.
#[test]
fn a_hidden_incident_leaves_no_gap_in_the_pages_of_oversight() {
    let app = centre();
    let sale = Sale::announced(&app, json!({}));
    let hidden = sale.bidder("erster", 101).application;
    let open = |id: &str, instance: Option<&str>, at: i64| {
        let row = IncidentRow {
            id: id.into(),
            trade: None,
            instance: instance.map(str::to_owned),
            kind: "fault".into(),
            place: "x".into(),
            text: format!("of {id}"),
            opened_at: at,
            closed_at: None,
            closed_by: None,
        };
        app.write(move |conn| incident_open(conn, &row));
    };
    open("oldest", None, 1);
    open("first-hidden", Some(&hidden), 2);
    open("second-hidden", Some(&hidden), 3);
    open("newest", None, 4);
    let pages = |name: &str| {
        let client = app.sign_in(name);
        let (mut ids, mut next) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/admin/incidents?limit=1{next}");
            let page = client.get(&path).expect(200).json();
            ids.push(page["items"][0]["id"].as_str().map(str::to_owned));
            let Some(cursor) = page["next"].as_str() else {
                return ids;
            };
            let plain = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(cursor).unwrap();
            assert!(!String::from_utf8(plain).unwrap().contains("hidden") || name == "root");
            next = format!("&after={cursor}");
        }
    };
    assert_eq!(pages("watch"), [Some("newest".into()), Some("oldest".into())]);
    assert_eq!(pages("root").len(), 4);
}

/// What a server that leaks would answer, beside what ours does: the comparison finds each kind.
#[test]
fn a_planted_count_order_or_etag_is_found() {
    let answer = |body: serde_json::Value, tag: Option<&str>| {
        let bytes = serde_json::to_vec(&body).unwrap();
        let digest = hex::encode(Sha256::digest(&bytes));
        let tag = tag.map_or_else(|| format!("\"{}\"", &digest[..32]), str::to_owned);
        let headers = [("etag".to_owned(), tag)].into();
        shown(&Reply {
            status: 200,
            headers,
            bytes,
        })
    };
    let labels = Labels(vec![
        ("01A".into(), "ACCOUNT-anna".into()),
        ("01B".into(), "ACCOUNT-bert".into()),
    ]);
    let world = |body| {
        vec![(
            "nobody".to_owned(),
            Seen::from([("GET /x".to_owned(), labels.put(&answer(body, None)))]),
        )]
    };
    let finds = |one: &[(String, Seen)], other: &[(String, Seen)]| {
        std::panic::catch_unwind(|| same(one, other, "what was planted")).is_err()
    };
    let plain = || world(json!({"items": ["01A", "01B"], "at": 5}));
    assert!(!finds(&plain(), &plain()));
    assert!(
        finds(&plain(), &world(json!({"items": ["01A", "01B"], "at": 5, "total": 2}))),
        "a count"
    );
    assert!(
        finds(&plain(), &world(json!({"items": ["01B", "01A"], "at": 5}))),
        "an order"
    );
    assert!(
        finds(&plain(), &world(json!({"items": ["01A", "01A"], "at": 5}))),
        "who"
    );
    assert!(
        finds(&plain(), &world(json!({"items": ["01A", "01B"], "at": 6}))),
        "a time"
    );
    let tags = ["1", "2"].map(|version| format!("\"{}\"", version.repeat(32)));
    let tagged = |tag: &String| {
        vec![(
            "nobody".to_owned(),
            Seen::from([("GET /x".to_owned(), answer(json!({}), Some(tag)))]),
        )]
    };
    assert!(
        finds(&tagged(&tags[0]), &tagged(&tags[1])),
        "an ETag over what nobody is shown"
    );
    // An id that is drawn per server says nothing where it is of the same account.
    let other = Labels(vec![
        ("01C".into(), "ACCOUNT-anna".into()),
        ("01D".into(), "ACCOUNT-bert".into()),
    ]);
    let there = other.put(&answer(json!({"items": ["01C", "01D"], "at": 5}), None));
    assert!(!finds(
        &plain(),
        &[("nobody".to_owned(), Seen::from([("GET /x".to_owned(), there)]))]
    ));
}
