//! Holds a record against what people have in hand: checkpoints, receipts, the platform's key. Must not read the file.

use super::{Held, Report, Seen, Status, place};
use crate::record::chain::{Head, Origin};
use crate::record::checkpoint::{Checkpoint, Reach};
use crate::record::receipt::Receipt;
use crate::record::row::Row;
use crate::record::signer::key_id;
use crate::seal::sm2::PublicKey;

/// The key with an id; another one, for saying so, where it is not there.
fn pick<'k>(keys: &'k [PublicKey], id: &str) -> Option<&'k PublicKey> {
    let named = keys.iter().find(|key| key_id(key).is_ok_and(|own| &*own == id));
    named.or(keys.first())
}

/// The record while it is held against checkpoints and receipts.
pub(super) struct Body<'a> {
    pub origin: &'a Origin,
    pub start: &'a Head,
    pub lines: &'a [&'a str],
    pub seen: &'a [Seen<'a>],
}

impl Body<'_> {
    pub fn against(&self, report: &mut Report, own: &[(u64, Checkpoint)], held: &Held) {
        let keys = held.keys.as_slice();
        for (line, checkpoint) in own {
            self.checkpoint(report, "checkpoint in the file", checkpoint, keys, Some(*line));
        }
        for checkpoint in &held.checkpoints {
            self.checkpoint(report, "checkpoint at hand", checkpoint, keys, None);
        }
        for receipt in &held.receipts {
            self.receipt(report, receipt, keys);
            if let Some(checkpoint) = &receipt.checkpoint {
                self.checkpoint(report, "checkpoint of the receipt", checkpoint, keys, None);
            }
        }
        let vouched = !own.is_empty() || !held.checkpoints.is_empty() || !held.receipts.is_empty();
        let whole = own.iter().map(|(_, checkpoint)| checkpoint).chain(&held.checkpoints);
        let whole = whole.filter(|checkpoint| checkpoint.reach == Reach::Whole).count() > 0;
        match (vouched, whole) {
            (false, _) => report.add(
                "vouched",
                Status::Warning,
                None,
                "nobody vouches for these digests: hold a receipt or a checkpoint against the record",
            ),
            (true, false) => report.add(
                "vouched",
                Status::Warning,
                None,
                "no checkpoint over the whole record: what follows the last checkpoint or receipt could have been left out",
            ),
            (true, true) => {}
        }
    }

    fn checkpoint(
        &self,
        report: &mut Report,
        name: &'static str,
        checkpoint: &Checkpoint,
        keys: &[PublicKey],
        place: Option<u64>,
    ) {
        let about = format!("{} lines at {}", checkpoint.size, checkpoint.at.0);
        if let Err((line, why)) = self.stands(checkpoint) {
            return report.add(name, Status::Failed, Some(line), format!("{about}: {why}"));
        }
        match pick(keys, &checkpoint.key).map(|key| checkpoint.verify(key)) {
            Some(Ok(())) => report.add(
                name,
                Status::Ok,
                None,
                format!("{about}: fits, signed by {}", checkpoint.key),
            ),
            Some(Err(why)) => report.add(name, Status::Failed, place, format!("{about}: {why}")),
            None => report.add(
                name,
                Status::Warning,
                None,
                format!("{about}: fits; who signed it was not checked, for no key was given"),
            ),
        }
    }

    /// The record stood where the checkpoint says.
    fn stands(&self, checkpoint: &Checkpoint) -> Result<(), (u64, String)> {
        let last = place(self.seen.len()) + 1;
        if checkpoint.instance != self.origin.instance {
            return Err((1, "it is of another record".into()));
        }
        let at = checkpoint.size + 1;
        let Some(head) = self.head(checkpoint.size) else {
            return Err((last, "the record ends before it".into()));
        };
        if head.sm3 != checkpoint.sm3 || head.sha256 != checkpoint.sha256 {
            return Err((at, "the record had other digests at this line".into()));
        }
        let is_last = at == last && self.seen.last().is_some_and(|line| line.done);
        if checkpoint.reach == Reach::Whole && !is_last {
            return Err((at, "it covers the whole record, and this line is not its end".into()));
        }
        Ok(())
    }

    fn head(&self, size: u64) -> Option<Head> {
        match size {
            0 => Some(self.start.clone()),
            size => Some(self.seen.get(usize::try_from(size).ok()? - 1)?.head()),
        }
    }

    fn receipt(&self, report: &mut Report, receipt: &Receipt, keys: &[PublicKey]) {
        let at = receipt.number + 1;
        let about = format!("line {} of the record", receipt.number);
        let index = usize::try_from(receipt.number)
            .ok()
            .and_then(|number| number.checked_sub(1));
        let text = index.and_then(|index| self.lines.get(index));
        let found = match text.map(|text| (text, Row::parse(text))) {
            _ if receipt.instance != self.origin.instance => Err((1, "it is of another record".to_owned())),
            Some((text, Ok(row))) => receipt.compare(&row, text).map_err(|why| (at, why.to_string())),
            _ => Err((place(self.seen.len()) + 1, "the record ends before it".into())),
        };
        if let Err((line, why)) = found {
            return report.add("receipt", Status::Failed, Some(line), format!("{about}: {why}"));
        }
        let id = receipt.signed.as_ref().map_or("", |signed| &*signed.key);
        match pick(keys, id).map(|key| receipt.verify(key)) {
            Some(Some(Ok(()))) => report.add("receipt", Status::Ok, None, format!("{about}: fits, and is signed")),
            Some(Some(Err(why))) => report.add("receipt", Status::Failed, None, format!("{about}: {why}")),
            Some(None) => report.add(
                "receipt",
                Status::Warning,
                None,
                format!("{about}: fits; it carries no signature"),
            ),
            None => report.add(
                "receipt",
                Status::Warning,
                None,
                format!("{about}: fits; who signed it was not checked, for no key was given"),
            ),
        }
    }
}
