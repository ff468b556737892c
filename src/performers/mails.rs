//! Mails that effects ask for: to whom, with which text, which links. Must not know SMTP, and must not send one person's mail to
//! several at once: nobody learns from a mail who else is concerned.

use serde_json::{Value as Json, json};

use super::calendar_invite::Invite;
use super::context;
use super::mail::{Letter, Post};
use super::recorded::{self, Signed};
use super::rendering::{Rendering, Renderings};
use super::{PerformError, Work};
use crate::engine::{Engine, checkpoint_of};
use crate::ids;
use crate::machine::definition::model::{Bundle, TodoDefinition};
use crate::machine::time::CHINA_MILLIS;
use crate::machine::{Name, Time, roles};
use crate::record::{Reach, file};
use crate::store::mail_rows::{MailRow, mail_note, mail_reached};
use crate::store::name_rows::{Addressee, accounts_of_audience};
use crate::store::record_rows::checkpoints_of;
use crate::store::token_rows::{TokenRow, token_create};

/// The name of the file of checkpoints.
const LINES_NAME: &str = "checkpoints.jsonl";

/// What mails say of the platform.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How people reach the platform, without a slash at the end.
    pub public_url: String,
    /// How long an act from a mail's link is possible, in milliseconds.
    pub token_millis: i64,
}

/// What sending mails needs.
#[derive(Clone)]
pub struct Mails {
    engine: Engine,
    renderings: Renderings,
    post: Post,
    settings: Settings,
}

/// One mail, whoever gets it.
struct Mailing<'a> {
    work: &'a Work,
    mail: &'a str,
    at: Time,
    context: Json,
    rendering: &'a Rendering,
    /// The to-do it is about, with the acts that its links may do.
    todo: Option<About>,
    /// Checkpoints as a file that `luochui audit verify --checkpoint` reads.
    lines: Option<String>,
}

struct About {
    id: Name,
    acts: Vec<(Name, String)>,
}

impl Mails {
    pub fn new(engine: Engine, renderings: Renderings, post: Post, settings: Settings) -> Self {
        Self {
            engine,
            renderings,
            post,
            settings,
        }
    }

    /// Sends a mail to everyone who holds one of the roles now.
    ///
    /// # Errors
    /// A mail that cannot be filled or sent to somebody; who has got it does not get it again.
    pub async fn to_roles(&self, work: &Work, roles: &[Name], mail: &str, at: Time) -> Result<(), PerformError> {
        let bundle = work.bundle(&self.engine)?;
        let id = work.instance.as_str().into();
        let held = self.engine.trade(&id).await?;
        let instance = held.trade.instances.get(&id);
        let instance = instance.ok_or_else(|| PerformError::lasting("the instance is gone"))?;
        let audience = roles
            .iter()
            .flat_map(|role| roles::audience(&held.bundle, &held.trade, instance, role));
        let audience = audience.map(|it| it.to_string()).collect();
        let context = self.context(work, &bundle).await?;
        let rendering = self.renderings.of(&bundle).map_err(PerformError::lasting)?;
        let whole = context["checkpoint"]["reach"] == Reach::Whole.as_str();
        let mailing = Mailing {
            work,
            mail,
            at,
            context,
            rendering: &rendering,
            todo: None,
            lines: if whole {
                Some(self.checkpoints(&work.instance).await?)
            } else {
                None
            },
        };
        self.send_all(&mailing, audience).await
    }

    /// Sends a checkpoint to whom the loop of checkpoints names. `asked` is what it wrote: `{at, audience, title, lot, phase, lines}`.
    ///
    /// # Errors
    /// A mail that cannot be filled or sent.
    pub async fn checkpoint(&self, work: &Work, asked: &Json) -> Result<(), PerformError> {
        let rendering = Rendering::platform(CHINA_MILLIS).map_err(PerformError::lasting)?;
        let mut context = asked.clone();
        context["platform"] = self.platform().await?;
        context["link"] = json!(format!("{}/instances/{}", self.settings.public_url, work.instance));
        let audience = asked["audience"].as_array().into_iter().flatten();
        let mailing = Mailing {
            work,
            mail: "platform_checkpoint",
            at: Time(asked["at"].as_i64().unwrap_or_default()),
            context,
            rendering: &rendering,
            todo: None,
            lines: asked["lines"].as_str().map(str::to_owned),
        };
        let audience = audience.filter_map(Json::as_str).map(str::to_owned).collect();
        self.send_all(&mailing, audience).await
    }

