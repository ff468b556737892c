//! Documents: number, fill, set, keep, and tell the trade. Must not decide what a document's being ready means.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;

use super::context;
use super::files::{Files, Stored};
use super::format;
use super::rendering::Renderings;
use super::typeset::{Imprint, Typesetter};
use super::{PerformError, Work, answer, recorded};
use crate::engine::Engine;
use crate::machine::step::Cause;
use crate::machine::{Bundle, Name, Time, Value};
use crate::seal::sm3;
use crate::store::document_rows::{DocumentRow, document_insert, document_ready, document_revision, number_next};
use crate::store::seal_rows::{ImprintRow, imprint_put};
use crate::store::{Connection, StoreError};

/// How many hexadecimal digits of the content's SM3 the QR code carries.
const SHOWN_DIGITS: usize = 16;

/// What rendering a document needs.
#[derive(Clone)]
pub struct Documents {
    engine: Engine,
    typesetter: Typesetter,
    renderings: Renderings,
    files: Files,
    /// How people reach the server, for the QR code.
    public_url: String,
    /// Typesetting keeps a core busy; more at a time only wait for each other.
    cores: Arc<Semaphore>,
}

/// A document as the effect asks for it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub name: Name,
    pub revision: u32,
    pub at: Time,
}

impl Documents {
    pub fn new(
        engine: Engine,
        typesetter: Typesetter,
        renderings: Renderings,
        files: Files,
        public_url: String,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            engine,
            typesetter,
            renderings,
            files,
            public_url,
            cores: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Renders a document and offers `document.{name}.ready`. Doing it again gives the same number and the same bytes.
    ///
    /// # Errors
    /// A template that cannot be filled, a character no font shows, a failing disk or database.
    pub async fn perform(&self, work: &Work, asked: &Asked) -> Result<(), PerformError> {
        let bundle = work.bundle(&self.engine)?;
        let row = self.begin(work, &bundle, asked).await?;
        let sha256 = match &row.sha256 {
            Some(done) => done.clone(),
            None => self.render(work, &bundle, asked, &row).await?.sha256,
        };
        let number = row.number.as_deref().map_or(Value::Null, Value::from);
        let payload = [
            ("revision".into(), Value::Int(i64::from(asked.revision))),
            ("sha256".into(), sha256.as_str().into()),
            ("number".into(), number),
        ];
        let cause = Cause::Result {
            name: format!("document.{}.ready", asked.name).into(),
            payload: payload.into(),
        };
        answer::offer(&self.engine, work, cause, &sha256).await
    }

    /// Notes the rendering with its number, or finds the note of an earlier attempt.
    async fn begin(&self, work: &Work, bundle: &Bundle, asked: &Asked) -> Result<DocumentRow, PerformError> {
        let definition = bundle.documents.get(&asked.name);
        let definition = definition.ok_or_else(|| PerformError::lasting(format!("no document {}", asked.name)))?;
        let row = DocumentRow {
            id: work.id.clone(),
            trade: work.trade.clone(),
            instance: work.instance.clone(),
            machine: work.snapshot["self"]["machine"].as_str().unwrap_or_default().to_owned(),
            name: asked.name.to_string(),
            title: definition.title.clone(),
            revision: i64::from(asked.revision),
            number: None,
            sha256: None,
            bytes: None,
            created_at: asked.at.0,
            ready_at: None,
        };
        let key = work.snapshot["self"]["key"].as_str().unwrap_or_default();
        let pattern = definition.number.as_ref().map(|pattern| pattern.replace("{key}", key));
        let year = format::year(asked.at.0, bundle.utc_offset_millis).unwrap_or_default();
        let noted = self
            .engine
            .write("number a document", move |conn| {
                note(conn, row, pattern.as_deref(), year)
            })
            .await;
        Ok(noted?)
    }

    async fn render(
        &self,
        work: &Work,
        bundle: &Arc<Bundle>,
        asked: &Asked,
        row: &DocumentRow,
    ) -> Result<Stored, PerformError> {
        let mut context = work.snapshot.clone();
        context["document"] = json!({
            "name": row.name, "title": row.title, "number": row.number, "revision": row.revision, "at": asked.at.0,
            "verify": "",
        });
        let (types, at) = (Arc::clone(bundle), asked.at.0);
        let context = self
            .engine
            .read(move |conn| {
                context::add_names(conn, &types, &mut context)?;
                context::add_records(conn, &mut context, at)?;
                recorded::add(conn, &types, &mut context, at)?;
                Ok(context)
            })
            .await?;
        let (stored, imprint) = self.set(bundle, asked, row, context).await?;
        let (id, kept, now) = (row.id.clone(), stored.clone(), self.engine.now());
        let bytes = i64::try_from(stored.bytes).unwrap_or(i64::MAX);
        self.engine
            .write("keep a document", move |conn| {
                imprint_put(conn, &imprint)?;
                document_ready(conn, &id, &kept.sha256, bytes, now)
            })
            .await?;
        Ok(stored)
    }

    async fn set(
        &self,
        bundle: &Arc<Bundle>,
        asked: &Asked,
        row: &DocumentRow,
        mut context: Json,
    ) -> Result<(Stored, ImprintRow), PerformError> {
        let rendering = self.renderings.of(bundle).map_err(PerformError::lasting)?;
        let imprint = Imprint {
            identity: format!("{}/{}/{}", row.instance, row.name, row.revision),
            at: asked.at.0,
            offset_minutes: i32::try_from(bundle.utc_offset_millis / 60_000).unwrap_or_default(),
        };
        let (typesetter, files, name) = (self.typesetter.clone(), self.files.clone(), row.name.clone());
        let verify = format!("{}/verify/{}", self.public_url.trim_end_matches('/'), row.id);
        let document = row.id.clone();
        let core = Arc::clone(&self.cores).acquire_owned().await;
        let core = core.map_err(PerformError::passing)?;
        let set = move || {
            let _core = core;
            let fill = |context: &Json| rendering.document(&name, context).map_err(PerformError::lasting);
            // The code names the content without itself, so that it belongs to this one paper.
            let content_sm3 = hex::encode(sm3(fill(&context)?.as_bytes()));
            let shown = content_sm3.get(..SHOWN_DIGITS).unwrap_or(&content_sm3);
            context["document"]["verify"] = json!(format!("{verify}?h={shown}"));
            let set = typesetter.set(&fill(&context)?, &imprint);
            let set = set.map_err(PerformError::lasting)?;
            let imprint = ImprintRow {
                document,
                content_sm3,
                places: serde_json::to_string(&set.places).map_err(PerformError::lasting)?,
            };
            Ok((files.put(&set.pdf).map_err(PerformError::passing)?, imprint))
        };
        tokio::task::spawn_blocking(set).await.map_err(PerformError::lasting)?
    }
}

fn note(
    conn: &mut Connection,
    mut row: DocumentRow,
    pattern: Option<&str>,
    year: i32,
) -> Result<DocumentRow, StoreError> {
    if let Some(noted) = document_revision(conn, &row.instance, &row.name, row.revision)? {
        return Ok(noted);
    }
    if let Some(pattern) = pattern {
        let series = pattern.replace("{year}", &year.to_string());
        row.number = Some(match series.contains("{seq") {
            true => numbered(&series, number_next(conn, &series)?),
            false => series,
        });
    }
    document_insert(conn, &row)?;
    Ok(row)
}

/// Fills `{seq}` or `{seq:4}` (padded with zeros to four digits).
fn numbered(series: &str, number: i64) -> String {
    let Some((before, rest)) = series.split_once("{seq") else {
        return series.to_owned();
    };
    let (width, after) = rest.split_once('}').unwrap_or((rest, ""));
    let width = width.trim_start_matches(':').parse::<usize>().unwrap_or(0);
    format!("{before}{number:0width$}{after}")
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn numbers_fill_their_pattern() {
        assert_eq!(numbered("湘西产交告〔2026〕{seq:4}号", 7), "湘西产交告〔2026〕0007号");
        assert_eq!(numbered("HZ2026{seq:6}", 1_234_567), "HZ20261234567");
        assert_eq!(numbered("第{seq}号", 7), "第7号");
    }
}
