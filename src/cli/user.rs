//! `luochui user`: accounts that nobody could make through the API, such as the first admin's. While a server holds an
//! SQLite database, the command refuses and names the way through the API.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;

use super::Failure;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Engine, EngineConfig};
use crate::http::people::{self, NewAccount};
use crate::http::{Standing, password};
use crate::store::account_rows;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Add an account. The password comes from LUOCHUI_PASSWORD or the first line of standard input.
    Add(Add),
    /// List accounts with their posts.
    List,
    /// Disable an account and end its sessions.
    Disable {
        /// Sign-in name.
        #[arg(long)]
        name: String,
    },
}

#[derive(clap::Args)]
pub struct Add {
    /// Sign-in name: 3 to 40 of a-z, 0-9, `.`, `-`, `_`.
    #[arg(long)]
    name: String,
    /// Where to-dos and digests are mailed.
    #[arg(long)]
    email: String,
    /// Name shown to people; the sign-in name where absent.
    #[arg(long)]
    display_name: Option<String>,
    /// A post at an organisation, such as `reviewer@centre` or `clerk@91110000600037341L`. May be given more than once.
    #[arg(long = "post", value_name = "POST@ORGANISATION")]
    posts: Vec<String>,
    /// Runs the platform; such an account cannot act in trades.
    #[arg(long, conflicts_with = "posts")]
    admin: bool,
}

pub fn run(config: Option<&Path>, command: &Command) -> Result<(), Failure> {
    let config = Config::load(config).map_err(|error| Failure(error.to_string()))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure(format!("failed to start: {error}")))?;
    runtime.block_on(async {
        std::fs::create_dir_all(&config.paths.data)
            .map_err(|error| Failure(format!("{}: {error}", config.paths.data.display())))?;
        let settings = EngineConfig::new(config.database_url());
        let (engine, threads) =
            Engine::start(&settings, Clock::system()).map_err(|error| Failure(error.to_string()))?;
        let done = match command {
            Command::Add(options) => add(&engine, options).await,
            Command::List => list(&engine).await,
            Command::Disable { name } => disable(&engine, name).await,
        };
        drop(engine);
        let joined = tokio::task::spawn_blocking(move || threads.join()).await;
        joined.map_err(|error| Failure(format!("failed to stop the engine: {error}")))?;
        done
    })
}

async fn add(engine: &Engine, options: &Add) -> Result<(), Failure> {
    let failed = |problem: crate::http::problem::Problem| {
        Failure(format!(
            "failed to add the account: {}",
            problem.detail.unwrap_or(problem.code)
        ))
    };
    let posts = options
        .posts
        .iter()
        .map(|post| split(post))
        .collect::<Result<Vec<_>, _>>()?;
    let asked = if options.admin {
        Standing::Admin
    } else {
        Standing::Ordinary
    };
    let standing = people::standing_of(asked, &posts).map_err(failed)?;
    let secret = read_password()?;
    let display_name = options.display_name.clone().unwrap_or_else(|| options.name.clone());
    people::check_new(&options.name, &display_name, &options.email, &secret).map_err(failed)?;
    let new = NewAccount {
        name: options.name.clone(),
        display_name,
        email: options.email.clone(),
        password_hash: password::hash_now(&secret).map_err(failed)?,
        standing,
        posts,
        at: engine.now().0,
    };
    let made = engine.write("add account", move |conn| people::create(conn, new)).await;
    let id = made.map_err(|error| Failure(error.to_string()))?.map_err(failed)?;
    println!("{id}");
    Ok(())
}

fn split(post: &str) -> Result<(String, String), Failure> {
    let (name, at) = post
        .split_once('@')
        .ok_or_else(|| Failure(format!("`{post}` is not POST@ORGANISATION")))?;
    Ok((name.to_owned(), at.to_owned()))
}

/// Not from an argument: those are seen by everybody on the machine.
fn read_password() -> Result<String, Failure> {
    if let Ok(password) = std::env::var("LUOCHUI_PASSWORD") {
        return Ok(password);
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprint!("Password (shown as you type; set LUOCHUI_PASSWORD to avoid it): ");
    }
    let mut line = String::new();
    stdin
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure(format!("failed to read the password: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn list(engine: &Engine) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    loop {
        let from = after.clone();
        let page = engine.read(move |conn| {
            let rows = account_rows::account_page(conn, from.as_deref(), 100)?;
            rows.into_iter()
                .map(|row| Ok((account_rows::post_list(conn, &row.id)?, row)))
                .collect::<Result<Vec<_>, _>>()
        });
        let page = page.await.map_err(|error| Failure(error.to_string()))?;
        let Some((_, last)) = page.last() else { return Ok(()) };
        after = Some(last.id.clone());
        for (posts, row) in &page {
            let posts: Vec<_> = posts.iter().map(|(post, at)| format!("{post}@{at}")).collect();
            let disabled = if row.disabled_at.is_some() { " disabled" } else { "" };
            println!("{} {} {}{disabled} {}", row.id, row.name, row.standing, posts.join(" "));
        }
    }
}

async fn disable(engine: &Engine, name: &str) -> Result<(), Failure> {
    let (wanted, at) = (name.to_owned(), engine.now().0);
    let done = engine.write("disable account", move |conn| {
        match account_rows::account_by_name(conn, &wanted)? {
            Some(row) => account_rows::account_disable(conn, &row.id, at),
            None => Ok(false),
        }
    });
    match done.await.map_err(|error| Failure(error.to_string()))? {
        true => Ok(()),
        false => Err(Failure(format!("there is no account `{name}`"))),
    }
}
