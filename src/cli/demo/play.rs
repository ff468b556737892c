//! The acts that plays are made of: announce, apply, pay, bid, review, sign, settle. Each is what people do through the API.
//! Must not say in which order, nor how a play ends.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::Failure;
use super::cast;
use super::narrator::yuan;
use super::player::{Player, wait};
use super::stage::{LIVE, Stage, states};

/// What the parties hand in where a file is asked for: a minimal PDF.
const PAPER: &[u8] =
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

/// One trade on the stage.
pub struct Play<'a> {
    pub stage: &'a Stage,
    pub listing: String,
    auction: OnceCell<String>,
    /// Applications by the account of their owner.
    applications: RefCell<BTreeMap<String, String>>,
    /// How many messages the bank has sent; numbers its references.
    messages: RefCell<u32>,
}

impl<'a> Play<'a> {
    /// The clerk lists a lot, the centre reviews it, the authority approves it, the notice is published, registration opens.
    pub fn open(stage: &'a Stage, sample: &Value) -> Result<Self, Failure> {
        let cast = &stage.cast;
        stage.narrator.chapter("挂牌与公告", "listing and notice");
        stage.says(&cast.clerk, "填报挂牌资料并提交", "drafts the listing and submits it");
        let mut data = sample.clone();
        fill_papers(&cast.clerk, &mut data)?;
        let created = cast
            .clerk
            .post("trades", &json!({"bundle": "asset-sale", "data": data}))?;
        let listing = created["instance"].as_str().unwrap_or_default().to_owned();
        let play = Self {
            stage,
            listing,
            auction: OnceCell::new(),
            applications: RefCell::default(),
            messages: RefCell::default(),
        };
        play.act(&cast.clerk, "draft", "submit", &json!({}))?;
        stage.says(&cast.reviewer, "审核挂牌资料：通过", "the centre's reviewer passes it");
        play.act(&cast.reviewer, "centre", "approve", &json!({}))?;
        stage.says(&cast.supervisor, "批准", "the supervising authority approves");
        play.act(&cast.supervisor, "authority", "approve", &json!({}))?;
        stage.reaches(&play.listing, "announced")?;
        stage
            .narrator
            .say("交易公告已制作并发布", "the notice has been typeset and published");
        stage.let_pass(&play.listing, "opens", "first")?;
        stage.narrator.say("报名开始", "registration opens");
        Ok(play)
    }

    /// Completes a to-do of the listing.
    pub fn act(&self, who: &Player, state: &str, outcome: &str, fields: &Value) -> Result<Value, Failure> {
        who.act(&self.listing, state, outcome, fields)
    }

