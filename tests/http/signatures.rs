//! Signed events over the API: what a signature must bind, whose it must be, and that a dossier proves it again.

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use luochui::record::dossier::verify_dossier;
use luochui::record::signers::Trusting;
use luochui::record::verify::{Held, Report, Status};
use luochui::seal::authority::{Authority, Holder, Party, Period, Use};
use luochui::seal::trust::{Entry, Kind, TrustStore};
use serde_json::{Value, json};

use crate::support::app::{Client, Reply, Request, TestApp, person_number};
use crate::support::sale::{INCREMENT, START, Sale, centre};

const DAY: i64 = 86_400_000;

/// An authority for development that a server trusts.
pub struct Trusted<'a> {
    app: &'a TestApp,
    authority: Authority,
    drawn: Cell<u8>,
}

impl<'a> Trusted<'a> {
    pub fn by(app: &'a TestApp) -> Self {
        let (drawn, mut first) = (Cell::new(100), 0);
        let authority = Authority::new("Test", app.clock.now().plus_millis(-DAY), &mut |bytes| {
            first += 1;
            *bytes = [first; 32];
        });
        let authority = authority.unwrap();
        let trusted = Self { app, authority, drawn };
        trusted.add("authority", &trusted.authority.root.certificate.to_pem());
        trusted.add("authority", &trusted.authority.issuing.certificate.to_pem());
        trusted.add("profile", &serde_json::to_string(&trusted.authority.profile()).unwrap());
        trusted.list(1, &[]);
        trusted
    }

    fn add(&self, kind: &str, content: &str) {
        let path = "/api/v1/admin/trust";
        let root = self.app.sign_in("root");
        root.command(path, &json!({"kind": kind, "content": content}))
            .expect(201);
    }

    /// A list from now on.
    pub fn list(&self, number: u32, revoked: &[&Party]) {
        let now = self.app.clock.now();
        let entry = |party: &&Party| (party.certificate.serial().to_vec(), Entry { from: now, reason: 1 });
        let revoked: Vec<_> = revoked.iter().map(entry).collect();
        let list = self.authority.revocations(&revoked, number, Period::days(now, 90));
        self.add("list", &STANDARD.encode(list.unwrap().der()));
    }

    /// This authority with lists of now, for whoever verifies elsewhere.
    fn store(&self, revoked: &[&Party]) -> TrustStore {
        let now = self.app.clock.now();
        let entry = |party: &&Party| (party.certificate.serial().to_vec(), Entry { from: now, reason: 1 });
        let revoked: Vec<_> = revoked.iter().map(entry).collect();
        let period = Period::days(now, 90);
        let lists = [
            self.authority.revocations(&revoked, 9, period),
            self.authority.root_revocations(9, period),
        ];
        self.authority.trust(lists.into_iter().map(Result::unwrap).collect())
    }

    pub fn issue(&self, nth: u32) -> Party {
        let holder = Holder {
            kind: Kind::Person,
            code: person_number(nth),
            name: format!("竞买人{nth}"),
        };
        let period = Period::days(self.app.clock.now().plus_millis(-DAY), 365);
        let party = self.authority.issue(&holder, Use::Signing, period, &mut |bytes| {
            self.drawn.set(self.drawn.get() + 1);
            *bytes = [self.drawn.get(); 32];
        });
        party.unwrap()
    }
}

/// An event on its way.
struct Envelope<'a> {
    room: &'a str,
    event: &'a str,
    key: &'a str,
    /// The number of the last published state.
    seen: i64,
    payload: Value,
}

/// What a watcher of the room was shown last.
fn last_shown(app: &TestApp, room: &str) -> i64 {
    let wanted = [room.to_owned()];
    let counts = app.write(move |conn| luochui::store::published_rows::published_counts(conn, &wanted));
    counts.first().map_or(0, |(_, last)| *last)
}