    /// All checkpoints of a record, one JSON object on each line.
    async fn checkpoints(&self, instance: &str) -> Result<String, PerformError> {
        let id = instance.to_owned();
        let rows = self.engine.read(move |conn| checkpoints_of(conn, &id)).await?;
        let rows: Vec<_> = rows.iter().map(checkpoint_of).collect();
        Ok(file::write(std::iter::empty(), &rows))
    }

    /// Sends a mail about a to-do to those it concerns.
    ///
    /// # Errors
    /// A mail that cannot be filled or sent to somebody; who has got it does not get it again.
    pub async fn about_todo(&self, work: &Work, todo: &Name, mail: &str, at: Time) -> Result<(), PerformError> {
        let bundle = work.bundle(&self.engine)?;
        let mut context = self.context(work, &bundle).await?;
        let mut about = work.snapshot["self"]["todos"][&**todo].clone();
        if !about.is_object() {
            return Err(PerformError::lasting("the to-do is not in the snapshot"));
        }
        let audience = about["audience"].as_array().into_iter().flatten();
        let audience = audience.filter_map(Json::as_str).map(str::to_owned).collect();
        let definition = definition(&bundle, work, &about);
        let acts = definition.map(mailable_acts);
        let outcomes = definition.map(|it| it.outcomes.clone()).unwrap_or_default();
        about["id"] = json!(todo);
        about["lot"] = context["lot"].clone();
        about["link"] = json!(format!("{}/todos/{todo}", self.settings.public_url));
        about["outcomes"] = json!(outcomes);
        context["todo"] = about;
        let rendering = self.renderings.of(&bundle).map_err(PerformError::lasting)?;
        let mailing = Mailing {
            work,
            mail,
            at,
            context,
            rendering: &rendering,
            todo: Some(About {
                id: todo.clone(),
                acts: acts.unwrap_or_default(),
            }),
            lines: None,
        };
        self.send_all(&mailing, audience).await
    }

    /// Sends somebody their open to-dos. `asked` is what the sweep wrote: `{account, at, todos, total, late}`.
    ///
    /// # Errors
    /// A mail that cannot be filled or sent.
    pub async fn digest(&self, work: &Work, asked: &Json) -> Result<(), PerformError> {
        let rendering = Rendering::platform(CHINA_MILLIS).map_err(PerformError::lasting)?;
        let account = asked["account"].as_str().unwrap_or_default();
        let mut context = asked.clone();
        let todos = context["todos"].as_array_mut().into_iter().flatten();
        for todo in todos {
            let id = todo["id"].as_str().unwrap_or_default();
            todo["link"] = json!(format!("{}/todos/{id}", self.settings.public_url));
        }
        let platform = self.platform().await?;
        context["now"] = asked["at"].clone();
        context["platform"] = platform;
        let mailing = Mailing {
            work,
            mail: "platform_digest",
            at: Time(asked["at"].as_i64().unwrap_or_default()),
            context,
            rendering: &rendering,
            todo: None,
            lines: None,
        };
        self.send_all(&mailing, vec![format!("account:{account}")]).await
    }

    async fn context(&self, work: &Work, bundle: &std::sync::Arc<Bundle>) -> Result<Json, PerformError> {
        let mut context = work.snapshot.clone();
        context["lot"] = json!(context::lot(bundle, &context));
        context["link"] = json!(format!("{}/instances/{}", self.settings.public_url, work.instance));
        let types = std::sync::Arc::clone(bundle);
        let signed = self.engine.signer().map_or(Signed::Nowhere, |_| Signed::Here);
        let (mut context, checkpoint) = self
            .engine
            .read(move |conn| {
                context::add_names(conn, &types, &mut context)?;
                let checkpoint = recorded::newest(conn, &types, &context, signed)?;
                Ok((context, checkpoint))
            })
            .await?;
        context["checkpoint"] = checkpoint?;
        let name = context["names"][roles::CENTRE]["name"].clone();
        context["platform"] = json!({"url": self.settings.public_url, "name": name});
        Ok(context)
    }

    async fn platform(&self) -> Result<Json, PerformError> {
        let bundle = super::platform::bundle(CHINA_MILLIS);
        let mut context = json!({});
        let context = self
            .engine
            .read(move |conn| {
                context::add_names(conn, &bundle, &mut context)?;
                Ok(context)
            })
            .await?;
        let name = context["names"][roles::CENTRE]["name"].clone();
        Ok(json!({"url": self.settings.public_url, "name": name}))
    }

