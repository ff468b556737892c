//! Double entry over the ledger rows of a trade. Pure.
