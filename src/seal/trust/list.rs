//! Revocation lists (RFC 5280, 5; GB/T 20518), parsed from their original bytes.
//! Must not take a list that covers only some reasons, only changes, or other issuers' certificates, for a whole one.

use std::collections::BTreeMap;
use std::sync::Arc;

use der::Tag;
use der::asn1::ObjectIdentifier;

use crate::machine::Time;
use crate::seal::asn1::{self, Asn1Error, Item, Reader, write};
use crate::seal::certificate::{self, Certificate, Extension, Extensions, Name, SM2_WITH_SM3};

/// The largest list that is read, in bytes; some 400,000 entries.
pub const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;

const REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");
const DELTA: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
const ISSUING_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
/// expiredCertsOnCRL (X.509, 9.5.2.8)
const EXPIRED_KEPT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.60");
const DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");

/// What a list says of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From when on: the revocation date, or the date of invalidity where the authority names an earlier one.
    pub from: Time,
    /// CRLReason of RFC 5280, 5.3.1; 0 where none is given.
    pub reason: u32,
}

/// A parsed revocation list with its original bytes.
#[derive(Clone, Debug)]
pub struct RevocationList {
    der: Arc<[u8]>,
    tbs: Vec<u8>,
    issuer: Name,
    this_update: Time,
    next_update: Option<Time>,
    entries: BTreeMap<Vec<u8>, Entry>,
    /// From when on certificates that have expired stay on the list; without it they may be gone from it.
    expired_since: Option<Time>,
    /// The names of the only distribution point whose certificates it covers.
    point: Option<Vec<Vec<u8>>>,
    authority_key: Option<Vec<u8>>,
    signature: Vec<u8>,
}

impl RevocationList {
    /// Parses DER of at most 16 MiB.
    ///
    /// # Errors
    /// Not DER, no list of version 2 signed with SM2, a delta list, or one that is not about all reasons and its own issuer.
    pub fn from_der(der: &[u8]) -> Result<Self, Asn1Error> {
        let mut outer = certificate::sequence(asn1::single_up_to(der, MAX_LIST_BYTES)?)?;
        let tbs = outer.expect(Tag::Sequence)?;
        let outer_algorithm = certificate::algorithm(&mut outer)?;
        let signature = outer.next()?.bits()?.to_vec();
        outer.finish()?;
        let mut inner = tbs.open()?;
        let version = inner.expect(Tag::Integer)?.small()?;
        let inner_algorithm = certificate::algorithm(&mut inner)?;
        if version != 1 || inner_algorithm != outer_algorithm || outer_algorithm != SM2_WITH_SM3 {
            return Err(Asn1Error::Structure);
        }
        let issuer = Name::from_item(inner.next()?)?;
        let this_update = inner.next()?.time()?;
        let next_update = match optional_time(&mut inner)? {
            Some(item) => Some(item.time()?),
            None => None,
        };
        let entries = match inner.optional(Tag::Sequence)? {
            Some(item) => entries(item.open()?)?,
            None => BTreeMap::new(),
        };
        let extensions = match inner.optional(asn1::explicit(0))? {
            Some(item) => Extensions::parse(item)?,
            None => Extensions::default(),
        };
        inner.finish()?;
        Ok(Self {
            der: der.into(),
            tbs: tbs.whole.to_vec(),
            issuer,
            this_update,
            next_update,
            entries,
            expired_since: expired_since(&extensions)?,
            point: scope(&extensions)?,
            authority_key: extensions.authority_key,
            signature,
        })
    }

