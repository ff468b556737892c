//! Before the close nobody learns who bids or how many have registered: canaries are planted in a trade of the shipped bundle, and
//! worlds that differ only in who did what, or in how many there are, must look the same to everybody else, byte by byte.

use luochui::engine::Random;
use serde_json::json;

use super::eyes::{Seen, everything, ids_in, problem};
use crate::support::app::{Client, TestApp, person_number};
use crate::support::sale::{Bidder, INCREMENT, STAFF, START, Sale, centre, centre_drawing};

/// Everybody who does not run the platform.
fn others<'a>(app: &'a TestApp, parties: &[&str]) -> Vec<(String, Client<'a>)> {
    let staff = STAFF.iter().map(|(name, _)| *name).filter(|name| *name != "root");
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
    bidders[0].bid(&room, START).expect(200);
    bidders[1].bid(&room, START).problem(409, "duplicate_price");
    bidders[1].bid(&room, START + INCREMENT).expect(200);
    let limit = json!({"amount": START + 7 * INCREMENT + 3 * INCREMENT});
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
        for (bidder, (name, nth)) in bidders.iter().zip(names).filter(|(_, (name, _))| *name != who) {
            let mut wanted = canaries(bidder, nth);
            // The one who never led has a plate that nobody has seen.
            if name == "dritter" {
                wanted.push(bidder.key());
            }
            if name == "erster" {
                wanted.push(limit["amount"].to_string());
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
fn world(parts: &[(&str, u32)], silent: &[(&str, u32)]) -> Vec<(String, Seen)> {
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
    let look = |(who, client): (String, Client<'_>)| {
        let mut seen = everything(&client, &ids, &foreign);
        // Drawn when a server is installed, before there is any trade.
        seen.remove("GET /api/v1/platform/key");
        (
            who,
            seen.into_iter()
                .map(|(asked, answer)| (asked.replace(&room, "ROOM"), steady(&answer, &app, &room)))
                .collect(),
        )
    };
    others(&app, &["clara", "fremder"]).into_iter().map(look).collect()
}

/// Ids that no step draws differ between any two servers: those of files, accounts and parties that the reader may see. They are told
/// by their first appearance.
fn steady(answer: &str, app: &TestApp, room: &str) -> String {
    let answer = answer.replace(room, "ROOM").replace(&app.url, "SERVER");
    let mut known: Vec<String> = Vec::new();
    let mut out = String::new();
    let mut word = String::new();
    for character in answer.chars().chain([' ']) {
        if character.is_ascii_alphanumeric() {
            word.push(character);
            continue;
        }
        // Hashes commit to what nobody is shown, each with a salt of its own.
        if word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            word = "HASH".to_owned();
        }
        if word.len() == 26 || (word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            let place = known.iter().position(|one| *one == word).unwrap_or_else(|| {
                known.push(word.clone());
                known.len() - 1
            });
            word = format!("ID{place}");
        }
        out.push_str(&word);
        out.push(character);
        word.clear();
    }
    out
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
    let one = world(&[("anna", 101), ("bert", 102)], &[]);
    assert!(one.iter().all(|(_, seen)| seen.len() > 40));
    same(&one, &world(&[("bert", 102), ("anna", 101)], &[]), "who bid");
    same(
        &one,
        &world(&[("anna", 101), ("bert", 102)], &[("dora", 104)]),
        "how many there are",
    );
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
            // Who runs the platform sees that something came, and not what.
            let told = amounts.iter().any(|amount| answer.contains(&amount.to_string()));
            assert!(!told, "{asked}: {answer}");
        }
        let admin = after.keys().any(|asked| asked.starts_with("root "));
        assert!(admin || before == after, "offers change what others see");
    }
    sale.run_out(&room, "countdown", "sold");
    let live = app.anyone().get(&format!("/api/v1/auctions/{room}")).expect(200).json();
    assert_eq!(live["data"]["price"], amounts[1]);
    assert_eq!(live["data"]["leader"], bidders[1].key());
}

/// What everybody but the bidders sees, who runs the platform included; each asks as itself.
fn looks(app: &TestApp, ids: &[&str]) -> Vec<Seen> {
    let ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
    let mut people = others(app, &[]);
    people.push(("root".to_owned(), app.sign_in("root")));
    let look = |(who, client): (String, Client<'_>)| {
        let mut seen = everything(&client, &ids, &[]);
        // Lists of accounts tell when they were last used.
        seen.retain(|asked, _| !asked.contains("/admin/accounts") && !asked.ends_with("/me"));
        seen.into_iter()
            .map(|(asked, answer)| (format!("{who} {asked}"), answer))
            .collect()
    };
    people.into_iter().map(look).collect()
}