    /// A bidder of the cast, by position.
    pub fn bidder(&self, number: usize) -> Result<&'a Player, Failure> {
        self.stage
            .cast
            .bidders
            .get(number)
            .ok_or_else(|| Failure(format!("the cast has no bidder {number}")))
    }

    /// Applies, fills in the form, and sees the receipt.
    pub fn applies(&self, who: &Player) -> Result<(), Failure> {
        self.stage
            .says(who, "提交竞买申请，取得申购回执单", "applies and gets a receipt");
        let receipt = who.event(&self.listing, "apply", &json!({}))?;
        let application = receipt["created"].as_str().unwrap_or_default().to_owned();
        let identity = who.upload("身份证明.pdf", "application/pdf", PAPER)?;
        let form = json!({
            "rules_accepted": true,
            "applicant_kind": "自然人",
            "applicant_form": {
                "name": who.title,
                "identity_number": cast::identity_number(&who.account),
                "address": cast::ADDRESS,
                "phone": cast::PHONE,
                "refund_account": "6222000000000000000",
                "refund_bank": "某银行吉首支行",
            },
            "commitment_accepted": true,
            "attachments": {"identity": [identity]},
            "bank_name": "某银行吉首支行",
        });
        who.act(&application, "drafting", "submit", &form)?;
        self.stage.reaches(&application, "awaiting_deposit")?;
        self.applications.borrow_mut().insert(who.account.clone(), application);
        Ok(())
    }

    /// The bank tells that the deposit has arrived in full from the bidder's own account.
    pub fn deposits(&self, who: &Player) -> Result<(), Failure> {
        let amount = self.stage.data(&self.listing, "deposit")?.as_i64().unwrap_or_default();
        self.stage.narrator.say(
            &format!("【银行】{}的保证金 {} 到账", who.title, yuan(amount)),
            "the bank reports the deposit by a signed message",
        );
        self.pays(who, "deposits", amount)?;
        self.stage.reaches(&self.application(who)?, "valid")
    }

    pub fn registers(&self, who: &Player) -> Result<(), Failure> {
        self.applies(who)?;
        self.deposits(who)
    }

    /// Money from the bidder's own account arrives now.
    pub fn pays(&self, who: &Player, hook: &str, amount: i64) -> Result<(), Failure> {
        let application = self.application(who)?;
        let reference = who.get(&format!("instances/{application}"))?["data"]["payment_reference"].clone();
        let mut message = json!({"reference": reference, "amount": amount, "ref": self.bank_reference()});
        if hook != "refunds" {
            message["payer_name"] = json!(who.title);
            message["credited_at"] = json!(self.stage.clock.now().0);
        }
        self.stage.bank.tell(hook, &message)?;
        Ok(())
    }

    /// The application of a bidder.
    pub fn application(&self, who: &Player) -> Result<String, Failure> {
        let applications = self.applications.borrow();
        applications
            .get(&who.account)
            .cloned()
            .ok_or_else(|| Failure(format!("{} has not applied", who.title)))
    }

    pub fn applications(&self) -> Vec<String> {
        self.applications.borrow().values().cloned().collect()
    }

    /// Registration ends, the bank's reconciliation is waited for, and the count decides.
    pub fn registration_ends(&self, leads_to: &str) -> Result<(), Failure> {
        self.stage.let_pass(&self.listing, "closes", "reconciling")?;
        self.stage.narrator.say(
            "报名截止，等待银行对账",
            "registration ends; the bank's reconciliation is waited for",
        );
        self.stage.let_pass(&self.listing, "counted", leads_to)
    }

    /// The auction that the listing has started.
    pub fn auction(&self) -> Result<&str, Failure> {
        if let Some(auction) = self.auction.get() {
            return Ok(auction);
        }
        let found = wait("the auction", || {
            let view = self.stage.look(&self.listing)?;
            let children = view["children"].as_array().cloned().unwrap_or_default();
            let auction = children.iter().find(|child| child["machine"] == "auction").cloned();
            Ok(auction.and_then(|child| child["id"].as_str().map(str::to_owned)))
        })?;
        Ok(self.auction.get_or_init(|| found))
    }

    /// The inquiry of four minutes passes; from here on the clock runs live.
    pub fn inquiry_ends(&self) -> Result<(), Failure> {
        let auction = self.auction()?;
        self.stage.reaches(auction, "inquiry")?;
        self.stage
            .narrator
            .say("进入询问期（4 分钟）", "the inquiry of four minutes");
        self.stage.clock.run_at(LIVE);
        self.stage.run_out(auction, "end", "timed")?;
        self.stage.narrator.say(
            "进入限时竞价（4 分钟，每次有效报价重新计时）",
            "timed bidding: four minutes from each accepted bid",
        );
        Ok(())
    }

    /// A bid that is accepted.
    pub fn bids(&self, who: &Player, amount: i64) -> Result<(), Failure> {
        let auction = self.auction()?;
        who.event(auction, "bid", &json!({"amount": amount, "confirmed": true}))?;
        self.stage.says(
            who,
            &format!("报价 {}，接受，重新计时", yuan(amount)),
            "bids; accepted, the clock starts again",
        );
        Ok(())
    }

    /// A bid that is refused with the code.
    pub fn bids_in_vain(&self, who: &Player, amount: i64, code: &str) -> Result<(), Failure> {
        let auction = self.auction()?;
        let path = format!("instances/{auction}/events/bid");
        let refused = who.refused(&path, &json!({"amount": amount, "confirmed": true}))?;
        if refused.code != code {
            return Err(Failure(format!(
                "the bid was to be refused as {code} but was refused as {}",
                refused.code
            )));
        }
        let chinese = format!("报价 {}，被拒：{}", yuan(amount), refused.title);
        self.stage.says(who, &chinese, &format!("bids; refused: {code}"));
        Ok(())
    }

    /// The countdown runs out.
    pub fn countdown_ends(&self, state: &str) -> Result<(), Failure> {
        self.stage.run_out(self.auction()?, "countdown", state)?;
        self.stage.clock.run_at(1);
        Ok(())
    }

    /// The start price and the increment.
    pub fn price_and_step(&self) -> Result<(i64, i64), Failure> {
        let view = self.stage.look(&self.listing)?;
        let field = |name: &str| {
            view["data"][name]
                .as_i64()
                .ok_or_else(|| Failure(format!("the listing has no {name}")))
        };
        Ok((field("start_price")?, field("increment")?))
    }

    /// The winner pays what the confirmation says less the deposit.
    pub fn pays_the_price(&self, winner: &Player) -> Result<(), Failure> {
        let application = self.application(winner)?;
        self.stage.reaches(&application, "paying")?;
        let due = self.stage.data(&application, "price_due")?.as_i64().unwrap_or_default();
        let chinese = format!("【银行】{}的价款 {} 到账（保证金已抵扣）", winner.title, yuan(due));
        self.stage
            .narrator
            .say(&chinese, "the bank reports the price, less the deposit");
        self.pays(winner, "payments", due)?;
        self.stage.reaches(&self.listing, "handover")
    }

    /// The reviewer suspends the trade.
    pub fn suspends(&self, cause: &str, reason: &str) -> Result<(), Failure> {
        let who = &self.stage.cast.reviewer;
        self.tells(who, &format!("中止项目：{cause}"), "suspends the trade");
        who.event(
            &self.listing,
            "suspend",
            &json!({"suspend_reason": cause, "reason": reason}),
        )?;
        self.stage.clock.run_at(1);
        self.stage.reaches(&self.listing, "suspended")
    }

    /// Two hours later the chief announces that it goes on in thirty hours, which then pass.
    pub fn resumes(&self) -> Result<(), Failure> {
        const HOUR: i64 = 3_600_000;
        let who = &self.stage.cast.chief;
        self.stage
            .clock
            .advance_to(self.stage.clock.now().plus_millis(2 * HOUR));
        let at = self.stage.clock.now().plus_millis(30 * HOUR);
        self.tells(
            who,
            &format!("公告于 {} 恢复", at.in_china()),
            "announces when it goes on",
        );
        who.event(&self.listing, "resume", &json!({"resume_at": at.0}))?;
        self.stage.let_pass(&self.listing, "resumes", "running")
    }

    /// Uploads a paper and returns its id.
    pub fn paper(&self, who: &Player) -> Result<String, Failure> {
        who.upload("附件.pdf", "application/pdf", PAPER)
    }

    pub fn tells(&self, who: &Player, chinese: &str, english: &str) {
        self.stage.says(who, chinese, english);
    }

    pub fn says(&self, chinese: &str, english: &str) {
        self.stage.narrator.say(chinese, english);
    }

    pub fn chapter(&self, chinese: &str, english: &str) {
        self.stage.narrator.chapter(chinese, english);
    }

    /// The auction, if one was ever begun.
    pub fn auction_seen(&self) -> Option<&str> {
        self.auction.get().map(String::as_str)
    }

    /// Finance finds what is owed on its list, and the bank pays it back.
    pub fn refunds(&self) -> Result<(), Failure> {
        let finance = &self.stage.cast.finance;
        for who in &self.stage.cast.bidders {
            let Ok(application) = self.application(who) else {
                continue;
            };
            let owed = self.stage.data(&application, "owed")?.as_i64().unwrap_or_default();
            if owed > 0 {
                finance.todo(&self.listing, "refunds.owing")?;
                self.tells(
                    finance,
                    &format!("退还{} {}", who.title, yuan(owed)),
                    "has the bank refund what is owed",
                );
                self.pays(who, "refunds", owed)?;
            }
        }
        Ok(())
    }

    /// The states of an instance by their last names, in order.
    pub fn state_names(&self, instance: &str) -> Result<String, Failure> {
        let view = self.stage.look(instance)?;
        let names = states(&view);
        let names: Vec<_> = names
            .iter()
            .map(|path| path.rsplit('.').next().unwrap_or(path))
            .collect();
        Ok(names.join("+"))
    }

    fn bank_reference(&self) -> String {
        let mut messages = self.messages.borrow_mut();
        *messages += 1;
        format!("BK{}{messages:06}", self.stage.clock.now().0)
    }
}

/// Uploads a paper wherever the listing's data asks for files: the samples say `[paper]`.
fn fill_papers(who: &Player, value: &mut Value) -> Result<(), Failure> {
    match value {
        Value::String(text) if text == "paper" => {
            *value = Value::String(who.upload("附件.pdf", "application/pdf", PAPER)?);
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill_papers(who, item))?,
        Value::Object(fields) => fields.values_mut().try_for_each(|field| fill_papers(who, field))?,
        _ => {}
    }
    Ok(())
}
