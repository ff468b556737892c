//! Uploaded files and drafts of forms. Contents of files are not here: they lie in the file store under their digest.

use diesel::prelude::*;

use super::schema::{drafts, files};
use super::{Connection, StoreError};

/// A row of `files`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = files)]
pub struct FileRow {
    pub id: String,
    pub sha256: String,
    pub name: String,
    pub media_type: String,
    pub bytes: i64,
    pub uploader: String,
    pub created_at: i64,
}

/// A row of `drafts`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = drafts)]
pub struct DraftRow {
    pub account: String,
    pub todo: String,
    pub version: i64,
    pub body: String,
    pub changed_at: i64,
}

/// Whether an edit met the version it was made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Done,
    Stale,
}

/// Notes an upload whose content is in the file store.
pub fn file_insert(conn: &mut Connection, row: &FileRow) -> Result<(), StoreError> {
    diesel::insert_into(files::table).values(row).execute(conn)?;
    Ok(())
}

/// The upload with an id.
pub fn file_by_id(conn: &mut Connection, id: &str) -> Result<Option<FileRow>, StoreError> {
    Ok(files::table
        .find(id)
        .select(FileRow::as_select())
        .first(conn)
        .optional()?)
}

/// How many bytes an account has uploaded since a time.
pub fn file_bytes_since(conn: &mut Connection, uploader: &str, since: i64) -> Result<i64, StoreError> {
    let rows = files::table
        .filter(files::uploader.eq(uploader))
        .filter(files::created_at.ge(since));
    let sizes: Vec<i64> = rows.select(files::bytes).load(conn)?;
    Ok(sizes.iter().fold(0i64, |sum, bytes| sum.saturating_add(*bytes)))
}

/// What an account has filled in of a to-do's form so far.
pub fn draft_by_todo(conn: &mut Connection, account: &str, todo: &str) -> Result<Option<DraftRow>, StoreError> {
    Ok(drafts::table
        .find((account, todo))
        .select(DraftRow::as_select())
        .first(conn)
        .optional()?)
}

/// Saves a draft over the version it was made on; 0 where there was none.
pub fn draft_save(conn: &mut Connection, row: &DraftRow, over: i64) -> Result<Edit, StoreError> {
    let current = draft_by_todo(conn, &row.account, &row.todo)?.map_or(0, |draft| draft.version);
    if current != over {
        return Ok(Edit::Stale);
    }
    if current == 0 {
        diesel::insert_into(drafts::table).values(row).execute(conn)?;
    } else {
        let set = (
            drafts::version.eq(row.version),
            drafts::body.eq(&row.body),
            drafts::changed_at.eq(row.changed_at),
        );
        diesel::update(drafts::table.find((&row.account, &row.todo)))
            .set(set)
            .execute(conn)?;
    }
    Ok(Edit::Done)
}

/// Forgets all drafts of a to-do; what was sent stands in the history.
pub fn draft_delete(conn: &mut Connection, todo: &str) -> Result<(), StoreError> {
    diesel::delete(drafts::table.filter(drafts::todo.eq(todo))).execute(conn)?;
    Ok(())
}
