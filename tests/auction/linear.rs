//! Bids of one room are linearizable: whatever is sent twice, lost or cut off by a crash, the answers are those of one order
//! that agrees with real time.

mod checker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use luochui::clock::Clock;
use luochui::engine::{Engine, EngineConfig, EngineError, Handle, Point, Points, Receipt, Submission};
use luochui::machine::step::Answer;
use luochui::machine::{Name, Value};

use super::hall::{Dice, PREVIEW, STEP, bid, is_taken, many, open, start_with, under_key};
use crate::support::engine::{BEGIN, Place, on_both, run};
use checker::{Operation, Outcome, is_linearizable};

/// Steps that everybody sees in the same order: when something was sent and when its answer came.
#[derive(Default)]
struct Steps(AtomicU64);

impl Steps {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

fn outcome(answer: &Result<Receipt, EngineError>) -> Outcome {
    match answer {
        Ok(receipt) if is_taken(receipt) => Outcome::Accepted,
        Ok(receipt) => match &receipt.answer {
            Answer::Refused(refusal) => {
                assert_eq!(&*refusal.code, "below_step");
                Outcome::Refused {
                    price: refusal.tell.get("price").and_then(Value::as_int).unwrap(),
                }
            }
            other => panic!("{other:?}"),
        },
        Err(EngineError::Stopping) => Outcome::Unknown,
        Err(other) => panic!("{other}"),
    }
}

/// What one bidder does with a bid.
#[derive(Clone, Copy)]
enum Habit {
    Once,
    /// Sends it twice at the same time, under one key.
    Twice,
    /// Goes away before the answer.
    Leaves,
}

/// A bid whose answer was lost is sent again after the next start, or never.
struct Doubtful {
    index: usize,
    submission: Submission,
}

/// One room and what was sent to it.
struct Course {
    lot: Name,
    operations: Vec<Operation>,
    doubtful: Vec<Doubtful>,
    price: i64,
}

async fn one(engine: &Engine, steps: &Steps, submission: Submission, habit: Habit) -> (u64, Outcome, u64) {
    let sent = steps.next();
    let found = match habit {
        Habit::Once => outcome(&engine.submit(submission).await),
        Habit::Twice => {
            let both = tokio::join!(engine.submit(submission.clone()), engine.submit(submission));
            let (first, second) = (outcome(&both.0), outcome(&both.1));
            match (first, second) {
                (Outcome::Unknown, known) | (known, Outcome::Unknown) => known,
                _ => {
                    assert_eq!(first, second, "one key, two answers");
                    first
                }
            }
        }
        Habit::Leaves => {
            let gone = tokio::spawn({
                let engine = engine.clone();
                async move { engine.submit(submission).await }
            });
            tokio::task::yield_now().await;
            gone.abort();
            Outcome::Unknown
        }
    };
    (sent, found, steps.next())
}

/// Some bidders send a few bids each, all at once with each other.
async fn play(engine: &Engine, steps: &Arc<Steps>, course: &mut Course, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut running = Vec::new();
    for bidder in 0..dice.within(2, 4) {
        let mut bids = Vec::new();
        for number in 0..dice.within(1, 4) {
            let amount = course.price + dice.within(0, 6) * STEP;
            let key = format!("{seed}-{bidder}-{number}");
            let habit = match dice.roll(10) {
                0 => Habit::Leaves,
                1 | 2 => Habit::Twice,
                _ => Habit::Once,
            };
            let by = format!("bidder{bidder}");
            bids.push((
                under_key(bid(&course.lot, &by, amount, engine.now()), &key),
                amount,
                habit,
            ));
        }
        let (engine, steps) = (engine.clone(), Arc::clone(steps));
        running.push(tokio::spawn(async move {
            let mut done = Vec::new();
            for (submission, amount, habit) in bids {
                let (sent, outcome, answered) = one(&engine, &steps, submission.clone(), habit).await;
                done.push((submission, amount, sent, outcome, answered));
            }
            done
        }));
    }
    for bidder in running {
        for (submission, amount, sent, outcome, answered) in bidder.await.unwrap() {
            let index = course.operations.len();
            if outcome == Outcome::Unknown {
                course.doubtful.push(Doubtful { index, submission });
            }
            course.operations.push(Operation {
                amount,
                sent,
                answered,
                outcome,
            });
        }
    }
}

/// Half of what is in doubt is sent again under its key; the rest stays in doubt.
async fn ask_again(engine: &Engine, steps: &Steps, course: &mut Course) {
    for (number, Doubtful { index, submission }) in std::mem::take(&mut course.doubtful).into_iter().enumerate() {
        if number % 2 == 0 {
            let found = outcome(&engine.submit(submission).await);
            let operation = &mut course.operations[index];
            (operation.outcome, operation.answered) = (found, steps.next());
        }
    }
}

struct World {
    place: Place,
    clock: Clock,
    /// Writers end at the next point once this is set to its number.
    crash: Arc<AtomicI64>,
    running: (Engine, Handle),
    crashed: Arc<AtomicBool>,
}

impl World {
    async fn new(place: Place) -> Self {
        let clock = Clock::simulated_from(BEGIN);
        let (crash, crashed) = (Arc::new(AtomicI64::new(-1)), Arc::new(AtomicBool::new(false)));
        let running = Self::engine(&place, &clock, &crash, &crashed).await;
        Self {
            place,
            clock,
            crash,
            running,
            crashed,
        }
    }