    /// Parses DER, PEM (`X509 CRL`) or bare base64.
    ///
    /// # Errors
    /// As [`Self::from_der`].
    pub fn from_any(bytes: &[u8]) -> Result<Self, Asn1Error> {
        if bytes.first() == Some(&0x30) {
            return Self::from_der(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Asn1Error::Encoding)?;
        match certificate::blocks(text, "X509 CRL")?.as_slice() {
            [one] => Self::from_der(one),
            [] => Self::from_der(&certificate::base64_of(text)?),
            _ => Err(Asn1Error::Structure),
        }
    }

    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The original bytes, to be kept as evidence.
    #[must_use]
    pub(super) fn shared(&self) -> Arc<[u8]> {
        Arc::clone(&self.der)
    }

    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    #[must_use]
    pub fn this_update(&self) -> Time {
        self.this_update
    }

    /// When the next list is due; without it this one is never current.
    #[must_use]
    pub fn next_update(&self) -> Option<Time> {
        self.next_update
    }

    /// How many certificates it names.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// True where the authority may sign lists, bears the list's name, and its key made the signature.
    #[must_use]
    pub fn is_signed_by(&self, authority: &Certificate) -> bool {
        let extensions = authority.extensions();
        let same_key = match (&self.authority_key, &extensions.subject_key) {
            (Some(wanted), Some(present)) => wanted == present,
            _ => true,
        };
        same_key
            && self.issuer == *authority.subject()
            && extensions.key_usage.is_some_and(|usage| usage.signs_revocations())
            && authority
                .public_key()
                .is_some_and(|key| key.verify_carried(&self.tbs, &self.signature).is_ok())
    }

    /// What it says of a certificate of its issuer.
    #[must_use]
    pub fn entry(&self, certificate: &Certificate) -> Option<Entry> {
        self.entries.get(certificate.serial()).copied()
    }

    /// True where the certificate is among those that the list is about.
    pub(super) fn covers(&self, certificate: &Certificate) -> bool {
        let Some(names) = &self.point else { return true };
        let points = certificate.extensions().get(&DISTRIBUTION_POINTS);
        points.is_some_and(|points| {
            names
                .iter()
                .any(|name| points.value.windows(name.len()).any(|window| window == name))
        })
    }

    /// True where a certificate that is not on the list was not revoked before it: a list need not name certificates that
    /// had expired when it was issued (RFC 5280, 5), unless it says how far it reaches back.
    pub(super) fn vouches_for(&self, certificate: &Certificate) -> bool {
        let (_, until) = certificate.period();
        self.this_update <= until.plus_millis(999) || self.expired_since.is_some_and(|since| since <= until)
    }

    /// Tells this list from those of another issuer, of another key, or of another distribution point: only one that is equal
    /// in all three can take its place.
    #[must_use]
    pub fn series(&self, signer: &Certificate) -> Vec<u8> {
        let key = signer
            .public_key()
            .and_then(|key| key.to_spki().ok())
            .unwrap_or_default();
        let point = self.point.iter().flatten().map(|name| write::octets(name));
        write::sequence(&[
            self.issuer.der().to_vec(),
            write::octets(&key),
            write::sequence(&point.collect::<Vec<_>>()),
        ])
    }

    /// True where the list was still to be replaced at the moment.
    pub(super) fn current(&self, at: Time, max_age: Option<i64>) -> bool {
        self.next_update.is_some_and(|next| at < next)
            && max_age.is_none_or(|age| at.millis_since(self.this_update) <= age)
    }
}

fn optional_time<'a>(reader: &mut Reader<'a>) -> Result<Option<Item<'a>>, Asn1Error> {
    match reader.optional(Tag::UtcTime)? {
        Some(item) => Ok(Some(item)),
        None => reader.optional(Tag::GeneralizedTime),
    }
}

fn entries(mut list: Reader<'_>) -> Result<BTreeMap<Vec<u8>, Entry>, Asn1Error> {
    let mut entries = BTreeMap::new();
    while !list.is_empty() {
        let mut parts = list.sequence()?;
        let serial = parts.next()?.unsigned()?.to_vec();
        let mut entry = Entry {
            from: parts.next()?.time()?,
            reason: 0,
        };
        if let Some(extensions) = parts.optional(Tag::Sequence)? {
            read_extensions(extensions.open()?, &mut entry)?;
        }
        parts.finish()?;
        // Twice the same serial number: the earlier moment is the careful reading.
        entries
            .entry(serial)
            .and_modify(|known: &mut Entry| known.from = known.from.min(entry.from))
            .or_insert(entry);
    }
    Ok(entries)
}

fn read_extensions(mut list: Reader<'_>, entry: &mut Entry) -> Result<(), Asn1Error> {
    while !list.is_empty() {
        let Extension { oid, critical, value } = certificate::one_extension(list.expect(Tag::Sequence)?)?;
        match oid {
            REASON => {
                let item = asn1::single(&value)?;
                entry.reason = item.value.first().copied().map_or(0, u32::from);
            }
            INVALIDITY_DATE => entry.from = entry.from.min(asn1::single(&value)?.time()?),
            // Such as certificateIssuer, by which an indirect list names others' certificates.
            _ if critical => return Err(Asn1Error::Structure),
            _ => {}
        }
    }
    Ok(())
}

fn expired_since(extensions: &Extensions) -> Result<Option<Time>, Asn1Error> {
    let extension = extensions.get(&EXPIRED_KEPT);
    extension
        .map(|extension| asn1::single(&extension.value)?.time())
        .transpose()
}

/// Which distribution point a list is about; refuses lists of changes, of some reasons, and indirect ones.
fn scope(extensions: &Extensions) -> Result<Option<Vec<Vec<u8>>>, Asn1Error> {
    let known = [DELTA, ISSUING_POINT, EXPIRED_KEPT];
    let strange = |extension: &&Extension| extension.critical && !known.contains(&extension.oid);
    if extensions.get(&DELTA).is_some() || extensions.all.iter().any(|extension| strange(&extension)) {
        return Err(Asn1Error::Structure);
    }
    let Some(extension) = extensions.get(&ISSUING_POINT) else {
        return Ok(None);
    };
    let mut parts = certificate::sequence(asn1::single(&extension.value)?)?;
    let mut names = Vec::new();
    // DistributionPointName is a CHOICE, so both tags stand explicitly: [0] { [0] { names } }.
    if let Some(point) = parts.optional(asn1::explicit(0))? {
        let mut choice = point.open()?.expect(asn1::explicit(0))?.open()?;
        while !choice.is_empty() {
            names.push(choice.next()?.whole.to_vec());
        }
    }
    // What is left restricts the list to users, authorities or reasons, or makes it indirect.
    parts.finish()?;
    Ok(Some(names))
}
