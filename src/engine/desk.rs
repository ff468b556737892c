//! Decides the submissions of one batch in memory, one after another, each upon what the one before left.
//! Must not write: what is to be written is gathered for the batch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::cache::{Checked, Held};
use super::common::Common;
use super::drain::{Drain, Pass, ask_others, missed};
use super::gather::Gathered;
use super::queue::Settled;
use super::sessions::Asking;
use super::{Committed, EngineError, IdempotencyKey, Receipt, Request, Submission, loading, single};
use crate::machine::slots::Wanted;
use crate::machine::step::{Answer, Cause, Context, Decision, Delay, Input, Outside, decide, refusal};
use crate::machine::trade::{InstanceId, Timer};
use crate::machine::{Bundle, Name, Time, Trade};
use crate::record::{self, Head};
use crate::store::process_rows::Process;
use crate::store::trade_rows::Counters;
use crate::store::{Connection, StoreError, idempotency_rows};

/// Whether keys are looked up before deciding, or left to the unique index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    LookUp,
    /// Saves a round trip; a used key fails the batch, which is then done again with `LookUp`.
    Trust,
}

/// A trade on the desk.
pub(super) struct Worked {
    /// As it is committed; `None` for one that is opened in this batch.
    pub base: Option<Arc<Held>>,
    pub trade: Arc<Trade>,
    pub bundle: Arc<Bundle>,
    pub counters: BTreeMap<InstanceId, Counters>,
    /// Where records stand.
    pub heads: BTreeMap<InstanceId, Head>,
}

impl Worked {
    /// A committed trade, before anything is made of it.
    fn of(held: Arc<Held>) -> Self {
        Self {
            trade: Arc::clone(&held.trade),
            bundle: Arc::clone(&held.bundle),
            counters: held.counters.clone(),
            heads: held.heads.clone(),
            base: Some(held),
        }
    }

    /// A trade that is opened in this batch.
    fn opened(trade: Arc<Trade>, bundle: Arc<Bundle>) -> Self {
        Self {
            base: None,
            trade,
            bundle,
            counters: BTreeMap::new(),
            heads: BTreeMap::new(),
        }
    }

    /// What is held of it once the batch is durable.
    pub fn held(self) -> Arc<Held> {
        Arc::new(Held {
            trade: self.trade,
            bundle: self.bundle,
            counters: self.counters,
            heads: self.heads,
            checked: Checked::now(),
        })
    }
}

/// The work of one batch.
pub(super) struct Desk<'a> {
    common: &'a Common,
    drain: &'a mut Drain,
    /// The processes beside this one, once they were asked for.
    others: Option<Vec<Process>>,
    /// Trades of which something was held back: what came later is held back too.
    held_back: BTreeSet<InstanceId>,
    pub trades: BTreeMap<InstanceId, Worked>,
    places: HashMap<InstanceId, InstanceId>,
    /// Keys that were looked up and found used, and those used within this batch.
    used: HashMap<(Name, String), (String, Receipt)>,
    pub gathered: Gathered,
    pub told: Vec<Committed>,
}

impl<'a> Desk<'a> {
    pub fn new(common: &'a Common, drain: &'a mut Drain) -> Self {
        Self {
            common,
            drain,
            others: None,
            held_back: BTreeSet::new(),
            trades: BTreeMap::new(),
            places: HashMap::new(),
            used: HashMap::new(),
            gathered: Gathered::default(),
            told: Vec::new(),
        }
    }

    /// Looks up all keys of a batch at once.
    ///
    /// # Errors
    /// A failing store, or a receipt that cannot be read back.
    pub fn look_up_keys(&mut self, conn: &mut Connection, submissions: &[&Submission]) -> Result<(), StoreError> {
        let sent = submissions
            .iter()
            .filter_map(|submission| Some((&*submission.actor.account, &*submission.key.as_ref()?.key)));
        for row in idempotency_rows::keys_find(conn, &sent.collect::<Vec<_>>())? {
            let receipt = serde_json::from_str(&row.receipt)?;
            self.used
                .insert((row.actor.into(), row.key), (row.body_sha256, receipt));
        }
        Ok(())
    }

    /// Decides one submission. The receipt is true only once the batch is committed.
    ///
    /// # Errors
    /// A store that cannot be read. What concerns the submission alone is its answer.
    pub fn take(&mut self, conn: &mut Connection, submission: &Submission) -> Result<Settled, StoreError> {
        match self.settle(conn, submission) {
            // A store that fails while deciding fails the batch: what the desk knows may be half.
            Err(EngineError::Store(error)) => Err(error),
            Err(error) => Ok(Settled::Answered(Err(error))),
            Ok(Some(receipt)) => Ok(Settled::Answered(Ok(receipt))),
            Ok(None) => Ok(Settled::HeldBack),
        }
    }

