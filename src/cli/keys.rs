//! `luochui keys`: the platform's keys. Must not show a secret half.

use std::path::Path;

use super::{Failure, platform_key};
use crate::config::Config;
use crate::record::PlatformSigner;
use crate::record::signer::key_id;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Print the ids of the present key and of those before it.
    List,
    /// Draw a new key; servers sign with it once they are started again, and former keys still verify.
    Rotate,
}

pub fn run(config: Option<&Path>, command: &Command) -> Result<(), Failure> {
    let config = Config::load(config).map_err(|error| Failure(error.to_string()))?;
    let signer = match command {
        Command::List if !config.platform_key().exists() => {
            println!("there is no key yet: `luochui serve` draws one");
            return Ok(());
        }
        Command::List => platform_key::signer(&config)?,
        Command::Rotate => platform_key::rotate(&config)?,
    };
    show(&*signer)
}

fn show(signer: &dyn PlatformSigner) -> Result<(), Failure> {
    println!("present {}", signer.key_id());
    for key in signer.former() {
        let id = key_id(key).map_err(|error| Failure(error.to_string()))?;
        println!("former  {id}");
    }
    Ok(())
}
