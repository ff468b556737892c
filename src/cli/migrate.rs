//! `luochui migrate`: brings the database to this version's schema. Must not write while another process serves the file;
//! the check only reads, and may run beside it.

use std::path::Path;

use super::Failure;
use super::audit::{database_url, require_file};
use crate::engine::lock_file;
use crate::store::connection::{Target, Use};
use crate::store::migrations::{migrate, pending};

#[derive(clap::Args)]
pub struct Options {
    /// Another database than the configured one.
    #[arg(long)]
    database: Option<String>,
    /// Only say what would be done; fails where something would.
    #[arg(long)]
    check: bool,
}

pub fn run(config: Option<&Path>, options: &Options) -> Result<(), Failure> {
    let failed = |error: crate::store::StoreError| Failure(format!("failed to migrate: {error}"));
    let url = database_url(config, options.database.as_deref())?;
    let target = Target::parse(&url).map_err(failed)?;
    if options.check {
        return check(&target);
    }
    let _lock = target.file().map(lock_file).transpose().map_err(failed)?;
    let mut conn = target.open(Use::Write).map_err(failed)?;
    let done = migrate(&mut conn).map_err(failed)?;
    done.iter().for_each(|name| println!("migrated {name}"));
    println!("the schema is this version's");
    Ok(())
}

fn check(target: &Target) -> Result<(), Failure> {
    require_file(target)?;
    let failed = |error: crate::store::StoreError| Failure(format!("failed to check the schema: {error}"));
    let mut conn = target.open(Use::Read).map_err(failed)?;
    let missing = pending(&mut conn).map_err(failed)?;
    missing.iter().for_each(|name| println!("pending {name}"));
    match missing.len() {
        0 => {
            println!("the schema is this version's");
            Ok(())
        }
        count => Err(Failure(format!("{count} migrations are pending"))),
    }
}
