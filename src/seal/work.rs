//! How much may be spent on one file that a stranger sent, counted in bytes that are read, unpacked, hashed or drawn.
//! Must not read a clock: the same file costs the same everywhere.

use std::cell::Cell;

/// What one verification may cost, in bytes: some seconds of one core.
pub const MOST: u64 = 1_024 * 1_024 * 1_024;

/// The work on a file was more than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file costs too much work")]
pub struct Exhausted;

/// What is left to be spent.
#[derive(Debug)]
pub struct Work {
    left: Cell<u64>,
    spent: Cell<u64>,
    exhausted: Cell<bool>,
}

impl Default for Work {
    fn default() -> Self {
        Self::up_to(MOST)
    }
}

impl Work {
    #[must_use]
    pub fn up_to(bytes: u64) -> Self {
        Self {
            left: Cell::new(bytes),
            spent: Cell::new(0),
            exhausted: Cell::new(false),
        }
    }

    /// Spends so many bytes before they are worked on.
    ///
    /// # Errors
    /// More than is left; nothing can be spent from then on.
    pub fn take(&self, bytes: usize) -> Result<(), Exhausted> {
        let bytes = bytes as u64;
        match self.left.get().checked_sub(bytes) {
            Some(left) if !self.exhausted.get() => {
                self.left.set(left);
                self.spent.set(self.spent.get().saturating_add(bytes));
                Ok(())
            }
            _ => {
                self.exhausted.set(true);
                Err(Exhausted)
            }
        }
    }

    /// What was spent so far, in bytes.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.spent.get()
    }

    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted.get()
    }
}
