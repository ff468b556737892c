//! A live lot to measure on: the shipped workflow, led on a virtual clock from its listing to shortly before its room opens,
//! with as many admitted bidders as asked for. A client of the engine, so here the words of the trade are allowed.
//! Must not write what the machine would not: each step is an event of somebody who may send it.

use std::time::Duration;

use serde_json::json;

use crate::cli::demo::{cast, sample};
use crate::cli::{Failure, folder};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Engine, EngineConfig, EngineError, Receipt, Request, Submission};
use crate::http::{Standing, Tokens, token_secret};
use crate::identity::Kind;
use crate::machine::step::{Act, Actor, Answer, Cause};
use crate::machine::value::Map;
use crate::machine::{Name, Time, Value};
use crate::store::Connection;
use crate::store::account_rows::{AccountRow, PartyRow, account_insert, party_insert};
use crate::store::outbox_rows::outbox_settle;
use crate::store::session_rows::{SessionRow, session_insert};

/// The sample that is put up for sale.
const SAMPLE: &str = "huayuan-vehicles";

const MINUTE: i64 = 60_000;

/// From the listing to the count: a short notice and the half hour in which banks reconcile.
const BEFORE: i64 = 50 * MINUTE;

/// How long the room asks before bidding begins.
const INQUIRY: &str = "1 seconds";

/// Longer than any measurement, so that no countdown ends within one.
const TIMED: &str = "6 hours";

/// How long a state may take to be reached before something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lot whose room opens soon.
pub struct Lot {
    pub auction: String,
    pub start_price: i64,
    pub increment: i64,
    /// When the room opens.
    pub opens: Time,
    /// An access token for each bidder.
    pub tokens: Vec<String>,
}

/// Prepares a lot in the database that `config` names, whose room opens a while later, and `later` milliseconds more.
/// Nobody else may serve the database meanwhile.
pub async fn prepare(config: &Config, bidders: usize, later: i64) -> Result<Lot, Failure> {
    // With a single one there would be no auction but an agreed price.
    let bidders = bidders.max(2);
    let real = Clock::system().now();
    let opens = real.plus_millis(later + 8_000 + 60 * i64::try_from(bidders).unwrap_or(0));
    let begun = real.plus_millis(-BEFORE);
    let clock = Clock::virtual_from(begun, 0);
    let engine_config = EngineConfig::new(config.database_url());
    let (engine, handle) = Engine::start(&engine_config, clock.clone()).map_err(failed)?;
    publish(&engine, config).await?;
    let stage = Stage { engine, clock, begun };
    let listing = stage.list(config, opens).await?;
    let tokens = stage.accounts(config, bidders, real).await?;
    for bidder in 0..bidders {
        stage.apply(&listing, bidder).await?;
    }
    let lot = stage.open(&listing, opens, tokens).await?;
    let Stage { engine, .. } = stage;
    // Notices and receipts of the preparation are not what is measured.
    let settle = move |conn: &mut Connection| outbox_settle(conn, real);
    engine.write("bench", settle).await.map_err(failed)?;
    drop(engine);
    let joined = tokio::task::spawn_blocking(move || handle.join()).await;
    joined.map_err(|error| Failure::while_doing("end the preparation")(&error))?;
    Ok(lot)
}