impl Envelope<'_> {
    fn bid<'a>(room: &'a str, key: &'a str, amount: i64) -> Envelope<'a> {
        Envelope {
            room,
            event: "bid",
            key,
            seen: 1,
            payload: json!({"amount": amount, "confirmed": true}),
        }
    }

    /// The signature over what stands here, as docs/api.md says.
    fn signature(&self, by: &Party) -> Value {
        let Self {
            room,
            event,
            key,
            seen,
            payload,
        } = self;
        let text = format!("LUOCHUI-EVENT-V1|{room}|{event}|{seen}|{key}|{payload}");
        json!({"certificate": STANDARD.encode(by.certificate.der()), "nonce": key, "seen": seen,
            "value": STANDARD.encode(by.key.sign(text.as_bytes()).unwrap())})
    }

    fn send(&self, client: &Client<'_>, signature: Value) -> Reply {
        let mut body = self.payload.clone();
        if !signature.is_null() {
            body["signature"] = signature;
        }
        let path = format!("/api/v1/instances/{}/events/{}", self.room, self.event);
        client.send(
            Request::new("POST", &path)
                .header("Idempotency-Key", self.key)
                .json(&body),
        )
    }
}

#[test]
fn a_signed_bid_counts_only_as_it_was_signed_and_a_dossier_proves_it() {
    let app = centre();
    let sale = Sale::announced(&app, json!({"bid_signature": "every_bid"}));
    let bidders = [sale.bidder("zhang", 101), sale.bidder("li", 102)];
    let room = sale.room();
    sale.run_out(&room, "end", "timed");
    let trusted = Trusted::by(&app);
    let (own, spare, others) = (trusted.issue(101), trusted.issue(101), trusted.issue(102));
    let zhang = &bidders[0].client;

    let bid = Envelope::bid(&room, "bid-1", START);
    bid.send(zhang, Value::Null).problem(409, "bad_signature");
    let bid = Envelope { key: "bid-2", ..bid };
    let signature = bid.signature(&own);
    for other in [
        Envelope::bid(&room, "bid-2", START + INCREMENT),
        Envelope::bid(&sale.listing, "bid-2", START),
        Envelope {
            event: "offer",
            ..Envelope::bid(&room, "bid-2", START)
        },
        // The nonce is the key, whatever the body says.
        Envelope::bid(&room, "bid-3", START),
    ] {
        other.send(zhang, signature.clone()).problem(401, "bad_signature");
    }
    let mut bent = signature.clone();
    bent["seen"] = json!(2);
    bid.send(zhang, bent).problem(401, "bad_signature");
    let mut nameless = signature.clone();
    nameless.as_object_mut().unwrap().remove("nonce");
    assert_eq!(bid.send(zhang, nameless).problem(422, "invalid")["field"], "signature");
    // A copy of somebody's certificate without the key, and the key of somebody else.
    let mut copied = signature.clone();
    copied["certificate"] = json!(STANDARD.encode(others.certificate.der()));
    bid.send(zhang, copied).problem(401, "bad_signature");
    let foreign = bid
        .send(zhang, bid.signature(&others))
        .problem(403, "certificate_refused");
    assert_eq!(foreign["reason"], "other_holder");
    trusted.list(2, &[&spare]);
    let revoked = bid
        .send(zhang, bid.signature(&spare))
        .problem(403, "certificate_refused");
    assert_eq!(revoked["reason"], "revoked");

    let first = bid.send(zhang, signature.clone()).expect(200).json();
    assert!(first["receipt"]["line"]["sm3"].is_string(), "{first}");
    let again = bid.send(zhang, signature.clone()).expect(200).json();
    assert_eq!(again["receipt"], first["receipt"]);
    // Revoked since: what was taken was taken, and the same command still gets its first answer. Another one does not.
    app.advance(1);
    trusted.list(3, &[&spare, &own]);
    let again = bid.send(zhang, signature.clone()).expect(200).json();
    assert_eq!(again["receipt"], first["receipt"]);
    let other = Envelope::bid(&room, "bid-2", START + INCREMENT);
    other.send(zhang, signature).problem(409, "idempotency_key_reused");
    let late = Envelope::bid(&room, "bid-4", START + INCREMENT);
    let refused = late
        .send(zhang, late.signature(&own))
        .problem(403, "certificate_refused");
    assert_eq!(refused["reason"], "revoked");
    sale.run_out(&room, "countdown", "sold");

    let path = format!("/api/v1/admin/instances/{room}/dossier");
    let dossier = app.sign_in("watch").get(&path).expect(200);
    let dossier = String::from_utf8(dossier.bytes.clone()).unwrap();
    let report = verify_dossier(&dossier, &Held::default());
    assert!(report.holds(), "{:?}", report.steps);
    assert_eq!(status(&report), Some(Status::Ok), "{:?}", report.steps);
    flipped(&dossier);
    let trusting = Trusting {
        store: trusted.store(&[&spare, &own]),
        now: app.clock.now(),
    };
    signers(&dossier, &trusting, (&trusted, &others));
}

