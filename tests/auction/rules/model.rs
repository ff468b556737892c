//! The rules of the room as a model, written from the text of the rules (docs of the trade, workflows/README.md) and not from the
//! machine: windows and who leads, with every reason for which an offer may be refused. Must not use anything of the engine.

use std::collections::BTreeSet;

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;
/// How long a sale may stand interrupted before it ends without a result.
pub const LONGEST_INTERRUPTION: i64 = 5 * DAY;
/// Who has paid in time: the others of the five have not.
pub const PAID: usize = 4;
pub const BIDDERS: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    Restart,
    FullWindow,
    Remaining,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    None,
    SamePrice,
    After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    None,
    AtEntry,
    Every,
}

/// What the notice says.
#[derive(Clone, Debug)]
pub struct Rules {
    pub sealed: bool,
    pub starts: Option<i64>,
    pub start: i64,
    pub increment: i64,
    pub reserve: i64,
    pub inquiry: i64,
    pub confirm: bool,
    pub free: i64,
    pub timed: i64,
    pub only_in_window: bool,
    pub window: i64,
    pub extend_by: i64,
    pub most_extensions: i64,
    /// How long after its beginning bids no longer extend the timed phase; 0 for never.
    pub hard_stop: i64,
    pub multiples: bool,
    pub most_steps: i64,
    pub confirm_steps: i64,
    pub self_outbid: bool,
    pub proxy: bool,
    pub signature: Signature,
    pub newest: bool,
    pub priority: Priority,
    pub priority_window: i64,
    pub resume: Resume,
    pub ranks: [i64; BIDDERS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Waiting,
    Inquiry,
    Free,
    Timed,
    Sealed,
    Priority,
    Suspended,
    /// One person wants it annulled; another has to agree.
    Abandoning,
    Reopening,
    Sold,
    Unsold,
    Annulled,
}

/// A time in which the platform was out of reach, or in which a process of it ended.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    pub from: i64,
    pub until: i64,
    pub ended: bool,
}

/// Milliseconds of a span that lie in at least one of the outages.
fn covered(outages: &[Outage], from: i64, until: i64) -> i64 {
    let mut spans: Vec<(i64, i64)> = outages
        .iter()
        .map(|one| (one.from.max(from), one.until.min(until)))
        .filter(|(from, until)| from < until)
        .collect();
    spans.sort_unstable();
    let mut sum = 0;
    let mut reached = i64::MIN;
    for (from, until) in spans {
        sum += (until - from.max(reached)).max(0);
        reached = reached.max(until);
    }
    sum
}

/// What came in before a deadline and surfaces after it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    Bid,
    Limit,
    Envelope,
    Confirmation,
    /// What has no deadline of its own.
    Other,
}

/// One offer of an amount.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    pub by: usize,
    pub amount: i64,
    pub confirmed: bool,
    pub signed: bool,
    pub seen: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Room {
    pub rules: Rules,
    pub phase: Phase,
    /// When the phase ends; nothing does before.
    pub deadline: Option<i64>,
    pub price: i64,
    pub leader: Option<usize>,
    pub accepted: i64,
    pub extensions: i64,
    /// From when on bids no longer extend the timed phase that runs.
    pub stop: Option<i64>,
    pub frozen: bool,
    frozen_at: i64,
    /// When the count to the deadline began.
    began: i64,
    /// The last deadline that was decided: what came in before it and surfaces after it is late.
    pub fired: Option<i64>,
    pub outages: Vec<Outage>,
    interrupted: i64,
    left: i64,
    pub limit: i64,
    free_over: bool,
    /// What was interrupted, and how much time it lost.
    broken: (Phase, i64),
    offers: Vec<(i64, usize)>,
    pub joined: [bool; BIDDERS],
    pub banned: [bool; BIDDERS],
    pub entered: [bool; BIDDERS],
}

type Reasons = BTreeSet<&'static str>;

impl Room {
    pub fn opened(rules: Rules, at: i64) -> Self {
        let mut room = Self {
            phase: Phase::Waiting,
            deadline: Some(rules.starts.map_or(at, |starts| starts.max(at))),
            rules,
            price: 0,
            leader: None,
            accepted: 0,
            extensions: 0,
            stop: None,
            frozen: false,
            frozen_at: 0,
            began: at,
            fired: None,
            outages: Vec::new(),
            interrupted: 0,
            left: 0,
            limit: 0,
            free_over: false,
            broken: (Phase::Inquiry, 0),
            offers: Vec::new(),
            joined: [false; BIDDERS],
            banned: [false; BIDDERS],
            entered: [false; BIDDERS],
        };
        room.pass(at, 0);
        room
    }

