//! The signatures that events carried, judged again from a dossier: that they fit, and, for whoever trusts authorities, that
//! the certificate was good when the event came in and is of the party that sent it. Must not take the platform's word for either.

use std::collections::{BTreeMap, BTreeSet};

use super::signed;
use super::verify::{Report, Status};
use crate::machine::Time;
use crate::machine::history::{Entry, PrivatePart};
use crate::machine::step::{Cause, Signed};
use crate::machine::value::Name;
use crate::seal::trust::{Code, Moment, Purpose, Subject, TrustStore};

/// Whom a verification trusts, and when it takes place.
#[derive(Clone, Debug)]
pub struct Trusting {
    pub store: TrustStore,
    pub now: Time,
}

/// What signatures are held against.
pub(super) struct Known<'a> {
    /// Hashes of the entries whose lines in the record tell of a signature.
    pub carried: BTreeSet<String>,
    /// The codes of parties by their ids.
    pub parties: &'a BTreeMap<Name, Name>,
    pub trust: Option<&'a Trusting>,
}

/// What was found so far.
#[derive(Default)]
struct Tally {
    fit: u64,
    /// Whose certificates were verified.
    proved: u64,
    /// The first thing that could not be proved.
    doubt: Option<(u64, String)>,
    /// Whose certificate signed for each party.
    subjects: BTreeMap<Name, Name>,
}

/// Adds the steps `signatures` and, where there was any, `signers`.
pub(super) fn judge<'a>(report: &mut Report, entries: impl Iterator<Item = (&'a Entry, &'a u64)>, known: &Known<'_>) {
    let mut tally = Tally::default();
    let mut erased = 0_u64;
    for (entry, place) in entries {
        let Some(private) = &entry.private else {
            erased += u64::from(known.carried.contains(&*entry.hash));
            continue;
        };
        let told = |why: String| format!("entry {} of the history: {why}", entry.seq);
        match signed::verify(&private.input) {
            None => continue,
            Some(Ok(())) => tally.fit += 1,
            Some(Err(why)) => {
                return report.add("signatures", Status::Failed, Some(*place), told(why.to_string()));
            }
        }
        if let Err(why) = tally.signer(entry, private, known) {
            return report.add("signers", Status::Failed, Some(*place), told(why));
        }
    }
    tally.tell(report, erased, known);
}

impl Tally {
    /// Whose certificate it was, and whether it counted then.
    fn signer(&mut self, entry: &Entry, private: &PrivatePart, known: &Known<'_>) -> Result<(), String> {
        let Cause::Event {
            signed: Some(signed), ..
        } = &private.input.cause
        else {
            return Ok(());
        };
        let party = private
            .context
            .actor
            .party
            .as_ref()
            .ok_or("it is signed, and sent for no party")?;
        let before = self
            .subjects
            .entry(party.clone())
            .or_insert_with(|| signed.subject.clone());
        if *before != signed.subject {
            return Err(format!("party {party} has signed with certificates of two holders"));
        }
        match known.parties.get(party) {
            Some(code) if *code != signed.subject => {
                return Err(format!("party {party} is {code}, and the signer is {}", signed.subject));
            }
            Some(_) => {}
            None => self.doubt(entry, format!("the dossier does not say who party {party} is")),
        }
        let Some(trusting) = known.trust else { return Ok(()) };
        let subject = self.certificate(entry, signed, trusting)?;
        if *subject.code != *signed.subject {
            return Err(format!(
                "its certificate is of {}, not of {}",
                subject.code, signed.subject
            ));
        }
        self.proved += 1;
        Ok(())
    }

    /// The subject of a certificate that was good when the event came in.
    fn certificate(&mut self, entry: &Entry, signed: &Signed, trusting: &Trusting) -> Result<Subject, String> {
        let (store, at) = (&trusting.store, entry.at);
        let told = |failure: crate::seal::trust::Failure| format!("its certificate: {failure}");
        let certificate = signed::certificate_of(signed).map_err(|why| why.to_string())?;
        let chain = store.chain(&certificate, Purpose::Sign, at).map_err(told)?;
        store.check_period(&chain, at).map_err(told)?;
        let moment = Moment { at, now: trusting.now };
        match store.check_revocation(&chain, Purpose::Sign, moment) {
            Err(failure) if failure.code == Code::Revoked => return Err(told(failure)),
            Err(failure) => self.doubt(entry, told(failure)),
            Ok(checked) => {
                for name in checked.unchecked {
                    self.doubt(
                        entry,
                        format!("no revocation list was asked for the certificate of {name}"),
                    );
                }
            }
        }
        store.subject(&chain).map_err(told)
    }

    fn doubt(&mut self, entry: &Entry, why: String) {
        self.doubt.get_or_insert((entry.seq, why));
    }

    fn tell(self, report: &mut Report, erased: u64, known: &Known<'_>) {
        let Self { fit, proved, doubt, .. } = self;
        if erased > 0 {
            let text =
                format!("{fit} fit their events; {erased} were erased with personal data, their digests are kept");
            report.add("signatures", Status::Warning, None, text);
        } else if fit > 0 {
            let text = format!("{fit} fit their events and the certificates kept with them");
            report.add("signatures", Status::Ok, None, text);
        }
        if fit == 0 {
            return;
        }
        match (known.trust, doubt) {
            (None, _) => {
                let text = "whose the certificates are is the platform's word: --trust DIR judges it".to_owned();
                report.add("signers", Status::Warning, None, text);
            }
            (Some(_), Some((seq, why))) => {
                let text = format!("{proved} are of the parties that sent them; entry {seq} of the history: {why}");
                report.add("signers", Status::Warning, None, text);
            }
            (Some(_), None) => {
                let text = format!("{proved} are of the parties that sent them, by certificates that were good then");
                report.add("signers", Status::Ok, None, text);
            }
        }
    }
}
