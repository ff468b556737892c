//! What the performers' tests share: the shipped bundle with data to print, and a small bundle that uses every effect.
//! Must not assert anything.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use luochui::cli::folder::read_bundle;
use luochui::config::{Config, Webhook};
use luochui::engine::Engine;
use luochui::machine::definition::compile;
use luochui::machine::definition::model::{Bundle, Field, FormField, Machine, Type};
use luochui::machine::trade::InstanceId;
use luochui::performers::Performers;
use luochui::performers::typeset::Typesetter;
use luochui::store::account_rows::{AccountRow, OrganisationRow, account_insert, organisation_insert, post_insert};
use luochui::workers::outbox::{Outbox, Settings};
use serde_json::{Value as Json, json};

use crate::support::engine::{self as engines, Place};

pub const PLACE: &str = "91430000";

pub fn typesetter() -> Typesetter {
    Typesetter::new(["/usr/share/fonts".into()])
}

/// The bundle that is shipped, with its templates.
pub fn shipped() -> Arc<Bundle> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = read_bundle(&root.join("workflows/asset-sale"), &root.join("templates")).unwrap();
    Arc::new(compile(&files).unwrap_or_else(|faults| panic!("{faults:#?}")))
}

/// An instance with a value in every field: the default, or a sample of its type.
pub fn portrait(bundle: &Bundle, machine: &str, change: Json) -> Json {
    let machine: &Machine = &bundle.machines[machine];
    let mut data: serde_json::Map<String, Json> = machine
        .data
        .iter()
        .map(|field| (field.name.to_string(), value(field)))
        .collect();
    data.extend(change.as_object().unwrap().clone());
    let document =
        json!({"revision": 1, "sha256": "0123abcd".repeat(8), "number": "湘西产交告〔2026〕0001号", "signed_by": []});
    let documents: BTreeMap<_, _> = bundle.documents.keys().map(|name| (name, &document)).collect();
    let timers = machine.states.iter().flat_map(|state| &state.timers);
    let due: BTreeMap<_, _> = timers.map(|timer| (&timer.name, time(9, 23, 17))).collect();
    json!({
        "id": format!("id-{}", machine.name), "key": "7K2M", "owner": "P1", "machine": machine.name, "title": machine.title,
        "states": [], "state_titles": [], "tags": [], "entered": {}, "data": data, "documents": documents, "due": due,
    })
}

fn value(field: &Field) -> Json {
    match &field.default {
        Some(default) if !default.is_null() => serde_json::to_value(default).unwrap(),
        _ => sample(&field.kind),
    }
}

fn sample(kind: &Type) -> Json {
    let of = |name: &str, kind: &Type| (name.to_owned(), sample(kind));
    match kind {
        Type::Money => json!(9_680_000),
        Type::Int => json!(2),
        Type::Bool => json!(false),
        Type::Time => json!(time(9, 16, 9)),
        Type::Duration => json!(240_000),
        Type::Period => json!("5 workdays"),
        Type::Organisation => json!("T"),
        Type::Party => json!("P1"),
        Type::Files => json!(["F1"]),
        Type::Enumeration(options) => json!(options[0]),
        Type::List { columns, .. } => {
            let row: serde_json::Map<_, _> = columns.iter().map(|(name, kind)| of(name, kind)).collect();
            json!([row])
        }
        Type::Form(fields) => {
            let entry = |field: &FormField| of(&field.name, &field.kind);
            json!(fields.iter().map(entry).collect::<serde_json::Map<_, _>>())
        }
        Type::Key(_) => json!("7K2M"),
        Type::Text | Type::Rich | Type::File => json!("样例"),
    }
}

/// A time in September 2026 (or another month), local, in milliseconds.
pub fn time(month: u32, day: u32, hour: u32) -> i64 {
    let date = chrono::NaiveDate::from_ymd_opt(2026, month, day).unwrap();
    date.and_hms_opt(hour, 0, 0).unwrap().and_utc().timestamp_millis() - 8 * 3_600_000
}

pub fn names() -> Json {
    json!({
        "T": {"name": "花垣县某事业单位", "public_name": "花垣县某事业单位", "code": "12433124MB0000000X"},
        "centre": {"name": "湘西州公共资源交易中心", "public_name": "湘西州公共资源交易中心", "code": ""},
        "P1": {"name": "张三", "public_name": "张*", "code": "433101199001010011", "phone": "", "address": ""},
        "F1": {"name": "评估报告.pdf"},
    })
}

/// The files of a small bundle: a document, to-dos with reminders and links, mails, a webhook, a follow-up trade.
pub fn papers() -> BTreeMap<String, String> {
    let files = [
        ("bundle.yaml", include_str!("bundle/bundle.yaml")),
        ("case.yaml", include_str!("bundle/case.yaml")),
        (
            "templates/documents/letter.typ.hbs",
            "#set text(font: \"Noto Serif CJK SC\")\n编号{{document.number}} {{self.data.name}} {{capitals self.data.amount}}",
        ),
        (
            "templates/mail/todo_new/subject.txt.hbs",
            "【待办】{{todo.title}}：{{todo.lot}}",
        ),
        (
            "templates/mail/todo_new/body.txt.hbs",
            "{{recipient.name}} {{todo.title}} {{datetime todo.due}} {{todo.link}}{{#each todo.acts}}\n{{name}} {{link}}{{/each}}",
        ),
        ("templates/mail/todo_soon/subject.txt.hbs", "即将到期 {{todo.lot}}"),
        ("templates/mail/todo_soon/body.txt.hbs", "{{todo.title}}"),
        ("templates/mail/todo_late/subject.txt.hbs", "已逾期 {{todo.lot}}"),
        ("templates/mail/todo_late/body.txt.hbs", "{{todo.title}}"),
        ("templates/mail/news/subject.txt.hbs", "{{self.data.name}}"),
        (
            "templates/mail/news/body.txt.hbs",
            "{{party self.data.place}}：{{self.data.note}}",
        ),
    ];
    files
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect()
}

