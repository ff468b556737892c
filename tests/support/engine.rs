//! Engines with the small bundle of `tests/engine/bundle`, on both databases. Must not know what a test asks for.

use std::collections::BTreeMap;

use luochui::clock::Clock;
use luochui::engine::{Engine, EngineConfig, Handle, IdempotencyKey, Receipt, Request, Submission};
use luochui::machine::step::{Act, Actor, Answer, Cause};
use luochui::machine::value::Map;
use luochui::machine::{Name, Time, Value};

use super::postgres;

/// 2026-11-23, a Monday, 10:00 in China.
pub const BEGIN: Time = Time(1_795_399_200_000);

/// A database of a test's own, of either kind.
pub enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(postgres::Database),
}

impl Place {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub fn postgres() -> Option<Self> {
        postgres::Database::migrated().map(Self::Postgres)
    }

    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("test.db").display()),
            Self::Postgres(database) => database.url.clone(),
        }
    }

    /// A copy of what is stored. Nobody may be connected.
    pub fn copy(&self) -> Self {
        match self {
            Self::Sqlite(folder) => {
                let copy = tempfile::tempdir().unwrap();
                for entry in std::fs::read_dir(folder.path()).unwrap() {
                    let path = entry.unwrap().path();
                    std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
                }
                Self::Sqlite(copy)
            }
            Self::Postgres(database) => Self::Postgres(database.copy()),
        }
    }

    /// Waits until nobody is connected any more: a server notices a little later than that a process is gone.
    pub fn deserted(&self) {
        if let Self::Postgres(database) = self {
            database.deserted();
        }
    }
}

/// Runs a test on SQLite and, where it is installed, on PostgreSQL.
pub fn on_both<F: Future<Output = ()>>(test: impl Fn(Place) -> F) {
    let places = [Some(Place::sqlite()), Place::postgres()];
    for place in places.into_iter().flatten() {
        run(test(place));
    }
}

pub fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// A stopped clock that shows the beginning.
pub fn still() -> Clock {
    Clock::virtual_from(BEGIN, 0)
}

pub fn start(place: &Place, clock: &Clock) -> (Engine, Handle) {
    Engine::start(&EngineConfig::new(place.url()), clock.clone()).unwrap()
}

/// Starts an engine and publishes the small bundle.
pub async fn with_bundle(place: &Place, clock: &Clock) -> (Engine, Handle) {
    let (engine, handle) = start(place, clock);
    engine.library().publish(small(), "admin").await.unwrap();
    (engine, handle)
}

/// The files of the small bundle.
pub fn small() -> BTreeMap<String, String> {
    let files = [
        ("bundle.yaml", include_str!("../engine/bundle/bundle.yaml")),
        ("shop.yaml", include_str!("../engine/bundle/shop.yaml")),
        ("order.yaml", include_str!("../engine/bundle/order.yaml")),
        ("templates/documents/slip.typ.hbs", "{{self.title}}"),
        ("templates/mail/todo_new/subject.txt.hbs", "{{self.title}}"),
        ("templates/mail/todo_new/body.txt.hbs", "{{self.title}}"),
    ];
    files
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect()
}

pub fn member(account: &str) -> Actor {
    Actor {
        account: account.into(),
        party: Some(format!("party-{account}").into()),
        member: true,
        ..Actor::default()
    }
}

pub fn clerk() -> Actor {
    Actor {
        posts: vec![("clerk".into(), "91430000".into())],
        ..member("clerk")
    }
}

pub fn map(entries: &[(&str, Value)]) -> Map {
    entries
        .iter()
        .map(|(name, value)| (Name::from(*name), value.clone()))
        .collect()
}

/// Opens a shop and returns its id.
pub async fn open(engine: &Engine, name: &str) -> Name {
    let data = map(&[("name", name.into()), ("place", "91430000".into())]);
    let request = Request::Open {
        bundle: "small".into(),
        machine: None,
        data,
    };
    let receipt = submit(engine, member("ann"), request, None).await;
    assert!(matches!(receipt.answer, Answer::Taken { .. }), "{:?}", receipt.answer);
    receipt.trade
}

pub async fn submit(engine: &Engine, actor: Actor, request: Request, key: Option<&str>) -> Receipt {
    engine.submit(submission(engine, actor, request, key)).await.unwrap()
}

pub fn submission(engine: &Engine, actor: Actor, request: Request, key: Option<&str>) -> Submission {
    Submission {
        actor,
        key: key.map(|key| IdempotencyKey {
            key: key.into(),
            body_sha256: "body".into(),
        }),
        ingress: engine.now(),
        request,
    }
}

pub fn event(instance: &Name, name: &str, payload: &[(&str, Value)]) -> Request {
    Request::Offer {
        instance: instance.clone(),
        cause: Cause::event(name, map(payload)),
    }
}

pub fn visit(instance: &Name) -> Request {
    event(instance, "visit", &[("by", 100.into())])
}

pub fn act(instance: &Name, todo: &str, act: Act) -> Request {
    Request::Offer {
        instance: instance.clone(),
        cause: Cause::Todo { todo: todo.into(), act },
    }
}
