//! A practice round within a play: a bidder tries the room against the scripted opponent before the day it matters.
//! Must not touch the trade that is played.

use serde_json::{Value, json};

use super::super::Failure;
use super::narrator::yuan;
use super::play::Play;
use super::player::{Player, wait};
use super::stage::LIVE;

const START: i64 = 10_000_000;
const STEP: i64 = 100_000;
/// The opponent answers twice, and then has had enough.
const RIVAL_LIMIT: i64 = START + 2 * STEP;
const RIVAL_PAUSE: i64 = 20_000;

/// Opens a round, bids it to its end, and finds its record; nothing comes of it.
pub fn round(play: &Play, who: &Player) -> Result<(), Failure> {
    play.chapter("竞价练习", "a practice round");
    play.tells(
        who,
        "开一场练习，与程序对手竞价（练习 无效力）",
        "opens a practice round against the scripted opponent",
    );
    let data = json!({"start_price": START, "increment": STEP, "rival_limit": RIVAL_LIMIT, "rival_pause": RIVAL_PAUSE});
    let order = json!({"bundle": "asset-sale", "machine": "practice", "data": data});
    let opened = who.post("trades", &order)?;
    let round = opened["instance"].as_str().unwrap_or_default().to_owned();
    who.event(&round, "take_part", &json!({}))?;
    let room = room_of(play, &round)?;
    play.stage.clock.run_at(LIVE);
    play.stage.run_out(&room, "end", "timed")?;
    let won = duel(play, who, &room)?;
    play.stage.run_out(&room, "countdown", "sold")?;
    play.stage.clock.run_at(1);
    play.stage.reaches(&round, "over")?;
    if play.stage.data(&room, "price")?.as_i64() != Some(won) {
        return Err(Failure("the practice did not end with the bidder's price".into()));
    }
    wait("the record of the practice", || {
        let view = who.get(&format!("instances/{round}"))?;
        let papers = view["documents"].as_array().cloned().unwrap_or_default();
        let ready = |paper: &Value| paper["name"] == "practice_record" && paper["ready"] == true;
        Ok(papers.iter().any(ready).then_some(()))
    })?;
    play.says(
        "练习结束，出具练习记录；不产生任何效力",
        "the practice ends with its record, and without any effect",
    );
    Ok(())
}

fn room_of(play: &Play, round: &str) -> Result<String, Failure> {
    let view = play.stage.look(round)?;
    let children = view["children"].as_array().cloned().unwrap_or_default();
    let room = children.iter().find(|child| child["machine"] == "auction");
    let id = room.and_then(|room| room["id"].as_str());
    id.map(str::to_owned)
        .ok_or_else(|| Failure("the practice has no room".into()))
}

/// Each answers the other until the opponent's limit is passed. Returns the last price.
fn duel(play: &Play, who: &Player, room: &str) -> Result<i64, Failure> {
    let mut price = START;
    loop {
        let expected = price;
        wait("the opponent's bid", || {
            let found = play.stage.data(room, "price")?.as_i64();
            Ok((found == Some(expected)).then_some(()))
        })?;
        play.says(&format!("【练习对手】报价 {}", yuan(price)), "the opponent bids");
        price += STEP;
        who.event(room, "bid", &json!({"amount": price, "confirmed": true}))?;
        play.tells(who, &format!("报价 {}，接受", yuan(price)), "bids; accepted");
        if price + STEP > RIVAL_LIMIT {
            return Ok(price);
        }
        price += STEP;
    }
}
