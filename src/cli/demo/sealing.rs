//! Sealing the papers of a play: bringing in one's seal, and having the test key sign. Must not say what follows.

use base64::Engine as _;
use serde_json::json;

use super::super::Failure;
use super::cast;
use super::play::Play;
use super::player::{Player, items, wait};

impl Play<'_> {
    /// Seals the document of a to-do of the listing with the seal of whoever signs; the test key signs at the server.
    pub fn sign(&self, who: &Player, state: &str, document: &str) -> Result<(), Failure> {
        wait(&format!("the document {document}"), || {
            let view = who.get(&format!("instances/{}", self.listing))?;
            let documents = view["documents"].as_array().map_or(&[][..], Vec::as_slice);
            let found = documents.iter().find(|row| row["name"] == document);
            Ok(found.and_then(|row| row["sha256"].as_str()).map(str::to_owned))
        })?;
        let todo = who.todo(&self.listing, state)?;
        let todo = todo["id"].as_str().unwrap_or_default();
        let order = json!({"seal": self.seal(who)?, "provider": "soft"});
        let job = who.post(&format!("todos/{todo}/sealing"), &order)?;
        if job["state"] != "verified" {
            return Err(Failure(format!("{} could not seal the {document}: {job}", who.title)));
        }
        let title = if document == "contract" {
            "交易合同"
        } else {
            "成交确认书"
        };
        self.tells(
            who,
            &format!("在【我的办件】办理：{title}签章"),
            &format!("signs the {document}"),
        );
        Ok(())
    }

    /// The seal of somebody, brought in when it is needed first.
    fn seal(&self, who: &Player) -> Result<String, Failure> {
        let own = who.get("seals")?;
        if let Some(id) = items(&own).first().and_then(|seal| seal["id"].as_str()) {
            return Ok(id.to_owned());
        }
        let code = cast::sealer(&who.account).ok_or_else(|| Failure(format!("{} has no seal", who.title)))?;
        let file = self.stage.folder.join(format!("ca/seals/{code}.esl"));
        let der = std::fs::read(&file).map_err(|error| Failure(format!("{}: {error}", file.display())))?;
        let kept = who.post(
            "seals",
            &json!({"seal": base64::engine::general_purpose::STANDARD.encode(der)}),
        )?;
        self.tells(
            who,
            "导入电子印章（测试签章 无法律效力）",
            "brings in an electronic seal, made for tests",
        );
        kept["id"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Failure(format!("the seal has no id: {kept}")))
    }
}