    pub fn over(&self) -> bool {
        matches!(self.phase, Phase::Sold | Phase::Unsold | Phase::Annulled)
    }

    fn admitted(&self, who: usize) -> bool {
        who < PAID && !self.banned[who] && (!self.rules.confirm || self.joined[who])
    }

    /// Everything due at or before `now` happens; the platform notices each `late`.
    pub fn pass(&mut self, now: i64, late: i64) {
        while let Some(due) = self.deadline.filter(|due| *due <= now && !self.frozen) {
            self.fired = Some(due);
            self.end(due, late);
        }
    }

    /// What of the last part of a phase the platform was out of reach, and whether a process ended in it. A shorter phase counts
    /// whole; an outage that lasts until its end counts from where it began until the platform is back.
    fn disturbed(&self, due: i64, late: i64) -> (i64, bool) {
        let from = self.began.max(due - self.rules.window.max(5 * MINUTE));
        let touching = self.outages.iter().filter(|one| one.from <= due && one.until >= from);
        let touching: Vec<Outage> = touching.copied().collect();
        let lasting = touching.iter().filter(|one| one.until >= due);
        let from = lasting.map(|one| one.from.max(self.began)).fold(from, i64::min);
        (
            covered(&touching, from, due + late),
            touching.iter().any(|one| one.ended),
        )
    }

    fn end(&mut self, due: i64, late: i64) {
        let (outage, ended) = self.disturbed(due, late);
        let broken = outage > 3 * SECOND || late > 3 * SECOND || ended;
        match self.phase {
            Phase::Waiting => self.begin(Phase::Inquiry, due),
            Phase::Reopening => self.resume(due),
            Phase::Suspended | Phase::Abandoning => self.close(Phase::Annulled),
            // Whoever has the right is asked anew, for the whole time, from when the platform is back.
            Phase::Priority if broken => self.ask(due + late),
            Phase::Priority => self.close(Phase::Sold),
            _ if broken => {
                self.interrupt((outage - late).max(MINUTE), due);
            }
            Phase::Inquiry => {
                let nobody = self.rules.confirm && (0..PAID).all(|who| !self.admitted(who));
                match self.rules.sealed {
                    _ if nobody => self.decide(due),
                    true => self.begin(Phase::Sealed, due),
                    false if self.rules.free > 0 && !self.free_over => self.begin(Phase::Free, due),
                    false => self.begin(Phase::Timed, due),
                }
            }
            Phase::Free => {
                self.free_over = true;
                self.begin(Phase::Timed, due);
            }
            _ => self.decide(due),
        }
    }

    /// A phase in full: what was counted of the timed one begins with it.
    fn begin(&mut self, phase: Phase, at: i64) {
        self.phase = phase;
        if phase == Phase::Timed {
            self.extensions = 0;
            self.stop = (self.rules.hard_stop > 0).then(|| at + self.rules.hard_stop);
        }
        self.until(at, at + self.length(phase));
    }

    fn until(&mut self, began: i64, deadline: i64) {
        self.began = began;
        self.deadline = Some(deadline);
    }

    fn ask(&mut self, at: i64) {
        self.phase = Phase::Priority;
        self.until(at, at + self.rules.priority_window);
    }

    /// Nothing is decided; `lost` is what the phase is owed, or nothing where it is owed all of its time.
    fn interrupt(&mut self, lost: i64, at: i64) {
        self.broken = (self.phase, lost);
        self.phase = Phase::Suspended;
        self.interrupted = at;
        self.until(at, at + LONGEST_INTERRUPTION);
    }

    fn length(&self, phase: Phase) -> i64 {
        match phase {
            Phase::Inquiry => self.rules.inquiry,
            Phase::Free => self.rules.free,
            _ => self.rules.timed,
        }
    }