    /// The receipt, or nothing where the submission is held back.
    fn settle(&mut self, conn: &mut Connection, submission: &Submission) -> Result<Option<Receipt>, EngineError> {
        if let Some(key) = &submission.key
            && let Some(receipt) = self.receipt_of(&submission.actor.account, key)?
        {
            return Ok(Some(receipt));
        }
        let receipt = match &submission.request {
            Request::Open { bundle, machine, data } => {
                let bundle = self.common.library.newest(conn, bundle)?;
                let cause = Cause::Start {
                    machine: machine.clone(),
                    data: data.clone(),
                };
                self.open(conn, submission, bundle, cause)?
            }
            Request::Offer { instance, cause } => match self.offer(conn, submission, instance, cause)? {
                Some(receipt) => receipt,
                None => return Ok(None),
            },
        };
        if let Some(key) = &submission.key {
            self.keep_receipt(submission, key, &receipt)?;
        }
        Ok(Some(receipt))
    }

    fn receipt_of(&self, actor: &Name, key: &IdempotencyKey) -> Result<Option<Receipt>, EngineError> {
        let Some((body, receipt)) = self.used.get(&(Arc::clone(actor), key.key.clone())) else {
            return Ok(None);
        };
        if *body == key.body_sha256 {
            Ok(Some(receipt.clone()))
        } else {
            Err(EngineError::KeyReused)
        }
    }

    /// A failure is not kept: the same command may be tried again once its cause is mended.
    fn keep_receipt(
        &mut self,
        submission: &Submission,
        key: &IdempotencyKey,
        receipt: &Receipt,
    ) -> Result<(), EngineError> {
        let account = &submission.actor.account;
        if matches!(receipt.answer, Answer::Failed(_)) {
            return Ok(());
        }
        self.gathered.key(account, key, receipt, self.common.now())?;
        let used = (key.body_sha256.clone(), receipt.clone());
        self.used.insert((Arc::clone(account), key.key.clone()), used);
        Ok(())
    }

    fn open(
        &mut self,
        conn: &mut Connection,
        submission: &Submission,
        bundle: Arc<Bundle>,
        cause: Cause,
    ) -> Result<Receipt, EngineError> {
        let instance = self.common.random.fresh()?;
        let input = Input {
            instance: Arc::clone(&instance),
            cause,
            at: submission.ingress,
        };
        let decision = self.decide(conn, (&bundle, None), &input, submission, Pass::Open)?;
        let mut receipt = receipt(&input, &decision);
        if decision.entries.is_empty() {
            self.gathered.effects_without_trade(&decision);
        } else if single::is_open_already(conn, &self.trades, &decision.trade)? {
            receipt.answer = Answer::Refused(refusal(&bundle, "already_open"));
            (receipt.seq, receipt.states, receipt.transitions) = (0, Vec::new(), Vec::new());
        } else {
            let trade = Arc::new(Trade::clone(&decision.trade));
            self.trades.insert(Arc::clone(&instance), Worked::opened(trade, bundle));
            receipt.record = self.note(&instance, None, &input, decision)?;
        }
        Ok(receipt)
    }

    fn offer(
        &mut self,
        conn: &mut Connection,
        submission: &Submission,
        instance: &InstanceId,
        cause: &Cause,
    ) -> Result<Option<Receipt>, EngineError> {
        let id = self.fetch(conn, instance)?;
        let worked = self.trades.get(&id).ok_or(EngineError::NotFound)?;
        let (before, bundle) = (Arc::clone(&worked.trade), Arc::clone(&worked.bundle));
        let input = Input {
            instance: Arc::clone(instance),
            cause: cause.clone(),
            at: submission.ingress,
        };
        let pass = self.pass(conn, &before, input.at)?;
        if pass == Pass::Wait {
            self.held_back.insert(id);
            return Ok(None);
        }
        let decision = self.decide(conn, (&bundle, Some(&before)), &input, submission, pass)?;
        let mut receipt = receipt(&input, &decision);
        if let Some(due) = missed(&before, &input, &receipt.answer) {
            self.gathered.late_ingress(&id, &input, due, self.common.now())?;
        }
        receipt.record = self.note(&id, Some(&before), &input, decision)?;
        Ok(Some(receipt))
    }

