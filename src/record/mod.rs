//! The record of an instance: lines that commit to each other, checkpoints and receipts that a platform key signs, and the
//! verification of all of it without the platform. `docs/record.md` tells outsiders how to verify by other means.
//! Must not read files, a database, a clock or randomness, and must not know what is recorded.

pub mod chain;
pub mod checkpoint;
pub mod dossier;
pub mod file;
pub mod receipt;
pub mod row;
pub mod sealed;
pub mod signed;
pub mod signer;
pub mod signers;
pub mod verify;

pub use chain::{Appended, Head, Origin};
pub use checkpoint::{Checkpoint, Reach, SealedCheckpoint};
pub use receipt::{Issued, Opening, Receipt};
pub use row::Row;
pub use signer::{FileKey, PlatformSigner, SignerError};
