//! How the plays go, one for each branch of the bidder's manual and what it leaves out. Must not speak HTTP: `play` has the acts.

use serde_json::{Value, json};

use super::super::Failure;
use super::play::Play;
use super::player::Player;
use super::practice;

pub fn bidding_many(play: &Play) -> Result<(), Failure> {
    let [zhang, li, wang] = [play.bidder(0)?, play.bidder(1)?, play.bidder(2)?];
    for who in [zhang, li, wang] {
        play.registers(who)?;
    }
    play.registration_ends("bidding")?;
    let (start, step) = play.price_and_step()?;
    play.bids_in_vain(zhang, start, "not_open")?;
    play.inquiry_ends()?;
    play.bids_in_vain(zhang, start - 1, "below_start")?;
    play.bids(zhang, start)?;
    play.bids(li, start + step)?;
    play.bids_in_vain(wang, start + step, "duplicate_price")?;
    play.bids(wang, start + 3 * step)?;
    play.bids(zhang, start + 5 * step)?;
    sold_to(play, zhang)
}

pub fn auction_one(play: &Play) -> Result<(), Failure> {
    let zhang = play.bidder(0)?;
    play.registers(zhang)?;
    play.registration_ends("bidding")?;
    play.inquiry_ends()?;
    play.bids(zhang, play.price_and_step()?.0)?;
    sold_to(play, zhang)
}

pub fn auction_many(play: &Play) -> Result<(), Failure> {
    let [zhang, li, wang] = [play.bidder(0)?, play.bidder(1)?, play.bidder(2)?];
    for who in [zhang, li, wang] {
        play.registers(who)?;
    }
    play.registration_ends("bidding")?;
    play.inquiry_ends()?;
    let (start, step) = play.price_and_step()?;
    play.bids(li, start)?;
    play.bids(wang, start + step)?;
    play.bids(li, start + 2 * step)?;
    sold_to(play, li)
}

pub fn bidding_one_negotiated(play: &Play) -> Result<(), Failure> {
    let zhang = play.bidder(0)?;
    play.registers(zhang)?;
    play.registration_ends("supplement")?;
    play.says(
        "仅 1 人报名：自动延期 7 个工作日并发布补充公告",
        "one registrant: seven more working days, and a supplementary notice",
    );
    play.registration_ends("negotiating")?;
    let clerk = &play.stage.cast.clerk;
    let price = play.price_and_step()?.0;
    play.tells(
        clerk,
        "填写最终成交价，上传会议决定",
        "fills in the final price and uploads the meeting's decision",
    );
    let decision = play.paper(clerk)?;
    play.act(
        clerk,
        "pricing",
        "submit",
        &json!({"final_price": price, "meeting_decision": decision}),
    )?;
    play.tells(zhang, "同意成交价", "agrees to the price");
    play.act(zhang, "consent", "agree", &json!({}))?;
    conclude(play, zhang)
}

pub fn bidding_late_joiner(play: &Play) -> Result<(), Failure> {
    let [zhang, li] = [play.bidder(0)?, play.bidder(1)?];
    play.registers(zhang)?;
    play.registration_ends("supplement")?;
    play.says(
        "仅 1 人报名：自动延期 7 个工作日并发布补充公告",
        "one registrant: seven more working days, and a supplementary notice",
    );
    play.registers(li)?;
    play.registration_ends("bidding")?;
    play.inquiry_ends()?;
    let (start, step) = play.price_and_step()?;
    play.bids(zhang, start)?;
    play.bids(li, start + step)?;
    sold_to(play, li)
}

pub fn nobody(play: &Play) -> Result<(), Failure> {
    play.registration_ends("failed")?;
    end_unsold(play)
}

pub fn no_bid(play: &Play) -> Result<(), Failure> {
    play.registers(play.bidder(0)?)?;
    play.registers(play.bidder(1)?)?;
    play.registration_ends("bidding")?;
    play.inquiry_ends()?;
    play.countdown_ends("unsold")?;
    play.says("无人报价：流拍", "no bid: unsold");
    end_unsold(play)
}

pub fn review_fails(play: &Play) -> Result<(), Failure> {
    let [zhang, li] = [play.bidder(0)?, play.bidder(1)?];
    two_bids(play, zhang, li)?;
    play.refunds()?;
    let clerk = &play.stage.cast.clerk;
    play.tells(clerk, "资格审查：不通过", "the review is not passed");
    play.act(
        clerk,
        "reviewing.by_transferor",
        "fail",
        &json!({"reason": "未提交经营资质证明"}),
    )?;
    end_unsold(play)
}

pub fn winner_defaults(play: &Play) -> Result<(), Failure> {
    let [zhang, li] = [play.bidder(0)?, play.bidder(1)?];
    two_bids(play, zhang, li)?;
    play.refunds()?;
    review(play)?;
    play.tells(li, "拒签成交确认书", "refuses to sign the confirmation");
    play.act(li, "confirming.by_winner", "refuse", &json!({}))?;
    play.tells(li, "陈述申辩", "states their case");
    play.act(li, "hearing", "submit", &json!({"statement": "资金未能按期到位。"}))?;
    let chief = &play.stage.cast.chief;
    play.tells(
        chief,
        "认定违约，保证金不予退还",
        "finds a breach; the deposit is forfeited",
    );
    play.act(
        chief,
        "breach.deciding",
        "forfeit",
        &json!({"reason": "无正当理由拒签成交确认书"}),
    )?;
    end_unsold(play)
}

