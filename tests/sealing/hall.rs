//! The stage: a server that trusts a test authority, two organisations with seals, and a paper that waits for them.

use std::cell::Cell;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use luochui::engine::{Request as Wish, Submission};
use luochui::machine::step::{Actor, Answer, Cause};
use luochui::machine::{Name, Value as Datum};
use luochui::seal::authority::{Authority, Holder, Party, Period, SealOrder, Use};
use luochui::seal::trust::{Entry, Kind};
use luochui::store::account_rows::{self, OrganisationRow};
use luochui::store::document_rows::{self, DocumentRow};
use serde_json::{Value, json};

use crate::carriers::world::{pages, picture};
use crate::support::app::{Client, Reply, TestApp};
use crate::support::postgres::Database;

pub const SELLER: &str = "91110000600037341L";
pub const BUYER: &str = "91433100MA4L00003X";
pub const SECRET: &str = "a shared secret of 32 bytes or so";
const DAY: i64 = 86_400_000;

pub struct Hall {
    pub app: TestApp,
    pub authority: Authority,
    pub buyer: Party,
    pub seller: Party,
    drawn: Cell<u8>,
    listed: Cell<u32>,
}

thread_local! { static ELSEWHERE: std::cell::RefCell<Option<String>> = const { std::cell::RefCell::new(None) }; }

/// Runs a test again, whose halls then stand on PostgreSQL.
pub fn on_postgres(test: fn()) {
    let Some(database) = Database::migrated() else { return };
    ELSEWHERE.set(Some(database.url.clone()));
    test();
    ELSEWHERE.set(None);
}

fn files() -> BTreeMap<String, String> {
    let files = [
        ("bundle.yaml", include_str!("bundle/bundle.yaml")),
        ("paper.yaml", include_str!("bundle/paper.yaml")),
        ("templates/documents/deed.typ.hbs", "契据"),
        ("templates/mail/todo_new/subject.txt.hbs", "{{todo.title}}"),
        ("templates/mail/todo_new/body.txt.hbs", "{{todo.title}}"),
    ];
    files
        .into_iter()
        .map(|(path, text)| (path.into(), text.into()))
        .collect()
}

impl Hall {
    pub fn open(change: impl FnOnce(&mut luochui::config::Config)) -> Self {
        let app = TestApp::start_with(|config| {
            if let Some(url) = ELSEWHERE.with_borrow(Clone::clone) {
                config.database.url = url;
            }
            change(config);
        });
        for (code, name) in [(SELLER, "卖方公司"), (BUYER, "买方公司")] {
            let row = OrganisationRow {
                code: code.into(),
                name: name.into(),
                created_at: 0,
            };
            app.write(move |conn| account_rows::organisation_insert(conn, &row));
        }
        app.account("root", &["admin"]);
        app.account("clerk", &[&format!("clerk@{SELLER}")]);
        app.account("buyer", &[&format!("buyer@{BUYER}")]);
        app.sign_in("root")
            .command("/api/v1/admin/definitions", &json!({"files": files()}))
            .expect(201);
        let drawn = Cell::new(0);
        let mut random = |bytes: &mut [u8; 32]| {
            drawn.set(drawn.get() + 1);
            *bytes = [drawn.get(); 32];
        };
        let authority = Authority::new("试验", app.clock.now().plus_millis(-DAY), &mut random).unwrap();
        let period = Period::days(app.clock.now().plus_millis(-DAY), 90);
        let mut issue = |code: &str, name: &str| {
            let holder = Holder {
                kind: Kind::Organisation,
                code: code.into(),
                name: name.into(),
            };
            authority.issue(&holder, Use::Signing, period, &mut random).unwrap()
        };
        let (buyer, seller) = (issue(BUYER, "买方公司"), issue(SELLER, "卖方公司"));
        let hall = Self {
            app,
            authority,
            buyer,
            seller,
            drawn,
            listed: Cell::new(0),
        };
        hall.trust("authority", &hall.authority.root.certificate.to_pem());
        hall.trust("authority", &hall.authority.issuing.certificate.to_pem());
        hall.trust("profile", &serde_json::to_string(&hall.authority.profile()).unwrap());
        hall.list(&[]);
        let whole = Period::days(hall.app.clock.now(), 90);
        let root = hall.authority.root_revocations(1, whole).unwrap();
        hall.trust("list", &STANDARD.encode(root.der()));
        hall
    }

    fn trust(&self, kind: &str, content: &str) {
        let body = json!({"kind": kind, "content": content});
        self.app
            .sign_in("root")
            .command("/api/v1/admin/trust", &body)
            .expect(201);
    }

    /// A revocation list from now on.
    pub fn list(&self, revoked: &[&Party]) {
        let now = self.app.clock.now();
        self.listed.set(self.listed.get() + 1);
        let entry = |party: &&Party| (party.certificate.serial().to_vec(), Entry { from: now, reason: 1 });
        let revoked: Vec<_> = revoked.iter().map(entry).collect();
        let list = self
            .authority
            .revocations(&revoked, self.listed.get(), Period::days(now, 90));
        self.trust("list", &STANDARD.encode(list.unwrap().der()));
    }

    /// A certificate of a natural person.
    pub fn person(&self) -> Party {
        let holder = Holder {
            kind: Kind::Person,
            code: "433101199001011234".into(),
            name: "张三".into(),
        };
        let period = Period::days(self.app.clock.now().plus_millis(-DAY), 90);
        let issued = self.authority.issue(&holder, Use::Signing, period, &mut |bytes| {
            self.drawn.set(self.drawn.get() + 1);
            *bytes = [self.drawn.get(); 32];
        });
        issued.unwrap()
    }