    /// One letter each. A person whose server refuses for good does not keep the others from theirs.
    async fn send_all(&self, mailing: &Mailing<'_>, audience: Vec<String>) -> Result<(), PerformError> {
        let id = mailing.work.id.clone();
        let (people, reached) = self
            .engine
            .read(move |conn| Ok((accounts_of_audience(conn, &audience)?, mail_reached(conn, &id)?)))
            .await?;
        let mut refused = Vec::new();
        for person in people.iter().filter(|person| !reached.contains(&person.account)) {
            match self.send_one(mailing, person).await {
                Ok(()) => {}
                Err(PerformError::Lasting(error)) => refused.push(format!("{}: {error}", person.account)),
                Err(passing) => return Err(passing),
            }
        }
        match refused.is_empty() {
            true => Ok(()),
            false => Err(PerformError::lasting(refused.join("; "))),
        }
    }

    async fn send_one(&self, mailing: &Mailing<'_>, person: &Addressee) -> Result<(), PerformError> {
        let mut context = mailing.context.clone();
        context["recipient"] = json!({"name": person.name, "address": person.address});
        if let Some(about) = &mailing.todo {
            context["todo"]["acts"] = self.links(mailing, about, person).await?;
        }
        let letter = self.letter(mailing, &context, person)?;
        let sent = self.post.send(&letter).await?;
        let row = MailRow {
            id: letter.id.clone(),
            outbox_id: mailing.work.id.clone(),
            account: person.account.clone(),
            address: person.address.clone(),
            mail: mailing.mail.to_owned(),
            subject: letter.subject.clone(),
            message_id: sent.message_id,
            instance: (!mailing.work.instance.is_empty()).then(|| mailing.work.instance.clone()),
            todo: mailing.todo.as_ref().map(|about| about.id.to_string()),
            at: self.engine.now().0,
            error: None,
        };
        let noted = self
            .engine
            .write("note a mail", move |conn| mail_note(conn, &row))
            .await;
        Ok(noted?)
    }

    fn letter(&self, mailing: &Mailing<'_>, context: &Json, person: &Addressee) -> Result<Letter, PerformError> {
        let text = |part| {
            let text = mailing.rendering.mail_text(mailing.mail, part, context);
            text.map_err(PerformError::lasting)
        };
        let html = mailing.rendering.mail_html(mailing.mail, context);
        let subject = text("subject")?;
        let due = mailing.todo.as_ref().and_then(|_| context["todo"]["due"].as_i64());
        let invite = due.and_then(|due| {
            let field = |name: &str| context["todo"][name].as_str().unwrap_or_default();
            let invite = Invite {
                id: field("id"),
                stamp: mailing.at.0,
                due,
                summary: &format!("{}：{}", field("title"), field("lot")),
                description: &format!("办理：{}", field("link")),
                url: field("link"),
            };
            invite.text()
        });
        Ok(Letter {
            name: person.name.clone(),
            address: person.address.clone(),
            subject: subject.trim_end_matches(['\r', '\n']).to_owned(),
            text: text("body")?,
            html: html.map_err(PerformError::lasting)?,
            invite,
            lines: mailing.lines.clone().map(|lines| (LINES_NAME.to_owned(), lines)),
            id: letter_id(&mailing.work.id, &person.account),
            at: mailing.at.0,
        })
    }

    /// Links that act once, each with a token of its own for this person.
    async fn links(&self, mailing: &Mailing<'_>, about: &About, person: &Addressee) -> Result<Json, PerformError> {
        let mut links = Vec::new();
        for (act, title) in &about.acts {
            let token = ids::secret().map_err(PerformError::passing)?;
            let now = self.engine.now();
            let row = TokenRow {
                token_sha256: ids::digest(&token),
                account: person.account.clone(),
                instance: mailing.work.instance.clone(),
                todo: about.id.to_string(),
                act: act.to_string(),
                created_at: now.0,
                expires_at: now.plus_millis(self.settings.token_millis).0,
                used_at: None,
            };
            self.engine
                .write("make a mail token", move |conn| token_create(conn, &row))
                .await?;
            links.push(json!({"name": act, "title": title, "link": format!("{}/t/{token}", self.settings.public_url)}));
        }
        Ok(Json::Array(links))
    }
}

/// What may be done from the mail, with the words on its links.
fn mailable_acts(definition: &TodoDefinition) -> Vec<(Name, String)> {
    let acts = definition.mailable.iter();
    acts.map(|act| (act.clone(), definition.act_title(act).to_owned()))
        .collect()
}

fn definition<'a>(bundle: &'a Bundle, work: &Work, about: &Json) -> Option<&'a TodoDefinition> {
    let machine = bundle.machines.get(work.snapshot["self"]["machine"].as_str()?)?;
    machine.state_at(about["state"].as_str()?)?.todo.as_ref()
}

/// The same letter has the same id however often it is sent, and the id tells an outsider nothing of the account.
fn letter_id(outbox: &str, account: &str) -> String {
    ids::id_of(&format!("{outbox}/{account}"))
}