    /// Whether the trade's next deadline, where it is due at `at`, may be decided now.
    fn pass(&mut self, conn: &mut Connection, trade: &Trade, at: Time) -> Result<Pass, StoreError> {
        if self.held_back.contains(&trade.id) {
            return Ok(Pass::Wait);
        }
        let at = at.max(trade.now);
        let Some((_, _, due)) = trade.next_due(at) else {
            return Ok(Pass::Open);
        };
        if self.others.is_none() {
            self.others = Some(ask_others(self.common, conn)?);
        }
        let others = self.others.as_deref().unwrap_or_default();
        Ok(self.drain.pass(self.common, others, &trade.id, (due, at)))
    }

    /// Runs the step. A panic in it is a fault of the program, not the end of the writer.
    fn decide(
        &mut self,
        conn: &mut Connection,
        (bundle, trade): (&Bundle, Option<&Trade>),
        input: &Input,
        submission: &Submission,
        pass: Pass,
    ) -> Result<Decision, EngineError> {
        let common = self.common;
        let calendars = common.calendars();
        let context: Context = common.context(bundle, &submission.actor, &calendars)?;
        let measure = |timer: &Timer| {
            let delay = common.delay(timer);
            Delay {
                broken: delay.broken || pass == Pass::Unanswered,
                ..delay
            }
        };
        let id = trade.map_or(&input.instance, |trade| &trade.id);
        let asking = Asking::new(conn, &mut self.gathered.versions, (bundle, id), &self.trades);
        let slot = |wanted: &Wanted| asking.slot(wanted);
        let outside = Outside {
            delay: &measure,
            slot: &slot,
        };
        let decided = || decide(bundle, trade, input, &context, &calendars, outside);
        let decision = catch_unwind(AssertUnwindSafe(decided)).map_err(|_| {
            tracing::error!(instance.id = %input.instance, "the step panicked");
            EngineError::Step(input.instance.to_string())
        })?;
        asking.check()?;
        Ok(decision)
    }

    /// Puts the trade after a decision on the desk and gathers what the decision writes; the receipt of the line that the input
    /// itself became.
    fn note(
        &mut self,
        id: &InstanceId,
        before: Option<&Trade>,
        input: &Input,
        decision: Decision,
    ) -> Result<Option<record::Receipt>, EngineError> {
        let Some(worked) = self.trades.get_mut(id) else {
            return Err(EngineError::NotFound);
        };
        let now = self.common.now();
        self.gathered.decision(worked, before, input, &decision, now)?;
        if decision.entries.is_empty() {
            return Ok(None);
        }
        let receipt = self.gathered.lines(worked, input, &decision, &self.common.signing, now);
        let Decision {
            trade,
            entries,
            effects,
            lines: _,
            answer: _,
        } = decision;
        for instance in trade
            .instances
            .keys()
            .filter(|_| before.is_none_or(|before| before.instances.len() != trade.instances.len()))
        {
            self.places.insert(Arc::clone(instance), Arc::clone(id));
        }
        worked.trade = Arc::new(trade);
        // Told even where nobody listens yet: who subscribes before the commit must hear of it.
        self.told.push(Committed {
            trade: Arc::clone(&worked.trade),
            bundle: Arc::clone(&worked.bundle),
            entries,
            effects,
        });
        Ok(receipt)
    }

    /// Brings the trade of an instance onto the desk and returns its id.
    fn fetch(&mut self, conn: &mut Connection, instance: &InstanceId) -> Result<InstanceId, EngineError> {
        let id = match self.places.get(instance) {
            Some(id) => Arc::clone(id),
            None if self.trades.contains_key(instance) => Arc::clone(instance),
            None => loading::place(self.common, conn, instance)?.ok_or(EngineError::NotFound)?,
        };
        if !self.trades.contains_key(&id) {
            let held = loading::load(self.common, conn, &id)?.ok_or(EngineError::NotFound)?;
            self.trades.insert(Arc::clone(&id), Worked::of(held));
        }
        Ok(id)
    }
}

fn receipt(input: &Input, decision: &Decision) -> Receipt {
    let trade = &decision.trade;
    let states = trade
        .instances
        .get(&input.instance)
        .map(|instance| instance.states.clone());
    let own = decision
        .entries
        .iter()
        .filter(|entry| super::gather::is_of(entry, input));
    Receipt {
        trade: Arc::clone(&trade.id),
        instance: Arc::clone(&input.instance),
        answer: decision.answer.clone(),
        seq: trade.seq,
        at: trade.now,
        states: states.unwrap_or_default(),
        transitions: own.flat_map(|entry| entry.public.transitions.clone()).collect(),
        record: None,
    }
}