async fn publish(engine: &Engine, config: &Config) -> Result<(), Failure> {
    for (name, text) in folder::calendar_files(&config.paths.workflows)? {
        let imported = engine.import_calendar(&text, "bench").await;
        imported.map_err(|error| Failure(format!("calendars/{name}: {error}")))?;
    }
    for path in folder::bundle_folders(&config.paths.workflows)? {
        let files = folder::read_bundle(&path, &config.paths.templates)?;
        let published = engine.library().publish(files, "bench").await;
        published.map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

struct Stage {
    engine: Engine,
    clock: Clock,
    begun: Time,
}

impl Stage {
    /// From the draft to open registration.
    async fn list(&self, config: &Config, opens: Time) -> Result<Name, Failure> {
        let sample = sample::load(&config.paths.workflows, SAMPLE, self.begun)?;
        let mut data = map(sample)?;
        let begins = self.begun.plus_millis(MINUTE);
        data.insert("registration_start".into(), begins.into());
        data.insert("auction_start".into(), opens.into());
        data.insert("notice_period".into(), "10 minutes".into());
        data.insert("inquiry".into(), duration(INQUIRY)?);
        data.insert("timed".into(), duration(TIMED)?);
        let open = Request::Open {
            bundle: "asset-sale".into(),
            machine: None,
            data,
        };
        let listing = self.submit(staff("clerk", cast::TRANSFEROR), open).await?.instance;
        let course = [
            ("draft", staff("clerk", cast::TRANSFEROR), "submit"),
            ("centre", staff("reviewer", "centre"), "approve"),
            ("authority", staff("supervisor", cast::AUTHORITY), "approve"),
        ];
        for (state, who, outcome) in course {
            self.act(&listing, state, who, (outcome, Map::new())).await?;
        }
        let ready = map(json!({"revision": 1, "sha256": "0".repeat(64)}))?;
        let cause = Cause::Result {
            name: "document.announcement.ready".into(),
            payload: ready,
        };
        self.offer(Actor::system(), &listing, cause).await?;
        self.clock.advance_to(begins);
        self.wait(&listing, "first").await?;
        Ok(listing)
    }

    /// An account with a session for each bidder.
    async fn accounts(&self, config: &Config, bidders: usize, now: Time) -> Result<Vec<String>, Failure> {
        let secret = token_secret(config).map_err(|error| Failure::while_doing("read the signing key")(&error))?;
        let signer = Tokens::new(&secret, 24 * 3_600);
        let tokens = (0..bidders).map(|bidder| signer.issue(&account(bidder), &session(bidder), 1, now));
        let tokens: Result<Vec<_>, _> = tokens.collect();
        let tokens = tokens.map_err(failed)?;
        let write = move |conn: &mut Connection| {
            for bidder in 0..bidders {
                party_insert(conn, &party_row(bidder, now))?;
                account_insert(conn, &account_row(bidder, now))?;
                session_insert(conn, &session_row(bidder, now))?;
            }
            Ok(())
        };
        self.engine.write("bench", write).await.map_err(failed)?;
        Ok(tokens)
    }

    /// One bidder applies, fills in the form, and pays the deposit.
    async fn apply(&self, listing: &Name, bidder: usize) -> Result<(), Failure> {
        let who = bidder_actor(bidder);
        let apply = Cause::Event {
            name: "apply".into(),
            payload: Map::new(),
            signed: None,
        };
        let receipt = self.offer(who.clone(), listing, apply).await?;
        let Answer::Taken {
            created: Some(application),
        } = receipt.answer
        else {
            return Err(Failure("applying opened no application".into()));
        };
        let form = map(json!({
            "rules_accepted": true,
            "applicant_kind": "自然人",
            "applicant_form": {
                "name": format!("竞买人{bidder}"),
                "identity_number": "433101199001011234",
                "address": cast::ADDRESS,
                "phone": cast::PHONE,
                "refund_account": "6222000000000000000",
                "refund_bank": "某银行吉首支行",
            },
            "commitment_accepted": true,
            "attachments": {"identity": ["paper"]},
            "bank_name": "某银行吉首支行",
        }))?;
        self.act(&application, "drafting", who, ("submit", form)).await?;
        let snapshot = self.engine.trade(&application).await.map_err(failed)?;
        let deposit = snapshot.trade.root().and_then(|root| root.data.get("deposit")).cloned();
        let payload = Map::from([
            ("amount".into(), deposit.unwrap_or_default()),
            ("credited_at".into(), self.clock.now().into()),
            ("payer_matches".into(), true.into()),
            ("ref".into(), format!("bench-{bidder}").into()),
        ]);
        let bank = Actor {
            account: "bank".into(),
            services: vec!["bank".into()],
            ..Actor::default()
        };
        let arrived = Cause::Event {
            name: "deposit.arrived".into(),
            payload,
            signed: None,
        };
        self.offer(bank, &application, arrived).await?;
        Ok(())
    }

    /// Registration ends, the count decides, and the auction waits for its time.
    async fn open(&self, listing: &Name, opens: Time, tokens: Vec<String>) -> Result<Lot, Failure> {
        self.clock.advance_to(self.begun.plus_millis(12 * MINUTE));
        self.wait(listing, "reconciling").await?;
        self.clock.advance_to(self.begun.plus_millis(45 * MINUTE));
        self.wait(listing, "bidding").await?;
        let snapshot = self.engine.trade(listing).await.map_err(failed)?;
        let mut instances = snapshot.trade.instances.values();
        let auction = instances.find(|instance| &*instance.machine == "auction");
        let auction = auction.ok_or_else(|| Failure("the listing has no auction".into()))?;
        let money = |field: &str| auction.data.get(field).and_then(Value::as_int).unwrap_or_default();
        Ok(Lot {
            auction: auction.id.to_string(),
            start_price: money("start_price"),
            increment: money("increment"),
            opens,
            tokens,
        })
    }

    async fn act(
        &self,
        instance: &Name,
        state: &str,
        who: Actor,
        (outcome, payload): (&str, Map),
    ) -> Result<(), Failure> {
        let snapshot = self.engine.trade(instance).await.map_err(failed)?;
        let found = snapshot.trade.instances.get(instance);
        let mut todos = found.iter().flat_map(|instance| instance.todos.values());
        let todo = todos.find(|todo| todo.state.rsplit('.').next() == Some(state));
        let todo = todo.ok_or_else(|| Failure(format!("there is no to-do {state}")))?;
        let cause = Cause::Todo {
            todo: todo.id.clone(),
            act: Act::Complete {
                outcome: outcome.into(),
                payload,
                sealed: None,
            },
        };
        self.offer(who, instance, cause).await?;
        Ok(())
    }

    async fn offer(&self, actor: Actor, instance: &Name, cause: Cause) -> Result<Receipt, Failure> {
        let request = Request::Offer {
            instance: instance.clone(),
            cause,
        };
        self.submit(actor, request).await
    }

    async fn submit(&self, actor: Actor, request: Request) -> Result<Receipt, Failure> {
        let submission = Submission {
            actor,
            key: None,
            ingress: self.engine.now(),
            request,
        };
        let receipt = self.engine.submit(submission).await.map_err(failed)?;
        match receipt.answer {
            Answer::Taken { .. } => Ok(receipt),
            other => Err(Failure(format!("the preparation was refused: {other:?}"))),
        }
    }

    /// Waits, in real time, for timers to bring the instance into the state.
    async fn wait(&self, instance: &Name, state: &str) -> Result<(), Failure> {
        let within = |path: &Name| path.split('.').any(|part| part == state);
        let reached = async {
            loop {
                let snapshot = self.engine.trade(instance).await?;
                let found = snapshot.trade.instances.get(instance);
                if found.is_some_and(|instance| instance.states.iter().any(within)) {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let reached: Result<Result<(), EngineError>, _> = tokio::time::timeout(PATIENCE, reached).await;
        reached
            .map_err(|_| Failure(format!("the lot did not reach {state}")))?
            .map_err(failed)
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure(format!("failed to prepare the lot: {error}"))
}

fn map(value: serde_json::Value) -> Result<Map, Failure> {
    serde_json::from_value(value).map_err(|error| Failure::while_doing("read the lot")(&error))
}

fn duration(text: &str) -> Result<Value, Failure> {
    match text.parse() {
        Ok(crate::machine::period::Period::Millis(millis)) => Ok(Value::Int(millis)),
        _ => Err(Failure(format!("`{text}` is no duration"))),
    }
}

fn staff(post: &str, organisation: &str) -> Actor {
    Actor {
        account: format!("bench-{post}").as_str().into(),
        posts: vec![(post.into(), organisation.into())],
        ..Actor::default()
    }
}

/// The account of a bidder.
pub fn account(bidder: usize) -> String {
    format!("benchaccount{bidder}")
}

fn party(bidder: usize) -> String {
    format!("benchparty{bidder}")
}

fn session(bidder: usize) -> String {
    format!("benchsession{bidder}")
}

fn bidder_actor(bidder: usize) -> Actor {
    Actor {
        account: account(bidder).as_str().into(),
        party: Some(party(bidder).as_str().into()),
        member: true,
        ..Actor::default()
    }
}

fn party_row(bidder: usize, now: Time) -> PartyRow {
    PartyRow {
        id: party(bidder),
        kind: Kind::Person.as_str().into(),
        code: format!("bench{bidder}"),
        name: format!("竞买人{bidder}"),
        created_at: now.0,
    }
}

fn account_row(bidder: usize, now: Time) -> AccountRow {
    AccountRow {
        display_name: format!("竞买人{bidder}"),
        email: format!("{}@example.org", account(bidder)),
        phone: Some(cast::PHONE.into()),
        address: Some(cast::ADDRESS.into()),
        party: Some(party(bidder)),
        member: true,
        ..AccountRow::unused(account(bidder), account(bidder), Standing::Ordinary.as_str(), now.0)
    }
}

fn session_row(bidder: usize, now: Time) -> SessionRow {
    SessionRow {
        id: session(bidder),
        account: account(bidder),
        version: 1,
        created_at: now.0,
        expires_at: now.plus_millis(24 * 60 * MINUTE).0,
        revoked_at: None,
    }
}
