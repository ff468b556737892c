//! `luochui keys`: the platform's keys. Must not show a secret half.

use std::path::{Path, PathBuf};

use super::desk::{self, Reply};
use super::{Failure, platform_key};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::record::PlatformSigner;
use crate::record::signer::key_id;
use crate::seal::sm2::SecretKey;
use crate::signing::{Authentication, answer};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Print the ids of the present key and of those before it.
    List,
    /// Draw a new key; servers sign with it once they are started again, and former keys still verify.
    Rotate,
    /// Serve as a signing server with keys from files, to try out `record.server`, whose token and secret it takes; not in production.
    Serve(Serve),
}

#[derive(clap::Args)]
pub struct Serve {
    /// Address and port; port 0 takes a free one, which is printed.
    #[arg(long, default_value = "127.0.0.1:8319")]
    listen: String,
    /// A key to sign with (SM2, PKCS#8 PEM), called by its id; may be given more than once.
    #[arg(long = "key", value_name = "PEM", required = true)]
    keys: Vec<PathBuf>,
}

pub fn run(config: Option<&Path>, command: &Command) -> Result<(), Failure> {
    let config = Config::load(config).map_err(|error| Failure(error.to_string()))?;
    let signer = match command {
        Command::List if config.record.server.url.is_empty() && !config.platform_key().exists() => {
            println!("there is no key yet: `luochui serve` draws one");
            return Ok(());
        }
        Command::List => platform_key::signer(&config)?,
        Command::Rotate => platform_key::rotate(&config)?,
        Command::Serve(options) => return serve(&config, options),
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

fn serve(config: &Config, options: &Serve) -> Result<(), Failure> {
    if config.environment == Environment::Production {
        return Err(Failure(
            "in production keys belong in a device, not in files of this server".to_owned(),
        ));
    }
    let settings = &config.record.server;
    let authentication = Authentication::new(&settings.token, &settings.secret)
        .map_err(|why| Failure(format!("record.server: {why}")))?;
    let keys: Result<Vec<_>, Failure> = options.keys.iter().map(|path| key(path)).collect();
    let (keys, clock) = (keys?, Clock::system());
    for (id, _) in &keys {
        println!("key {id}");
    }
    desk::serve("signatures", &options.listen, move |posted| {
        let header = |name: &str| posted.header(name).map(str::to_owned);
        let asked = match authentication.verify(header, posted.body, clock.now()) {
            Ok(asked) => asked,
            Err(why) => {
                eprintln!("luochui: a request to sign was refused: {why}");
                return reply(401, String::new());
            }
        };
        match keys.iter().find(|(id, _)| *id == asked.key) {
            None => reply(404, String::new()),
            Some((_, key)) => match key.sign(&asked.message) {
                Ok(signature) => reply(200, answer(&signature)),
                Err(error) => {
                    eprintln!("luochui: failed to sign: {error}");
                    reply(500, String::new())
                }
            },
        }
    })
}

fn reply(status: u16, body: String) -> Reply {
    Reply {
        status,
        content_type: "application/json",
        body: body.into_bytes(),
    }
}

fn key(path: &Path) -> Result<(String, SecretKey), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure(format!("{}: {error}", path.display()));
    let pem = zeroize::Zeroizing::new(std::fs::read_to_string(path).map_err(|error| failed(&error))?);
    let key = SecretKey::from_pem(&pem).map_err(|error| failed(&error))?;
    let id = key_id(&key.public_key()).map_err(|error| failed(&error))?;
    Ok((id.to_string(), key))
}
