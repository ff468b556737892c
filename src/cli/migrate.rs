//! `luochui migrate`: brings the database to this version's schema. Must not run while another process serves the file.

use std::path::Path;

use super::Failure;
use super::audit::database_url;
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
    let _lock = target.file().map(lock_file).transpose().map_err(failed)?;
    let mut conn = target.open(Use::Write).map_err(failed)?;
    if options.check {
        let missing = pending(&mut conn).map_err(failed)?;
        missing.iter().for_each(|name| println!("pending {name}"));
        return match missing.len() {
            0 => Ok(()),
            count => Err(Failure(format!("{count} migrations are pending"))),
        };
    }
    let done = migrate(&mut conn).map_err(failed)?;
    done.iter().for_each(|name| println!("migrated {name}"));
    println!("the schema is this version's");
    Ok(())
}
