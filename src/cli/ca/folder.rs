//! An authority's folder on disk: certificates and keys as PEM, what was issued and revoked in `ca.json`, and `trust/`.
//! Must not leave a key that others can read.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::Failure;
use crate::machine::Time;
use crate::seal::authority::{Authority, Holder, Party, Period, Use};
use crate::seal::certificate::{Certificate, pem};
use crate::seal::sm2::SecretKey;
use crate::seal::trust::Entry;

/// How long a revocation list is good for, in days: a development machine may sleep for a while.
const LIST_DAYS: i64 = 365;

/// One certificate that was issued.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issued {
    /// In hex.
    pub serial: String,
    pub code: String,
    pub name: String,
    pub signing: bool,
}

impl Issued {
    pub fn of(holder: &Holder, purpose: Use, certificate: &Certificate) -> Self {
        Self {
            serial: hex::encode(certificate.serial()),
            code: holder.code.clone(),
            name: holder.name.clone(),
            signing: purpose == Use::Signing,
        }
    }
}

/// One certificate that was revoked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Revoked {
    /// In hex.
    pub serial: String,
    pub from: Time,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Books {
    /// Number of the last revocation list.
    list: u32,
    issued: Vec<Issued>,
    revoked: Vec<Revoked>,
}

/// The folder and its books.
pub struct Folder {
    path: PathBuf,
    books: Books,
}

impl Folder {
    /// Makes a new folder.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        if path.join("ca.json").exists() {
            return Err(Failure(format!("{} holds an authority already", path.display())));
        }
        for part in ["trust", "holders", "seals"] {
            let made = std::fs::create_dir_all(path.join(part));
            made.map_err(|error| Failure(format!("failed to make {}: {error}", path.display())))?;
        }
        let folder = Self {
            path: path.to_owned(),
            books: Books::default(),
        };
        folder.write_books()?;
        Ok(folder)
    }

    /// Opens a folder that `create` made.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let file = path.join("ca.json");
        let unreadable = |error: &dyn std::fmt::Display| Failure(format!("failed to read {}: {error}", file.display()));
        let text = std::fs::read(&file).map_err(|error| unreadable(&error))?;
        let books = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
        Ok(Self {
            path: path.to_owned(),
            books,
        })
    }

    /// The authority with its keys.
    pub fn authority(&self) -> Result<Authority, Failure> {
        Ok(Authority {
            root: self.party("root")?,
            issuing: self.party("issuing")?,
            maker: self.party("maker")?,
            tsa: self.party("tsa")?,
        })
    }

    /// A certificate with its key.
    pub fn party(&self, name: &str) -> Result<Party, Failure> {
        let wrong = |error: &dyn std::fmt::Display| Failure(format!("failed to read {name}.pem: {error}"));
        let read = |ending: &str| std::fs::read_to_string(self.path.join(format!("{name}{ending}")));
        let certificate = read(".pem").map_err(|error| wrong(&error))?;
        let key = zeroize::Zeroizing::new(read(".key.pem").map_err(|error| wrong(&error))?);
        Ok(Party {
            certificate: Certificate::from_pem(&certificate).map_err(|error| wrong(&error))?,
            key: SecretKey::from_pem(&key).map_err(|error| wrong(&error))?,
        })
    }

    /// Writes a certificate, and its key for its owner alone.
    pub fn keep_party(&self, name: &str, party: &Party) -> Result<(), Failure> {
        self.keep(&format!("{name}.pem"), party.certificate.to_pem().as_bytes())?;
        let key = party
            .key
            .to_pem()
            .map_err(|error| Failure(format!("failed to write a key: {error}")))?;
        self.write(&format!("{name}.key.pem"), key.as_bytes(), 0o600)
    }

    /// Writes a file that everybody may read.
    pub fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.write(name, bytes, 0o644)
    }

    /// What others need to trust the authority; the revocation list comes with [`Self::list`].
    pub fn keep_trust(&self, authority: &Authority) -> Result<(), Failure> {
        self.keep("trust/root.pem", authority.root.certificate.to_pem().as_bytes())?;
        self.keep("trust/issuing.pem", authority.issuing.certificate.to_pem().as_bytes())?;
        let profiles = serde_json::to_vec_pretty(&[authority.profile()]);
        let profiles = profiles.map_err(|error| Failure(format!("failed to write profiles: {error}")))?;
        self.keep("trust/profiles.json", &profiles)
    }

    pub fn note(&mut self, issued: Issued) -> Result<(), Failure> {
        self.books.issued.push(issued);
        self.write_books()
    }

    pub fn revoke(&mut self, revoked: Revoked) -> Result<(), Failure> {
        self.books.revoked.push(revoked);
        self.write_books()
    }

    /// The serial numbers in force of a holder, or the one that is named.
    pub fn serials(&self, holder: &str) -> Vec<String> {
        let named = |issued: &&Issued| issued.code == holder || issued.serial.eq_ignore_ascii_case(holder);
        let gone = |serial: &str| self.books.revoked.iter().any(|revoked| revoked.serial == serial);
        let found = self.books.issued.iter().filter(named);
        found
            .map(|issued| issued.serial.clone())
            .filter(|serial| !gone(serial))
            .collect()
    }

    /// Issues the revocation lists anew.
    pub fn list(&mut self, authority: &Authority, now: Time) -> Result<(), Failure> {
        self.books.list += 1;
        let entry = |revoked: &Revoked| {
            let entry = Entry {
                from: revoked.from,
                reason: 0,
            };
            Some((hex::decode(&revoked.serial).ok()?, entry))
        };
        let revoked: Vec<_> = self.books.revoked.iter().filter_map(entry).collect();
        let list = authority.revocations(&revoked, self.books.list, Period::days(now, LIST_DAYS));
        let list = list.map_err(|error| Failure(format!("failed to sign the revocation list: {error}")))?;
        let root = authority.root_revocations(self.books.list, Period::days(now, LIST_DAYS));
        let root = root.map_err(|error| Failure(format!("failed to sign the root's revocation list: {error}")))?;
        self.keep("trust/root.crl", pem("X509 CRL", root.der()).as_bytes())?;
        self.keep("trust/issuing.crl", pem("X509 CRL", list.der()).as_bytes())?;
        self.write_books()
    }

    fn write_books(&self) -> Result<(), Failure> {
        let books = serde_json::to_vec_pretty(&self.books);
        let books = books.map_err(|error| Failure(format!("failed to write ca.json: {error}")))?;
        self.write("ca.json", &books, 0o600)
    }

    /// Replaces a file; its rights are set before anything is in it.
    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), Failure> {
        let path = self.path.join(name);
        let aside = path.with_extension("new");
        let write = || {
            let _stale = std::fs::remove_file(&aside);
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&aside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&aside, &path)
        };
        write().map_err(|error: std::io::Error| Failure(format!("failed to write {}: {error}", path.display())))
    }
}