/// An engine with the small bundle, the calendar and two people: a clerk of the place and the centre's chief.
pub struct World {
    pub engine: Engine,
    pub clock: luochui::clock::Clock,
    pub config: Config,
    _folder: tempfile::TempDir,
    _threads: luochui::engine::Handle,
}

impl World {
    pub async fn start(place: &Place) -> Self {
        let clock = engines::still();
        let (engine, threads) = engines::start(place, &clock);
        engine.library().publish(papers(), "admin").await.unwrap();
        let years = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows/calendars/cn-gov");
        let year = std::fs::read_to_string(years.join("2026.yaml")).unwrap();
        engine.import_calendar(&year, "admin").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_testing(folder.path());
        config.http.public_url = "https://jy.example.org".into();
        config.mail.from = "交易中心 <no-reply@jy.example.org>".into();
        let world = Self {
            engine,
            clock,
            config,
            _folder: folder,
            _threads: threads,
        };
        world.person("clerk", "王经办", &[("clerk", PLACE)]).await;
        world.person("chief", "李主任", &[("chief", "centre")]).await;
        let office = OrganisationRow {
            code: PLACE.into(),
            name: "花垣县某事业单位".into(),
            created_at: 0,
        };
        let office = world
            .engine
            .write("test", move |conn| organisation_insert(conn, &office));
        office.await.unwrap();
        world
    }

    pub async fn person(&self, id: &str, name: &str, posts: &[(&str, &str)]) {
        let row = AccountRow {
            display_name: name.into(),
            email: format!("{id}@example.org"),
            ..AccountRow::unused(id.into(), id.into(), "ordinary", 0)
        };
        let posts: Vec<_> = posts
            .iter()
            .map(|(post, at)| ((*post).to_owned(), (*at).to_owned()))
            .collect();
        let insert = move |conn: &mut luochui::store::Connection| {
            account_insert(conn, &row)?;
            posts
                .iter()
                .try_for_each(|(post, at)| post_insert(conn, &row.id, post, at))
        };
        self.engine.write("test", insert).await.unwrap();
    }

    pub fn smtp(&mut self, port: u16) {
        self.config.mail.smtp.host = "127.0.0.1".into();
        self.config.mail.smtp.port = port;
        self.config.mail.smtp.tls = luochui::config::Tls::None;
    }

    pub fn door(&mut self, url: &str) {
        let target = Webhook {
            url: url.into(),
            secret: "secret".into(),
        };
        self.config.webhooks.insert("door".into(), target);
    }

    pub fn outbox(&self, process: &str) -> Outbox {
        let settings = Settings {
            parallel: 4,
            lease_millis: 60_000,
            attempts: 3,
            process: process.into(),
        };
        Outbox::new(Performers::new(&self.engine, &self.config).unwrap(), settings)
    }

    /// Opens a case and returns its id.
    pub async fn open(&self, name: &str) -> InstanceId {
        let data = engines::map(&[
            ("name", name.into()),
            ("place", PLACE.into()),
            ("amount", 9_680_000.into()),
        ]);
        let request = luochui::engine::Request::Open {
            bundle: "papers".into(),
            machine: None,
            data,
        };
        let receipt = engines::submit(&self.engine, engines::member("ann"), request, None).await;
        assert!(
            matches!(receipt.answer, luochui::machine::step::Answer::Taken { .. }),
            "{:?}",
            receipt.answer
        );
        receipt.trade
    }

    pub async fn send(&self, case: &InstanceId, event: &str) {
        let receipt = engines::submit(
            &self.engine,
            engines::member("ann"),
            engines::event(case, event, &[]),
            None,
        )
        .await;
        assert!(
            matches!(receipt.answer, luochui::machine::step::Answer::Taken { .. }),
            "{:?}",
            receipt.answer
        );
    }

    /// The rows of a trade's outbox of one kind.
    pub async fn rows(&self, trade: &InstanceId, kind: &str) -> Vec<luochui::store::outbox_rows::OutboxRow> {
        let trade = trade.to_string();
        let rows = self
            .engine
            .read(move |conn| luochui::store::outbox_rows::outbox_of_trade(conn, &trade));
        let mut rows = rows.await.unwrap();
        rows.retain(|row| row.kind == kind);
        rows
    }

    /// Performs all that waits, and fails the test where anything did not succeed.
    pub async fn perform_all(&self, outbox: &Outbox) {
        outbox.drain().await.unwrap();
        let rows = self.engine.read(|conn| {
            let mut rows = Vec::new();
            for trade in luochui::store::trade_rows::trade_ids(conn, "", 100)?
                .iter()
                .map(String::as_str)
                .chain([""])
            {
                rows.extend(luochui::store::outbox_rows::outbox_of_trade(conn, trade)?);
            }
            Ok(rows)
        });
        let failed: Vec<_> = rows
            .await
            .unwrap()
            .into_iter()
            .filter(|row| row.done_at.is_none())
            .collect();
        assert!(failed.is_empty(), "{failed:?}");
    }

    pub fn advance(&self, millis: i64) {
        self.clock.advance_to(self.clock.now().plus_millis(millis));
    }
}