pub fn suspended(play: &Play) -> Result<(), Failure> {
    let [zhang, li] = [play.bidder(0)?, play.bidder(1)?];
    play.registers(zhang)?;
    play.registers(li)?;
    play.registration_ends("bidding")?;
    play.inquiry_ends()?;
    let (start, step) = play.price_and_step()?;
    play.bids(zhang, start)?;
    play.suspends("系统故障", "机房线路故障")?;
    play.bids_in_vain(li, start + step, "suspended")?;
    play.resumes()?;
    play.inquiry_ends()?;
    play.says(
        "已接受的报价有效，竞价室从询问期重新开始",
        "the accepted bid stands; the room began again with the inquiry",
    );
    play.bids_in_vain(li, start, "duplicate_price")?;
    play.bids(li, start + step)?;
    sold_to(play, li)
}

pub fn practised(play: &Play) -> Result<(), Failure> {
    let [zhang, li] = [play.bidder(0)?, play.bidder(1)?];
    practice::round(play, zhang)?;
    play.chapter("正式竞价", "the sale itself");
    play.registers(zhang)?;
    play.registers(li)?;
    play.registration_ends("bidding")?;
    play.inquiry_ends()?;
    let (start, step) = play.price_and_step()?;
    play.bids(li, start)?;
    play.bids(zhang, start + step)?;
    sold_to(play, zhang)
}

/// Two register, `second` outbids `first`.
fn two_bids(play: &Play, first: &Player, second: &Player) -> Result<(), Failure> {
    play.registers(first)?;
    play.registers(second)?;
    play.registration_ends("bidding")?;
    play.inquiry_ends()?;
    let (start, step) = play.price_and_step()?;
    play.bids(first, start)?;
    play.bids(second, start + step)?;
    play.countdown_ends("sold")?;
    play.tells(second, "恭喜您！成为最高报价人", "is the highest bidder");
    Ok(())
}

/// The countdown ends, the others get their deposits back, and the trade is concluded.
fn sold_to(play: &Play, winner: &Player) -> Result<(), Failure> {
    play.countdown_ends("sold")?;
    play.tells(winner, "恭喜您！成为最高报价人", "is the highest bidder");
    play.refunds()?;
    conclude(play, winner)
}

fn review(play: &Play) -> Result<(), Failure> {
    let cast = &play.stage.cast;
    play.chapter("成交办理", "after the close");
    play.tells(&cast.clerk, "资格审查：通过", "passes the review");
    play.act(&cast.clerk, "reviewing.by_transferor", "pass", &json!({}))?;
    play.tells(&cast.supervisor, "复核：通过", "passes it too");
    play.act(&cast.supervisor, "reviewing.by_authority", "pass", &json!({}))?;
    play.stage.reaches(&play.listing, "publicity")?;
    play.says("成交公示 5 个工作日", "the result is published for five working days");
    play.stage.let_pass(&play.listing, "ends", "confirming")
}

/// Review, publicity, confirmation, contract, payment, handover, archive.
fn conclude(play: &Play, winner: &Player) -> Result<(), Failure> {
    let cast = &play.stage.cast;
    review(play)?;
    let auction = play.stage.data(&play.listing, "mode")? == "auction";
    let signers: &[(&Player, &str)] = &[(winner, "by_winner"), (&cast.head, "by_transferor")];
    for (who, state) in signers {
        play.sign(who, &format!("confirming.{state}"), "confirmation")?;
    }
    if auction {
        play.sign(&cast.auctioneer, "confirming.by_auctioneer", "confirmation")?;
    }
    play.sign(&cast.chief, "confirming.by_centre", "confirmation")?;
    play.tells(&cast.clerk, "编制交易合同", "draws up the contract");
    let draft = play.paper(&cast.clerk)?;
    play.act(
        &cast.clerk,
        "contracting.drafting",
        "submit",
        &json!({"contract_draft": draft}),
    )?;
    for (who, state) in signers {
        play.sign(who, &format!("contracting.{state}"), "contract")?;
    }
    play.pays_the_price(winner)?;
    play.tells(&cast.clerk, "确认交割", "confirms the handover");
    play.act(&cast.clerk, "handover", "done", &json!({}))?;
    play.tells(winner, "确认交割", "confirms it too");
    play.act(winner, "handover", "done", &json!({}))?;
    play.tells(&cast.reviewer, "归档", "archives the trade");
    play.act(&cast.reviewer, "archiving", "done", &json!({}))?;
    play.stage.reaches(&play.listing, "ended")
}

/// The clerk ends the listing; the trade closes when all money is back.
fn end_unsold(play: &Play) -> Result<(), Failure> {
    play.stage.reaches(&play.listing, "next_step")?;
    let clerk = &play.stage.cast.clerk;
    play.tells(clerk, "决定不再挂牌", "decides not to list again");
    play.act(clerk, "next_step", "end", &Value::Object(serde_json::Map::new()))?;
    play.refunds()?;
    play.stage.reaches(&play.listing, "ended")
}
