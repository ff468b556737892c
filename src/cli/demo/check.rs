//! What must be true when a play has ended: states, documents, mails, money. Must not change anything.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::Failure;
use super::play::Play;
use super::player::{items, wait};
use super::stage::Stage;

/// What a play says it ends with.
pub struct Expected {
    /// The listing's last state.
    pub listing: &'static str,
    /// The auction's, where there is one.
    pub auction: Option<&'static str>,
    /// Documents of the listing and of the applications, by name.
    pub documents: &'static [&'static str],
    pub bids: u64,
}

/// What a play has come to.
#[derive(Default)]
pub struct Found {
    pub listing: String,
    pub auction: Option<String>,
    pub documents: usize,
    pub mails: usize,
    pub bids: u64,
    /// What fell short, in sentences.
    pub faults: Vec<String>,
}

/// Compares what is with what was expected; reads documents through the API and mails from their folder.
pub fn check(play: &Play, expected: &Expected, mail_folder: &Path) -> Result<Found, Failure> {
    let stage = play.stage;
    let mut found = Found {
        listing: play.state_names(&play.listing)?,
        auction: play
            .auction_seen()
            .map(|auction| play.state_names(auction))
            .transpose()?,
        ..Found::default()
    };
    same(
        &mut found.faults,
        "the listing's state",
        expected.listing,
        &found.listing.clone(),
    );
    let auction = found.auction.clone().unwrap_or_default();
    same(
        &mut found.faults,
        "the auction's state",
        expected.auction.unwrap_or_default(),
        &auction,
    );
    if let Some(auction) = play.auction_seen() {
        found.bids = stage.data(auction, "bids")?.as_u64().unwrap_or_default();
    }
    same(
        &mut found.faults,
        "accepted bids",
        &expected.bids.to_string(),
        &found.bids.to_string(),
    );
    documents(play, expected, &mut found)?;
    settled_outbox(stage, &mut found)?;
    mails(mail_folder, &mut found)?;
    ledger(play, &mut found)?;
    Ok(found)
}

fn same(faults: &mut Vec<String>, what: &str, expected: &str, found: &str) {
    if expected != found {
        faults.push(format!("{what}: expected {expected:?}, found {found:?}"));
    }
}

/// Every document that was asked for is there as a PDF whose digest is the recorded one; a copy goes to the results.
fn documents(play: &Play, expected: &Expected, found: &mut Found) -> Result<(), Failure> {
    let stage = play.stage;
    let folder = stage.folder.join("documents");
    std::fs::create_dir_all(&folder).map_err(|error| Failure(format!("{}: {error}", folder.display())))?;
    let mut names = BTreeSet::new();
    let instances = std::iter::once(play.listing.clone()).chain(play.applications());
    for instance in instances {
        wait("all documents to be typeset", || {
            let view = stage.look(&instance)?;
            let all = view["documents"].as_array().map_or(&[][..], Vec::as_slice);
            Ok(all.iter().all(|row| row["ready"] == true).then_some(()))
        })?;
        let list = stage.cast.admin.get(&format!("instances/{instance}/documents"))?;
        let rows = items(&list).to_vec();
        for row in rows {
            let name = row["name"].as_str().unwrap_or_default().to_owned();
            match document(stage, &row, &folder.join(format!("{name}-{}.pdf", found.documents + 1))) {
                Ok(()) => found.documents += 1,
                Err(failure) => found.faults.push(format!("document {name}: {failure}")),
            }
            names.insert(name);
        }
    }
    for name in expected.documents {
        if !names.contains(*name) {
            found.faults.push(format!("the document {name} is missing"));
        }
    }
    Ok(())
}

fn document(stage: &Stage, row: &Value, copy: &Path) -> Result<(), Failure> {
    let id = row["id"].as_str().unwrap_or_default();
    let bytes = stage.cast.admin.bytes(&format!("documents/{id}"))?;
    if !bytes.starts_with(b"%PDF-") {
        return Err(Failure("is no PDF".into()));
    }
    let digest = hex::encode(Sha256::digest(&bytes));
    if row["sha256"] != digest.as_str() {
        return Err(Failure(format!(
            "has the digest {digest}, recorded is {}",
            row["sha256"]
        )));
    }
    std::fs::write(copy, bytes).map_err(|error| Failure(format!("{}: {error}", copy.display())))
}

/// Nothing waits to be performed any more, and nothing has failed for good.
fn settled_outbox(stage: &Stage, found: &mut Found) -> Result<(), Failure> {
    let incidents = stage.cast.admin.get("admin/incidents?limit=100")?;
    for incident in items(&incidents) {
        found.faults.push(format!(
            "incident: {}",
            incident["text"].as_str().unwrap_or(&incident.to_string())
        ));
    }
    Ok(())
}

/// Every mail is a whole message with one addressee and a subject.
fn mails(folder: &Path, found: &mut Found) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure(format!("{}: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        found.mails += 1;
        let text = String::from_utf8_lossy(&std::fs::read(&path).map_err(failed)?).into_owned();
        for header in ["From: ", "To: ", "Subject: ", "Message-ID: "] {
            if !text
                .lines()
                .take_while(|line| !line.is_empty())
                .any(|line| line.starts_with(header))
            {
                found
                    .faults
                    .push(format!("{}: no {}", path.display(), header.trim_end_matches(": ")));
            }
        }
    }
    if found.mails == 0 {
        found.faults.push("no mail was written".into());
    }
    Ok(())
}

/// What came in is what went out: the trade's accounts sum to nothing, and nobody's money is still held or owed.
fn ledger(play: &Play, found: &mut Found) -> Result<(), Failure> {
    let ledger = play
        .stage
        .cast
        .admin
        .get(&format!("admin/instances/{}/ledger", play.listing))?;
    let accounts = ledger["accounts"].as_object().cloned().unwrap_or_default();
    let balances: Vec<i64> = accounts.values().filter_map(Value::as_i64).collect();
    if balances.iter().sum::<i64>() != 0 {
        found
            .faults
            .push(format!("the ledger does not sum to nothing: {}", ledger["accounts"]));
    }
    for account in ["held", "owed"] {
        if accounts.get(account).and_then(Value::as_i64).unwrap_or_default() != 0 {
            found
                .faults
                .push(format!("money is left on {account}: {}", ledger["accounts"]));
        }
    }
    Ok(())
}
