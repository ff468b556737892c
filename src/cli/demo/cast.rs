//! Who plays in the demo: organisations, staff and parties, all made through the REST API. Must not act in the trade.

use serde_json::json;

use super::super::Failure;
use super::player::Player;

/// All demo accounts share it: the demo prints it at its end.
pub const PASSWORD: &str = "luochui-demo-2026";

/// Organisation codes after GB 32100-2015; invented, with a true check character.
pub const TRANSFEROR: &str = "12433100MB0000123G";
pub const AUTHORITY: &str = "11433100MB00002037";
pub const AUCTION_FIRM: &str = "91433100MA4L00003X";

/// The trading centre's own code.
pub const CENTRE: &str = "12433100MB00007774";

const ORGANISATIONS: [(&str, &str); 3] = [
    (TRANSFEROR, "湘西州某事业单位"),
    (AUTHORITY, "湘西州财政局"),
    (AUCTION_FIRM, "湖南某拍卖有限公司"),
];

/// Who holds a certificate and a seal: number and name.
pub fn holders() -> Vec<(&'static str, &'static str)> {
    let parties = PARTIES.iter().map(|(_, name, number)| (*number, *name));
    let organisations = ORGANISATIONS.into_iter().filter(|(code, _)| *code != AUTHORITY);
    parties
        .chain(organisations)
        .chain([(CENTRE, "湘西州公共资源交易中心")])
        .collect()
}

/// Whose seal an account sets: its own, or that of the organisation it has a post at.
pub fn sealer(account: &str) -> Option<&'static str> {
    let post = STAFF.iter().find(|(name, ..)| *name == account);
    match post {
        Some((.., "centre")) => Some(CENTRE),
        Some((.., organisation)) => Some(organisation),
        None => identity_number(account),
    }
}

/// Everyone on the stage.
pub struct Cast {
    pub admin: Player,
    pub clerk: Player,
    pub head: Player,
    pub supervisor: Player,
    pub auctioneer: Player,
    pub reviewer: Player,
    pub chief: Player,
    pub finance: Player,
    pub bidders: Vec<Player>,
}

/// Account, Chinese title, post, organisation.
const STAFF: [(&str, &str, &str, &str); 7] = [
    ("clerk", "转让人经办人", "clerk", TRANSFEROR),
    ("head", "转让人负责人", "head", TRANSFEROR),
    ("supervisor", "主管部门审批人", "supervisor", AUTHORITY),
    ("auctioneer", "拍卖师", "auctioneer", AUCTION_FIRM),
    ("reviewer", "中心审核员", "reviewer", "centre"),
    ("chief", "中心负责人", "chief", "centre"),
    ("finance", "中心财务", "finance", "centre"),
];

pub const PHONE: &str = "13800000000";
pub const ADDRESS: &str = "湖南省湘西州吉首市人民北路 1 号";

/// The identity number of a party, for the forms it fills in.
pub fn identity_number(account: &str) -> Option<&'static str> {
    PARTIES
        .iter()
        .find(|(name, ..)| *name == account)
        .map(|(.., number)| *number)
}

/// Account, name, identity number after GB 11643-1999; invented.
const PARTIES: [(&str, &str, &str); 3] = [
    ("zhangsan", "张三", "433101199001011234"),
    ("lisi", "李四", "360426199101010071"),
    ("wangwu", "王五", "433101198502020011"),
];

impl Cast {
    /// Makes organisations and accounts as the admin, and lets the parties register themselves.
    pub fn assemble(base: &str, admin: Player) -> Result<Self, Failure> {
        for (code, name) in ORGANISATIONS {
            admin.post("admin/organisations", &json!({"code": code, "name": name}))?;
        }
        let mut staff = STAFF.iter().map(|(account, title, post, organisation)| {
            admin.post(
                "admin/accounts",
                &json!({
                    "name": account,
                    "display_name": title,
                    "password": PASSWORD,
                    "email": format!("{account}@example.org"),
                    "posts": [{"post": post, "organisation": organisation}],
                }),
            )?;
            Ok(Player::new(base, title, account, PASSWORD))
        });
        let mut next = || {
            staff
                .next()
                .unwrap_or_else(|| Err(Failure("the cast is too small".into())))
        };
        Ok(Self {
            clerk: next()?,
            head: next()?,
            supervisor: next()?,
            auctioneer: next()?,
            reviewer: next()?,
            chief: next()?,
            finance: next()?,
            bidders: PARTIES
                .iter()
                .map(|party| register(base, party))
                .collect::<Result<_, _>>()?,
            admin,
        })
    }
}

/// Everyone's account, for the list at the end.
pub fn accounts() -> Vec<String> {
    let staff = STAFF.iter().map(|(account, title, ..)| format!("{account} {title}"));
    let parties = PARTIES.iter().map(|(account, name, _)| format!("{account} {name}"));
    std::iter::once("admin 管理员".to_owned())
        .chain(staff)
        .chain(parties)
        .collect()
}

/// A natural person registers and completes their profile.
fn register(base: &str, (account, name, number): &(&str, &str, &str)) -> Result<Player, Failure> {
    let player = Player::new(base, name, account, PASSWORD);
    let email = format!("{account}@example.org");
    let body = json!({"name": account, "display_name": name, "password": PASSWORD, "email": email});
    let reply = player.anonymous("accounts", &[], &body.to_string())?;
    if !(200..300).contains(&reply.status) {
        return Err(Failure(format!(
            "{name} could not register: {} {}",
            reply.status, reply.body
        )));
    }
    let profile = json!({
        "kind": "person",
        "name": name,
        "code": number,
        "email": email,
        "phone": PHONE,
        "address": ADDRESS,
    });
    player.edit("me", "me/profile", &profile)?;
    Ok(player)
}