    fn resume(&mut self, at: i64) {
        let (phase, lost) = match self.broken {
            // Bidding was over but for the one that surfaced late: it runs again, in the way of the lot.
            (Phase::Priority, lost) if self.rules.sealed => (Phase::Sealed, lost),
            (Phase::Priority, lost) => (Phase::Timed, lost),
            other => other,
        };
        match self.rules.resume {
            Resume::Restart => self.begin(Phase::Inquiry, at),
            Resume::Remaining if lost > 0 => {
                self.phase = phase;
                self.until(at, at + lost);
                // The time that the room stood still is nobody's: the old end and the new one are as far from the stop.
                self.stop = self.stop.map(|stop| stop + (at + lost) - self.interrupted);
            }
            _ => self.begin(phase, at),
        }
    }

    /// The reviewer announces when a suspended room goes on: within the first hour at will, later with a day's notice, and before
    /// the longest interruption is over.
    pub fn reopen(&mut self, at: i64, now: i64) -> Reasons {
        let mut reasons = Reasons::new();
        if at <= now {
            reasons.insert("reopen_in_past");
        }
        if now - self.interrupted >= HOUR && at < now + DAY {
            reasons.insert("notice_too_short");
        }
        if self.deadline.is_some_and(|limit| at >= limit) {
            reasons.insert("resume_too_late");
        }
        if reasons.is_empty() {
            self.phase = Phase::Reopening;
            self.until(now, at);
        }
        reasons
    }

    /// A second person agrees that the sale is annulled, or does not.
    pub fn judge(&mut self, agrees: bool) {
        if agrees {
            self.close(Phase::Annulled);
        } else {
            self.phase = Phase::Suspended;
        }
    }

    /// Something that came in before the last deadline surfaces after it was decided, as of `decided`: it is never accepted, and
    /// the room is suspended where it could have counted. Nothing where it could not: then it is answered as any other.
    pub fn late(&mut self, what: Missed, by: usize, decided: i64) -> Option<Reasons> {
        let open = matches!(
            self.phase,
            Phase::Inquiry | Phase::Free | Phase::Timed | Phase::Sealed | Phase::Priority
        );
        let counts = match what {
            Missed::Bid => !self.rules.sealed,
            Missed::Limit => self.rules.proxy && !self.rules.sealed,
            Missed::Envelope => self.rules.sealed,
            // Who is still asked can still answer; who has answered has nothing to lose, and who is excluded cannot answer.
            Missed::Confirmation => {
                let misses = by < PAID && !self.joined[by] && !self.banned[by];
                self.rules.confirm && self.phase != Phase::Inquiry && misses
            }
            Missed::Other => false,
        };
        if self.frozen || !open || !counts {
            return None;
        }
        self.interrupt(0, decided);
        if what == Missed::Confirmation {
            // Its sender has to be asked again.
            self.broken.0 = Phase::Inquiry;
        }
        Some(Reasons::from(["late"]))
    }

    /// Excluded: what was accepted stands, but nothing more is bid for them.
    pub fn exclude(&mut self, who: usize) {
        self.banned[who] = true;
        if self.leader == Some(who) {
            self.limit = 0;
        }
    }

    pub fn freeze(&mut self, now: i64) {
        self.frozen = true;
        self.frozen_at = now;
        self.left = self.deadline.map_or(0, |deadline| deadline - now);
    }

    pub fn thaw(&mut self, now: i64) {
        self.frozen = false;
        let running = matches!(self.phase, Phase::Inquiry | Phase::Free | Phase::Timed | Phase::Sealed);
        match self.rules.resume {
            Resume::Restart if running => self.begin(Phase::Inquiry, now),
            Resume::FullWindow if running => self.begin(self.phase, now),
            _ => {
                self.began = now;
                self.deadline = self.deadline.map(|_| now + self.left);
                // An interruption that was frozen counts whole once it is over.
                if self.phase == Phase::Timed {
                    self.stop = self.stop.map(|stop| stop + now - self.frozen_at);
                }
            }
        }
        self.pass(now, 0);
    }

    fn close(&mut self, phase: Phase) {
        self.phase = phase;
        self.deadline = None;
    }

    fn decide(&mut self, at: i64) {
        if self.rules.sealed {
            self.open_envelopes();
        }
        let best = self.leader.map_or(0, |leader| self.rules.ranks[leader]);
        if self.leader.is_none() || self.price < self.rules.reserve {
            self.close(Phase::Unsold);
        } else if self.rules.priority == Priority::After && best != 1 {
            self.ask(at);
        } else {
            self.close(Phase::Sold);
        }
    }

