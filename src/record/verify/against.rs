//! Holds a record against what people have in hand: checkpoints, receipts, the platform's key. Must not read the file.

use super::{Expected, Held, Report, Seen, Status, place};
use crate::record::chain::{Head, Origin};
use crate::record::checkpoint::{Checkpoint, Reach, SealedCheckpoint};
use crate::record::receipt::{Opening, Receipt, seal};
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
        for sealed in &held.sealed {
            let (status, text) = unsealed(sealed, own, keys);
            report.add("sealed checkpoint at hand", status, None, text);
        }
        for receipt in &held.receipts {
            self.receipt(report, receipt, own, held);
        }
        let vouched =
            !own.is_empty() || !held.checkpoints.is_empty() || !held.receipts.is_empty() || !held.sealed.is_empty();
        let whole = own.iter().map(|(_, checkpoint)| checkpoint).chain(&held.checkpoints);
        let whole = whole.filter(|checkpoint| checkpoint.reach == Reach::Whole).count() > 0;
        if !vouched {
            let text = "nobody vouches for these digests: hold a receipt or a checkpoint against the record";
            report.add("vouched", Status::Warning, None, text);
        }
        if !whole {
            let text = "no checkpoint over the whole record: what follows the last checkpoint or receipt could have been left out";
            let status = match held.expected {
                Expected::Whole => Status::Failed,
                Expected::SoFar => Status::Warning,
            };
            report.add("whole", status, None, text);
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
        let end = self.seen.iter().find(|line| line.done);
        if checkpoint.reach == Reach::Whole && end.is_none_or(|end| end.n != checkpoint.size) {
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

    fn receipt(&self, report: &mut Report, receipt: &Receipt, own: &[(u64, Checkpoint)], held: &Held) {
        let number = match self.line_of(receipt) {
            Ok(number) => number,
            Err((line, why)) => return report.add("receipt", Status::Failed, Some(line), why),
        };
        let about = format!("line {number} of the record");
        let id = receipt.signed.as_ref().map_or("", |signed| &*signed.key);
        match pick(&held.keys, id).map(|key| receipt.verify(key)) {
            Some(Some(Ok(()))) => report.add("receipt", Status::Ok, None, format!("{about}: fits, and is signed")),
            Some(Some(Err(why))) => return report.add("receipt", Status::Failed, None, format!("{about}: {why}")),
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
        // A copy of the same receipt that was asked for once the record was open opens this one as well.
        let same = held.receipts.iter().filter(|other| other.line == receipt.line);
        let opening = receipt
            .opening
            .as_ref()
            .or_else(|| same.filter_map(|other| other.opening.as_ref()).next());
        let known: Vec<_> = own.iter().map(|(_, known)| known).chain(&held.checkpoints).collect();
        let (status, text) = match opening {
            Some(opening) => opened(receipt, opening, number, &known),
            None => (
                Status::Warning,
                "is sealed: a copy of the receipt, asked for now that the record is open, tells which it was"
                    .to_owned(),
            ),
        };
        report.add("checkpoint of the receipt", status, Some(number + 1), text);
    }

    /// The number of the line that a receipt is of; else the line of the file that was changed, or where one is missing.
    fn line_of(&self, receipt: &Receipt) -> Result<u64, (u64, String)> {
        if receipt.instance != self.origin.instance {
            return Err((1, "it is of another record".to_owned()));
        }
        let digests = (&receipt.line.sm3, &receipt.line.sha256);
        let rows = || self.seen.iter().zip(self.lines);
        if let Some((seen, text)) = rows().find(|(seen, _)| (&seen.sm3, &seen.sha256) == digests) {
            return match Row::parse(text) {
                Ok(row) if receipt.tells(&row) => Ok(seen.n),
                _ => Err((seen.n + 1, "this line says something else than the receipt".to_owned())),
            };
        }
        let then: Vec<_> = rows()
            .filter(|(seen, _)| seen.decided == receipt.decided_at)
            .filter_map(|(seen, text)| Some((seen.n + 1, Row::parse(text).ok()?)))
            .collect();
        let alike = then.iter().find(|(_, row)| receipt.tells(row));
        let near = then
            .iter()
            .find(|(_, row)| row.event == *receipt.event && row.by.as_deref() == receipt.by.as_deref());
        let (line, why) = match (alike, near) {
            (Some((line, _)), _) => (
                *line,
                "this line says what the receipt says, and has another digest: it was changed, or lines before it were changed, \
                 put in, taken out or moved",
            ),
            (None, Some((line, _))) => (*line, "this line says something else than the receipt"),
            (None, None) => {
                let after = self.seen.iter().find(|seen| seen.decided > receipt.decided_at);
                let after = after.map_or_else(|| place(self.seen.len()) + 1, |seen| seen.n + 1);
                (
                    after,
                    "the line of the receipt is not there: it was left out, or its time was changed",
                )
            }
        };
        Err((line, why.to_owned()))
    }
}

/// Which of the file's checkpoints was sealed: they are held against the record themselves.
fn unsealed(sealed: &SealedCheckpoint, own: &[(u64, Checkpoint)], keys: &[PublicKey]) -> (Status, String) {
    let about = format!("made at {}", sealed.at.0);
    let Some((line, found)) = own.iter().find(|(_, own)| sealed.is_of(own)) else {
        return (
            Status::Failed,
            format!("{about}: is none of those in the file: one was left out or changed"),
        );
    };
    let about = format!(
        "{about}: is the one over {} lines, on line {line} of the file",
        found.size
    );
    match pick(keys, &sealed.key).map(|key| sealed.verify(key)) {
        Some(Ok(())) => (Status::Ok, about),
        Some(Err(why)) => (Status::Failed, format!("{about}: {why}")),
        None => (
            Status::Warning,
            format!("{about}; who signed it was not checked, for no key was given"),
        ),
    }
}

/// Which of the known checkpoints a receipt was made out with.
fn opened(receipt: &Receipt, opening: &Opening, number: u64, known: &[&Checkpoint]) -> (Status, String) {
    let is_sealed = |checkpoint| seal(&opening.salt, receipt.issued, checkpoint) == receipt.sealed_checkpoint;
    if opening.number != number {
        return (
            Status::Failed,
            format!("its opening names line {} of the record", opening.number),
        );
    }
    if is_sealed(None) {
        return (Status::Ok, "there was none yet".to_owned());
    }
    match known.iter().find(|checkpoint| is_sealed(Some(checkpoint))) {
        Some(found) => (
            Status::Ok,
            format!("is the one over {} lines at {}", found.size, found.at.0),
        ),
        None => (
            Status::Failed,
            "is none of those in the file: one was left out, or the opening is of another receipt".to_owned(),
        ),
    }
}