/// Whose certificate it was is nobody's word where authorities are trusted: what an operator puts into a dossier is found.
fn signers(dossier: &str, trusting: &Trusting, (trusted, other): (&Trusted<'_>, &Party)) {
    let judge = |text: &str, trust: Option<&Trusting>| {
        let held = Held {
            trust: trust.cloned(),
            ..Held::default()
        };
        let report = verify_dossier(text, &held);
        let step = |name: &str| {
            report
                .steps
                .iter()
                .find(|step| step.name == name)
                .map(|step| step.status)
        };
        (step("signatures"), step("signers"))
    };
    let (ok, warning, failed) = (Some(Status::Ok), Some(Status::Warning), Some(Status::Failed));
    assert_eq!(judge(dossier, None), (ok, warning));
    assert_eq!(judge(dossier, Some(trusting)), (ok, ok));
    let nobody = Trusting {
        store: TrustStore::default(),
        ..trusting.clone()
    };
    assert_eq!(judge(dossier, Some(&nobody)), (None, failed));

    // The same offer, signed by a certificate of the operator's own authority for the same number.
    let pretender = Authority::new("Test", trusted.app.clock.now().plus_millis(-DAY), &mut |bytes| {
        *bytes = [200; 32]
    });
    let pretender = pretender.unwrap();
    let holder = Holder {
        kind: Kind::Person,
        code: person_number(101),
        name: "竞买人101".to_owned(),
    };
    let period = Period::days(trusted.app.clock.now().plus_millis(-DAY), 365);
    let forged = pretender.issue(&holder, Use::Signing, period, &mut |bytes| *bytes = [201; 32]);
    let forged = resigned(dossier, &forged.unwrap());
    assert_eq!(
        judge(&forged, None),
        (ok, warning),
        "without authorities nothing is found"
    );
    assert_eq!(judge(&forged, Some(trusting)), (None, failed));
    // By somebody else's good certificate.
    assert_eq!(judge(&resigned(dossier, other), Some(trusting)), (None, failed));
    // The number that the dossier gives for the party.
    let renamed = dossier.replace(
        &format!("\"code\":\"{}\"", person_number(101)),
        &format!("\"code\":\"{}\"", person_number(103)),
    );
    assert_ne!(renamed, dossier);
    assert_eq!(judge(&renamed, Some(trusting)).1, failed);
}

/// The dossier with the first signature made by somebody else.
fn resigned(dossier: &str, by: &Party) -> String {
    let line = dossier.lines().find(|line| line.contains("\"signed\":{")).unwrap();
    let part: Value = serde_json::from_str(line).unwrap();
    let entry: luochui::machine::history::Entry = serde_json::from_value(part["entry"].clone()).unwrap();
    let input = entry.private.unwrap().input;
    let luochui::machine::step::Cause::Event { name, payload, signed } = input.cause else {
        panic!("not an event")
    };
    let signed = signed.unwrap();
    let offered = luochui::record::signed::Offered {
        instance: &input.instance,
        event: &name,
        payload: &payload,
        seen: signed.seen,
        nonce: &signed.nonce,
    };
    let value = STANDARD.encode(by.key.sign(offered.text().as_bytes()).unwrap());
    let changed = line
        .replace(&*signed.value, &value)
        .replace(&*signed.certificate, &STANDARD.encode(by.certificate.der()))
        .replace(&*signed.certificate_sha256, &by.certificate.sha256());
    dossier.replace(line, &changed)
}

fn status(report: &Report) -> Option<Status> {
    let step = report.steps.iter().find(|step| step.name == "signatures");
    step.map(|step| step.status)
}

/// One bit of the signature that the history keeps: found by itself, and not only by the chain around it.
fn flipped(dossier: &str) {
    let place = dossier.lines().position(|line| line.contains("\"signed\":{")).unwrap();
    let line = dossier.lines().nth(place).unwrap();
    let start = line.find("\"value\":\"").unwrap() + "\"value\":\"".len();
    let value = line[start..].split('"').next().unwrap();
    let mut bytes = STANDARD.decode(value).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let report = verify_dossier(&dossier.replace(value, &STANDARD.encode(bytes)), &Held::default());
    let step = report.steps.iter().find(|step| step.name == "signatures").unwrap();
    assert_eq!(
        (step.status, step.line),
        (Status::Failed, Some(place as u64 + 1)),
        "{step:?}"
    );
}

#[test]
fn who_signed_at_entry_bids_without_signing_again() {
    let app = centre();
    let sale = Sale::announced(&app, json!({"bid_signature": "once_at_entry"}));
    let bidders = [sale.bidder("zhang", 101), sale.bidder("li", 102)];
    let room = sale.room();
    let trusted = Trusted::by(&app);
    let enter = Envelope {
        room: &room,
        event: "enter",
        key: "enter-1",
        seen: last_shown(&app, &room),
        payload: json!({}),
    };
    let own = trusted.issue(101);
    enter
        .send(&bidders[1].client, enter.signature(&own))
        .problem(403, "certificate_refused");
    enter.send(&bidders[0].client, enter.signature(&own)).expect(200);
    sale.run_out(&room, "end", "timed");
    bidders[0].bid(&room, START).expect(200);
    bidders[1].bid(&room, START + INCREMENT).problem(409, "bad_signature");
}

#[test]
fn a_signature_says_of_what_it_has_seen_only_what_was_published() {
    let app = centre();
    let sale = Sale::announced(&app, json!({"bid_signature": "every_bid"}));
    let bidder = sale.bidder("zhang", 101);
    sale.bidder("li", 102);
    let room = sale.room();
    sale.run_out(&room, "end", "timed");
    let trusted = Trusted::by(&app);
    let own = trusted.issue(101);
    let last = last_shown(&app, &room);
    assert!(last > 1, "{last}");
    for (key, seen) in [("bid-1", 999_999_999), ("bid-2", last + 1), ("bid-3", 0), ("bid-4", -1)] {
        let bid = Envelope {
            seen,
            ..Envelope::bid(&room, key, START)
        };
        let refused = bid
            .send(&bidder.client, bid.signature(&own))
            .problem(401, "bad_signature");
        assert_eq!(refused["reason"], "not_seen", "{seen}");
    }
    let bid = Envelope {
        seen: last,
        ..Envelope::bid(&room, "bid-5", START)
    };
    bid.send(&bidder.client, bid.signature(&own)).expect(200);
}

#[test]
fn a_signed_event_does_not_wait_for_a_storm_of_sign_ins() {
    let app = centre();
    let sale = Sale::announced(&app, json!({"bid_signature": "once_at_entry"}));
    let bidder = sale.bidder("zhang", 101);
    sale.bidder("li", 102);
    let room = sale.room();
    let own = Trusted::by(&app).issue(101);
    let enter = Envelope {
        room: &room,
        event: "enter",
        key: "enter-1",
        seen: last_shown(&app, &room),
        payload: json!({}),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (begun, beginning) = std::sync::mpsc::channel();
    let verifiers = app.state.verifiers.clone();
    let busy = runtime.spawn(async move {
        let work = move || {
            begun.send(()).unwrap();
            let _ended = held.recv();
        };
        verifiers.run(work).await
    });
    beginning.recv().unwrap();
    // The thread is held; now the queue is filled until it says that it is full.
    let mut waiting = Vec::new();
    let full = loop {
        let verifiers = app.state.verifiers.clone();
        let mut next = Box::pin(async move { verifiers.run(|| ()).await });
        // Polled once: it is in the queue, or refused.
        let polled = runtime.block_on(std::future::poll_fn(|context| {
            std::task::Poll::Ready(next.as_mut().poll(context))
        }));
        match polled {
            std::task::Poll::Ready(refused) => break refused.unwrap_err(),
            std::task::Poll::Pending => waiting.push(next),
        }
    };
    assert_eq!((full.status, full.retry_after_seconds), (503, Some(1)));
    enter.send(&bidder.client, enter.signature(&own)).expect(200);
    release.send(()).unwrap();
    runtime.block_on(busy).unwrap().unwrap();
}
