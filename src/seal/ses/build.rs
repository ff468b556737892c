//! Building seals and seal signatures for a signer elsewhere: first the bytes to sign, then the whole with the value.
//! Must not hold or use a key.

use super::seal::{Holders, Picture, Seal};
use crate::machine::Time;
use crate::seal::asn1::write;
use crate::seal::certificate::{Certificate, SM2_WITH_SM3};

/// A seal that is still to be signed by its maker.
#[derive(Clone, Debug)]
pub struct SealDraft {
    /// 4 or 5.
    pub version: u32,
    /// ASCII.
    pub vendor: String,
    /// ASCII, unique with the maker.
    pub id: String,
    pub kind: u32,
    pub name: String,
    pub holders: Holders,
    pub created: Time,
    pub valid_from: Time,
    pub valid_until: Time,
    pub picture: Picture,
}

impl SealDraft {
    /// The DER of SES_SealInfo: the bytes that the maker signs.
    #[must_use]
    pub fn info(&self) -> Vec<u8> {
        let header = write::sequence(&[write::ia5("ES"), write::integer(self.version), write::ia5(&self.vendor)]);
        let (list_kind, list) = match &self.holders {
            Holders::Certificates(list) => (1, list.iter().map(|der| write::octets(der)).collect::<Vec<_>>()),
            Holders::Digests(list) => {
                let pair = |digest: &Vec<u8>| write::sequence(&[write::printable("SM3"), write::octets(digest)]);
                (2, list.iter().map(pair).collect())
            }
        };
        let property = write::sequence(&[
            write::integer(self.kind),
            write::utf8(&self.name),
            write::integer(list_kind),
            write::sequence(&list),
            write::generalized(self.created),
            write::generalized(self.valid_from),
            write::generalized(self.valid_until),
        ]);
        let picture = write::sequence(&[
            write::ia5(&self.picture.kind),
            write::octets(&self.picture.data),
            write::integer(self.picture.width),
            write::integer(self.picture.height),
        ]);
        write::sequence(&[header, write::ia5(&self.id), property, picture])
    }
}

/// The seal from its signed part, its maker and the maker's signature.
#[must_use]
pub fn assemble_seal(info: &[u8], maker: &Certificate, signature: &[u8]) -> Vec<u8> {
    write::sequence(&[
        info.to_vec(),
        write::octets(maker.der()),
        write::oid(&SM2_WITH_SM3),
        write::bits(signature),
    ])
}

/// What a signer signs to seal a document.
#[derive(Clone, Debug)]
pub struct ToSign<'a> {
    pub seal: &'a Seal,
    /// Platform time; a time stamp over the signature proves it better.
    pub time: Time,
    /// SM3 over what the carrier protects.
    pub data_hash: [u8; 32],
    /// What the carrier protects, in the carrier's words; ASCII.
    pub property: &'a str,
}

impl ToSign<'_> {
    /// The DER of TBS_Sign: the bytes that the holder signs.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        write::sequence(&[
            write::integer(self.seal.version()),
            self.seal.der().to_vec(),
            write::generalized(self.time),
            write::bits(&self.data_hash),
            write::ia5(self.property),
        ])
    }
}

/// The seal signature from its signed part, the signer and the signature, with a time stamp token where there is one.
#[must_use]
pub fn assemble_signature(
    to_sign: &[u8],
    signer: &Certificate,
    signature: &[u8],
    time_stamp: Option<&[u8]>,
) -> Vec<u8> {
    let mut parts = vec![
        to_sign.to_vec(),
        write::octets(signer.der()),
        write::oid(&SM2_WITH_SM3),
        write::bits(signature),
    ];
    parts.extend(time_stamp.map(|token| write::explicit(0, &write::bits(token))));
    write::sequence(&parts)
}