    async fn engine(
        place: &Place,
        clock: &Clock,
        crash: &Arc<AtomicI64>,
        crashed: &Arc<AtomicBool>,
    ) -> (Engine, Handle) {
        let (crash, crashed) = (Arc::clone(crash), Arc::clone(crashed));
        let points = Points::calling(move |reached| {
            let wanted = match reached {
                Point::BeforeBegin => 0,
                Point::BeforeCommit => 1,
                Point::AfterCommit => 2,
            };
            if crash
                .compare_exchange(wanted, -1, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
            {
                crashed.store(true, Ordering::SeqCst);
                panic!("the end, as asked for");
            }
        });
        let config = EngineConfig {
            points,
            writers: 1,
            ..EngineConfig::new(place.url())
        };
        start_with(config, clock).await
    }

    /// Starts again where the writer ended.
    async fn restart(self) -> Self {
        let Self {
            place,
            clock,
            crash,
            running: (engine, handle),
            crashed,
        } = self;
        crash.store(-1, Ordering::SeqCst);
        drop(engine);
        handle.join();
        crashed.store(false, Ordering::SeqCst);
        let running = Self::engine(&place, &clock, &crash, &crashed).await;
        Self {
            place,
            clock,
            crash,
            running,
            crashed,
        }
    }
}

/// Rooms that are played at the same time.
const ROOMS: usize = 10;

/// Plays and checks histories; how many crashes, and how many answers stayed in doubt.
async fn histories(place: Place, count: usize) -> (usize, usize) {
    let mut world = World::new(place).await;
    let steps = Arc::new(Steps::default());
    let (mut crashes, mut doubtful, mut checked, mut round) = (0, 0, 0, 0);
    while checked < count {
        round += 1;
        let engine = world.running.0.clone();
        let mut courses = Vec::new();
        for room in 0..ROOMS {
            let lot = open(&engine, &format!("{round}-{room}")).await;
            courses.push(Course {
                lot,
                operations: Vec::new(),
                doubtful: Vec::new(),
                price: 0,
            });
        }
        world.clock.advance_to(engine.now().plus_millis(PREVIEW));
        if round % 5 == 0 {
            // PostgreSQL writes a batch in one statement, which has no inside.
            let points: &[i64] = match world.place {
                Place::Sqlite(_) => &[0, 1, 2],
                Place::Postgres(_) => &[0, 2],
            };
            world.crash.store(points[round / 5 % points.len()], Ordering::SeqCst);
        }
        let playing = courses.iter_mut().enumerate().map(|(room, course)| {
            let seed = (round * ROOMS + room) as u64;
            play(&engine, &steps, course, seed)
        });
        futures_util::future::join_all(playing).await;
        drop(engine);
        if world.crashed.load(Ordering::SeqCst) {
            crashes += 1;
            world = world.restart().await;
        }
        for mut course in courses {
            doubtful += course.doubtful.len();
            ask_again(&world.running.0, &steps, &mut course).await;
            assert!(
                is_linearizable(&course.operations),
                "round {round}: {:#?}",
                course.operations
            );
            checked += 1;
        }
    }
    (crashes, doubtful)
}

#[test]
fn random_histories_with_duplicates_lost_answers_and_crashes_are_linearizable() {
    on_both(|place| async move {
        let count = match place {
            Place::Sqlite(_) => many(500, 10_000),
            Place::Postgres(_) => many(50, 10_000),
        };
        let (crashes, doubtful) = histories(place, count).await;
        assert!(crashes > 0 && doubtful > 0, "{crashes} crashes, {doubtful} in doubt");
    });
}

#[test]
fn two_processes_on_one_database_answer_in_one_order() {
    let Some(place) = Place::postgres() else { return };
    run(async {
        let clock = Clock::simulated_from(BEGIN);
        let (first, _one) = start_with(EngineConfig::new(place.url()), &clock).await;
        let (second, _two) = start_with(EngineConfig::new(place.url()), &clock).await;
        let steps = Arc::new(Steps::default());
        for round in 0..many(20, 200) {
            let lot = open(&first, &format!("{round}")).await;
            clock.advance_to(first.now().plus_millis(PREVIEW));
            let course = |lot: &Name| Course {
                lot: lot.clone(),
                operations: Vec::new(),
                doubtful: Vec::new(),
                price: 0,
            };
            let (mut one, mut two) = (course(&lot), course(&lot));
            let seed = 1_000_000 + round as u64 * 2;
            tokio::join!(
                play(&first, &steps, &mut one, seed),
                play(&second, &steps, &mut two, seed + 1)
            );
            one.operations.append(&mut two.operations);
            assert!(is_linearizable(&one.operations), "{:#?}", one.operations);
        }
    });
}