    /// Highest amount; of equal ones the better rank where the right takes the same price; then the earlier.
    fn open_envelopes(&mut self) {
        let rank = |who: usize| match self.rules.ranks[who] {
            rank if rank > 0 && self.rules.priority == Priority::SamePrice => rank,
            _ => i64::MAX,
        };
        let best = (0..self.offers.len()).min_by_key(|nth| (-self.offers[*nth].0, rank(self.offers[*nth].1), *nth));
        self.accepted = i64::try_from(self.offers.len()).unwrap();
        if let Some(nth) = best {
            (self.price, self.leader) = (self.offers[nth].0, Some(self.offers[nth].1));
        }
    }

    /// Reasons that concern the person, not the amount.
    fn person(&self, by: usize, signed: bool, reasons: &mut Reasons) {
        if by >= PAID {
            reasons.insert("deposit_invalid");
        } else if self.banned[by] {
            reasons.insert("banned");
        } else if !self.admitted(by) {
            reasons.insert("not_qualified");
        }
        let unsigned = match self.rules.signature {
            Signature::None => false,
            Signature::AtEntry => !self.entered[by],
            Signature::Every => !signed,
        };
        if unsigned {
            reasons.insert("bad_signature");
        }
    }

    /// Reasons that do not depend on the amount, where the phase alone refuses; `phases` are those in which it is asked for.
    fn elsewhere(&self, phases: &[Phase]) -> Option<&'static str> {
        match self.phase {
            Phase::Sold | Phase::Unsold | Phase::Annulled => Some("ended"),
            _ if self.frozen => Some("suspended"),
            phase if phases.contains(&phase) => None,
            Phase::Suspended | Phase::Abandoning | Phase::Reopening if !phases.contains(&Phase::Priority) => {
                Some("suspended")
            }
            Phase::Priority if phases.contains(&Phase::Timed) || phases.contains(&Phase::Sealed) => Some("ended"),
            _ => Some("not_open"),
        }
    }

    fn base(&self) -> i64 {
        self.leader.map_or(self.rules.start, |_| self.price)
    }

    fn holds_better_right(&self, who: usize) -> bool {
        let standing = self.leader.map_or(0, |leader| self.rules.ranks[leader]);
        self.rules.ranks[who] > 0 && (standing == 0 || self.rules.ranks[who] < standing)
    }

    fn takes_same_price(&self, who: usize) -> bool {
        self.rules.priority == Priority::SamePrice && self.holds_better_right(who)
    }

    fn too_low(&self, amount: i64, reasons: &mut Reasons) {
        match self.leader {
            None if amount < self.rules.start => reasons.insert("below_start"),
            Some(_) if amount < self.price + self.rules.increment => reasons.insert("below_step"),
            _ => false,
        };
        if self.rules.multiples && (amount - self.rules.start) % self.rules.increment != 0 {
            reasons.insert("not_multiple");
        }
    }

    /// Of any amount in the open, a bid's or a limit's.
    fn too_far(&self, offer: Offer, reasons: &mut Reasons) {
        let steps = |most: i64| offer.amount > self.base() + most * self.rules.increment;
        if self.rules.most_steps > 0 && steps(self.rules.most_steps) {
            reasons.insert("over_max_multiple");
        }
        if self.rules.confirm_steps > 0 && !offer.confirmed && steps(self.rules.confirm_steps) {
            reasons.insert("confirm_jump");
        }
    }

    /// A bid in the open. Accepted where no reason is against it.
    pub fn bid(&mut self, offer: Offer, now: i64) -> Reasons {
        if let Some(reason) = self.elsewhere(&[Phase::Free, Phase::Timed]) {
            return Reasons::from([reason]);
        }
        let mut reasons = Reasons::new();
        self.person(offer.by, offer.signed, &mut reasons);
        if self.rules.newest && offer.seen != Some(self.accepted) {
            reasons.insert("stale_version");
        }
        let taken = self.leader.is_some() && offer.amount == self.price;
        if taken && self.takes_same_price(offer.by) {
            if reasons.is_empty() {
                self.take_same_price(offer.by, now);
            }
            return reasons;
        }
        self.too_low(offer.amount, &mut reasons);
        if taken {
            reasons.insert("duplicate_price");
        }
        self.too_far(offer, &mut reasons);
        if self.leader == Some(offer.by) && !self.rules.self_outbid {
            reasons.insert("own_price");
        }
        if reasons.is_empty() {
            if self.leader != Some(offer.by) && self.stands_against(offer) {
                self.price = self.limit.min(offer.amount + self.rules.increment);
            } else {
                if self.leader != Some(offer.by) {
                    self.limit = 0;
                }
                (self.price, self.leader) = (offer.amount, Some(offer.by));
            }
            self.accept(now);
        }
        reasons
    }

    /// The leader's limit outlasts an offer below it, and an equal one as the earlier, unless a right goes before.
    fn stands_against(&self, offer: Offer) -> bool {
        offer.amount < self.limit || (offer.amount == self.limit && !self.takes_same_price(offer.by))
    }

    fn take_same_price(&mut self, by: usize, now: i64) {
        if self.limit >= self.price + self.rules.increment {
            self.price += self.rules.increment;
        } else {
            self.leader = Some(by);
            self.limit = 0;
        }
        self.accept(now);
    }

    /// A secret limit.
    pub fn set_limit(&mut self, offer: Offer, now: i64) -> Reasons {
        if let Some(reason) = self.elsewhere(&[Phase::Free, Phase::Timed]) {
            return Reasons::from([reason]);
        }
        let mut reasons = Reasons::new();
        if !self.rules.proxy {
            reasons.insert("no_proxy");
        }
        self.person(offer.by, offer.signed, &mut reasons);
        let own = self.leader == Some(offer.by);
        self.too_low(offer.amount, &mut reasons);
        self.too_far(offer, &mut reasons);
        if own {
            reasons.remove("below_step");
            if offer.amount <= self.limit.max(self.price) {
                reasons.insert("limit_not_raised");
            }
        }
        if !reasons.is_empty() {
            return reasons;
        }
        if own {
            self.limit = offer.amount;
        } else if self.leader.is_some() && self.stands_against(offer) {
            self.price = self.limit.min(offer.amount + self.rules.increment);
            self.accept(now);
        } else {
            let beaten = self.limit.max(self.price);
            self.price = match self.leader {
                None => self.rules.start,
                Some(_) => offer.amount.min(beaten + self.rules.increment),
            };
            (self.leader, self.limit) = (Some(offer.by), offer.amount);
            self.accept(now);
        }
        reasons
    }

    /// An accepted bid of the timed phase sets the deadline to its acceptance plus the length, as long as it may.
    fn accept(&mut self, now: i64) {
        self.accepted += 1;
        let Some(deadline) = self.deadline.filter(|_| self.phase == Phase::Timed) else {
            return;
        };
        let rules = &self.rules;
        let few = rules.most_extensions == 0 || self.extensions < rules.most_extensions;
        let early = self.stop.is_none_or(|stop| now < stop);
        let near = !rules.only_in_window || deadline - now <= rules.window;
        if few && early && near {
            self.extensions += 1;
            let deadline = now + rules.extend_by;
            self.until(now, deadline);
        }
    }

    /// An envelope.
    pub fn offer(&mut self, offer: Offer) -> Reasons {
        if let Some(reason) = self.elsewhere(&[Phase::Sealed]) {
            return Reasons::from([reason]);
        }
        let mut reasons = Reasons::new();
        self.person(offer.by, offer.signed, &mut reasons);
        if self.offers.iter().any(|(_, by)| *by == offer.by) {
            reasons.insert("offered_already");
        }
        self.too_low(offer.amount, &mut reasons);
        let far = offer.amount > self.rules.start + self.rules.confirm_steps * self.rules.increment;
        if self.rules.confirm_steps > 0 && !offer.confirmed && far {
            reasons.insert("confirm_jump");
        }
        if reasons.is_empty() {
            self.offers.push((offer.amount, offer.by));
        }
        reasons
    }

    /// The right is exercised at the closing price.
    pub fn exercise(&mut self, by: usize, signed: bool) -> Reasons {
        if let Some(reason) = self.elsewhere(&[Phase::Priority]) {
            return Reasons::from([reason]);
        }
        let mut reasons = Reasons::new();
        self.person(by, signed, &mut reasons);
        if reasons.remove("deposit_invalid") {
            reasons.insert("not_qualified");
        }
        if !self.holds_better_right(by) {
            reasons.insert("no_priority");
        }
        if reasons.is_empty() {
            self.leader = Some(by);
        }
        reasons
    }
}
