//! The rows of a whole PostgreSQL database as JSON lines, out and in. Must not know what a table means.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::dialect::{lines, postgres_only};
use super::{Connection, StoreError};

/// Rows moved at once.
const PAGE: usize = 500;

/// The table in which diesel notes its migrations: it is filled by migrating.
const MIGRATIONS: &str = "__diesel_schema_migrations";

/// Names of the migrations that the database has, in their order.
pub fn migrations(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    lines(
        conn,
        &format!("SELECT version AS line FROM {MIGRATIONS} ORDER BY version"),
    )
}

/// Writes every table into a file of its own.
pub fn export(conn: &mut Connection, folder: &Path) -> Result<(), StoreError> {
    let io = |error: std::io::Error| StoreError::File(format!("{}: {error}", folder.display()));
    for table in names(conn)? {
        let file = File::create(folder.join(format!("{table}.jsonl"))).map_err(io)?;
        let mut out = BufWriter::new(file);
        conn.batch_execute(&format!(
            "DECLARE page NO SCROLL CURSOR FOR SELECT row_to_json(t)::TEXT AS line FROM \"{table}\" t"
        ))?;
        loop {
            let page = lines(conn, &format!("FETCH {PAGE} FROM page"))?;
            if page.is_empty() {
                break;
            }
            for line in page {
                writeln!(out, "{line}").map_err(io)?;
            }
        }
        conn.batch_execute("CLOSE page")?;
        out.into_inner()
            .map_err(|error| io(error.into_error()))?
            .sync_all()
            .map_err(io)?;
    }
    Ok(())
}

/// Fills tables from their files, those that others refer to first. What the migrations themselves inserted gives way to
/// what was backed up.
///
/// # Errors
/// `Duplicate` or `Query` where a row does not fit.
pub fn import(conn: &mut Connection, folder: &Path) -> Result<(), StoreError> {
    let io = |error: std::io::Error| StoreError::File(format!("{}: {error}", folder.display()));
    let names = names(conn)?;
    for table in names.iter().rev() {
        conn.batch_execute(&format!("DELETE FROM \"{table}\""))?;
    }
    for table in names {
        let path = folder.join(format!("{table}.jsonl"));
        if !path.is_file() {
            continue;
        }
        let mut page: Vec<String> = Vec::with_capacity(PAGE);
        for line in BufReader::new(File::open(&path).map_err(io)?).lines() {
            page.push(line.map_err(io)?);
            if page.len() == PAGE {
                insert(conn, &table, &page)?;
                page.clear();
            }
        }
        insert(conn, &table, &page)?;
    }
    Ok(())
}

/// How many tables there are.
pub fn count(conn: &mut Connection) -> Result<usize, StoreError> {
    Ok(names(conn)?.len())
}

fn insert(conn: &mut Connection, table: &str, page: &[String]) -> Result<(), StoreError> {
    let conn = postgres_only(conn, "import of rows")?;
    let rows = format!("[{}]", page.join(","));
    let insert = format!("INSERT INTO \"{table}\" SELECT * FROM json_populate_recordset(NULL::\"{table}\", $1::JSON)");
    diesel::sql_query(insert).bind::<Text, _>(rows).execute(conn)?;
    Ok(())
}

/// The tables of the schema, each after those that it refers to.
fn names(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    let all = lines(
        conn,
        "SELECT tablename::TEXT AS line FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename",
    )?;
    let refers = lines(
        conn,
        "SELECT conrelid::regclass::TEXT || ' ' || confrelid::regclass::TEXT AS line FROM pg_constraint \
         WHERE contype = 'f' AND conrelid <> confrelid",
    )?;
    let mut left: Vec<String> = all.into_iter().filter(|table| table != MIGRATIONS).collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let waits = |table: &String| {
            refers
                .iter()
                .filter_map(|pair| pair.split_once(' '))
                .any(|(from, to)| from == table && left.iter().any(|other| other == to))
        };
        let (later, now): (Vec<String>, Vec<String>) = left.iter().cloned().partition(waits);
        if now.is_empty() {
            return Err(StoreError::Corrupt("tables refer to each other in a circle".into()));
        }
        ordered.extend(now);
        left = later;
    }
    Ok(ordered)
}
