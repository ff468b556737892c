//! The programme: which plays there are, what each begins with and must end with. Must not say how they go: `scripts` does.

use super::super::Failure;
use super::check::Expected;
use super::play::Play;
use super::scripts;

/// One play: what is sold, how it goes, and what it must end with.
pub struct Script {
    pub name: &'static str,
    pub title: &'static str,
    pub english: &'static str,
    /// The sample listing it begins with.
    pub sample: &'static str,
    pub play: fn(&Play) -> Result<(), Failure>,
    pub expected: Expected,
}

const SOLD: &[&str] = &[
    "announcement",
    "application_form",
    "commitment",
    "receipt",
    "room_record",
    "result_notice",
    "confirmation",
    "contract",
];
const SOLD_BY_AGREEMENT: &[&str] = &[
    "announcement",
    "supplement",
    "application_form",
    "receipt",
    "result_notice",
    "confirmation",
    "contract",
];

pub const SCRIPTS: [Script; 11] = [
    Script {
        name: "bidding-many",
        title: "竞价，三人报名，限时竞价成交",
        english: "bidding with three registrants, sold in timed bidding",
        sample: "huayuan-vehicles",
        play: scripts::bidding_many,
        expected: Expected {
            listing: "ended",
            auction: Some("sold"),
            documents: SOLD,
            bids: 4,
        },
    },
    Script {
        name: "auction-one",
        title: "拍卖，一人报名，照常举行",
        english: "an auction with a single registrant takes place",
        sample: "yueyang-lease",
        play: scripts::auction_one,
        expected: Expected {
            listing: "ended",
            auction: Some("sold"),
            documents: SOLD,
            bids: 1,
        },
    },
    Script {
        name: "auction-many",
        title: "拍卖，三人报名",
        english: "an auction with three registrants",
        sample: "yueyang-lease",
        play: scripts::auction_many,
        expected: Expected {
            listing: "ended",
            auction: Some("sold"),
            documents: SOLD,
            bids: 3,
        },
    },
    Script {
        name: "bidding-one-negotiated",
        title: "竞价仅一人，补充公告后仍一人，协议成交",
        english: "one registrant, also after the supplement: a negotiated price",
        sample: "huayuan-vehicles",
        play: scripts::bidding_one_negotiated,
        expected: Expected {
            listing: "ended",
            auction: None,
            documents: SOLD_BY_AGREEMENT,
            bids: 0,
        },
    },
    Script {
        name: "bidding-late-joiner",
        title: "竞价仅一人，补充公告期又来一人",
        english: "one registrant, a second one during the supplement",
        sample: "fenghuang-kiosk",
        play: scripts::bidding_late_joiner,
        expected: Expected {
            listing: "ended",
            auction: Some("sold"),
            documents: &[
                "announcement",
                "supplement",
                "receipt",
                "room_record",
                "confirmation",
                "contract",
            ],
            bids: 2,
        },
    },
    Script {
        name: "nobody",
        title: "无人报名，未成交",
        english: "nobody registers",
        sample: "huayuan-vehicles",
        play: scripts::nobody,
        expected: Expected {
            listing: "ended",
            auction: None,
            documents: &["announcement", "failure_notice"],
            bids: 0,
        },
    },
    Script {
        name: "no-bid",
        title: "有人报名，无人报价，流拍",
        english: "registrants, but no bid",
        sample: "huayuan-vehicles",
        play: scripts::no_bid,
        expected: Expected {
            listing: "ended",
            auction: Some("unsold"),
            documents: &["announcement", "receipt", "room_record", "failure_notice"],
            bids: 0,
        },
    },
    Script {
        name: "review-fails",
        title: "竞得人资格审查未通过",
        english: "the highest bidder fails the review; nobody moves up",
        sample: "huayuan-vehicles",
        play: scripts::review_fails,
        expected: Expected {
            listing: "ended",
            auction: Some("sold"),
            documents: &["announcement", "receipt", "room_record", "failure_notice"],
            bids: 2,
        },
    },
    Script {
        name: "winner-defaults",
        title: "竞得人拒签成交确认书，违约",
        english: "the winner refuses to sign and forfeits the deposit",
        sample: "huayuan-vehicles",
        play: scripts::winner_defaults,
        expected: Expected {
            listing: "ended",
            auction: Some("sold"),
            documents: &[
                "announcement",
                "receipt",
                "room_record",
                "result_notice",
                "confirmation",
                "failure_notice",
            ],
            bids: 2,
        },
    },
    Script {
        name: "suspended",
        title: "限时竞价中中止，公告恢复后重新询问，已接受的报价有效",
        english: "suspended during timed bidding; the room begins again, accepted bids stand",
        sample: "huayuan-vehicles",
        play: scripts::suspended,
        expected: Expected {
            listing: "ended",
            auction: Some("sold"),
            documents: &[
                "announcement",
                "suspension",
                "resumption",
                "room_record",
                "confirmation",
                "contract",
            ],
            bids: 2,
        },
    },
    Script {
        name: "practice",
        title: "报名前先练习一场，再参加竞价",
        english: "a practice round against the scripted opponent, then the sale itself",
        sample: "huayuan-vehicles",
        play: scripts::practised,
        expected: Expected {
            listing: "ended",
            auction: Some("sold"),
            documents: SOLD,
            bids: 2,
        },
    },
];

/// The default play.
pub const DEFAULT: &str = "bidding-many";