    /// A certificate for an organisation from an authority that the server knows nothing of.
    pub fn stranger(&self, code: &str) -> Party {
        let mut random = |bytes: &mut [u8; 32]| {
            self.drawn.set(self.drawn.get() + 1);
            *bytes = [self.drawn.get(); 32];
        };
        let since = self.app.clock.now().plus_millis(-DAY);
        let other = Authority::new("别家", since, &mut random).unwrap();
        let holder = Holder {
            kind: Kind::Organisation,
            code: code.into(),
            name: "某公司".into(),
        };
        let period = Period::days(since, 90);
        other.issue(&holder, Use::Signing, period, &mut random).unwrap()
    }

    /// The DER of a seal whose list holds these certificates.
    pub fn seal(&self, id: &str, holders: &[&Party]) -> Vec<u8> {
        self.seal_with(id, holders, picture(7))
    }

    /// The same with another picture.
    pub fn seal_with(&self, id: &str, holders: &[&Party], picture: Vec<u8>) -> Vec<u8> {
        let name = holders.first().map_or("", |party| party.certificate.subject().shown());
        self.seal_by(&self.authority, (id, &format!("{name}合同专用章")), holders, picture)
    }

    /// The DER of a seal with this name.
    pub fn seal_named(&self, id: &str, name: &str, holders: &[&Party]) -> Vec<u8> {
        self.seal_by(&self.authority, (id, name), holders, picture(7))
    }

    /// The DER of a seal with this number and name, whose maker is this authority's.
    pub fn seal_by(&self, by: &Authority, (id, name): (&str, &str), holders: &[&Party], picture: Vec<u8>) -> Vec<u8> {
        let order = SealOrder {
            id,
            name,
            holders: holders.iter().map(|party| party.certificate.clone()).collect(),
            period: Period::days(self.app.clock.now().plus_millis(-DAY), 90),
            picture,
            width_mm: 40,
            height_mm: 40,
        };
        by.seal(&order).unwrap()
    }

    pub fn import(&self, who: &Client<'_>, der: &[u8]) -> Reply {
        who.command("/api/v1/seals", &json!({"seal": STANDARD.encode(der)}))
    }

    /// A seal brought in, by its id.
    pub fn own_seal(&self, who: &Client<'_>, id: &str, holder: &Party) -> String {
        let reply = self.import(who, &self.seal(id, &[holder])).expect(201).json();
        reply["id"].as_str().unwrap().to_owned()
    }

    /// A paper that waits for the buyer's seal, and its id.
    pub fn paper(&self) -> String {
        let clerk = self.app.sign_in("clerk");
        let body = json!({"bundle": "papers", "data": {"place": SELLER, "buyer": BUYER}});
        let id = clerk.command("/api/v1/trades", &body).expect(201).json();
        let id = id["instance"].as_str().unwrap().to_owned();
        let stored = self.app.state.files.put(&pages(2)).unwrap();
        let row = DocumentRow {
            id: format!("DEED{}", &id[4..]),
            trade: id.clone(),
            instance: id.clone(),
            machine: "paper".into(),
            name: "deed".into(),
            title: "契据".into(),
            revision: 1,
            number: None,
            sha256: Some(stored.sha256.clone()),
            bytes: Some(i64::try_from(stored.bytes).unwrap()),
            created_at: 0,
            ready_at: Some(0),
        };
        self.app.write(move |conn| document_rows::document_insert(conn, &row));
        let payload = [
            ("revision".into(), Datum::Int(1)),
            ("sha256".into(), stored.sha256.as_str().into()),
            ("number".into(), Datum::Null),
        ];
        let cause = Cause::Result {
            name: "document.deed.ready".into(),
            payload: payload.into(),
        };
        let submission = Submission {
            actor: Actor::system(),
            key: None,
            ingress: self.app.engine.now(),
            request: Wish::Offer {
                instance: Name::from(id.as_str()),
                cause,
            },
        };
        let receipt = crate::support::engine::run(self.app.engine.submit(submission)).unwrap();
        assert!(matches!(receipt.answer, Answer::Taken { .. }), "{:?}", receipt.answer);
        id
    }

    /// The to-do of somebody for a paper.
    pub fn todo(&self, who: &Client<'_>, paper: &str) -> String {
        let list = who.get("/api/v1/todos?limit=100").expect(200).json();
        let mine = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|todo| todo["instance"] == paper);
        mine.unwrap_or_else(|| panic!("{list}"))["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub fn begin(&self, who: &Client<'_>, todo: &str, seal: &str, provider: &str) -> Reply {
        let body = json!({"seal": seal, "provider": provider});
        who.command(&format!("/api/v1/todos/{todo}/sealing"), &body)
    }

    pub fn sign(&self, who: &Client<'_>, job: &Value, party: &Party) -> Reply {
        let body = answer(job, party);
        who.post(&format!("/api/v1/sealings/{}", job["id"].as_str().unwrap()), &body)
    }

    pub fn states(&self, paper: &str) -> String {
        let view = self
            .app
            .sign_in("root")
            .get(&format!("/api/v1/instances/{paper}"))
            .expect(200);
        view.json()["states"].to_string()
    }
}

/// What a holder's middleware gives for a job.
pub fn answer(job: &Value, party: &Party) -> Value {
    let to_sign = STANDARD.decode(job["to_sign"].as_str().unwrap()).unwrap();
    json!({
        "certificate": STANDARD.encode(party.certificate.der()),
        "signature": STANDARD.encode(party.key.sign(&to_sign).unwrap()),
    })
}
