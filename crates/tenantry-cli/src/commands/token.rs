//! `tenantry token`: API tokens, made, listed and revoked.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use tenantry::token::TokenText;
use tenantry_admin::access::Role;
use tenantry_admin::service::{NewToken, TOKEN_LIFETIME_DAYS};
use tenantry_core::scope::Scope;
use tenantry_store::TokenRecord;

use crate::exit::{Exit, Trouble};
use crate::input::looks_like_secret;
use crate::output::{Format, Output, Tone, note, print};
use crate::session::Session;
use crate::shown;

/// Make, list and revoke API tokens
#[derive(Debug, Subcommand)]
#[command(after_help = "\
A token's text is shown once, when it is made; only a hash of it is stored.

Examples:
  tenantry -t acme token create --role tenant-admin --name 'Grace, laptop'
  tenantry --global token create --name monitoring --days 30
  tenantry token list
  tenantry token revoke 4b1d0c9a77e2f001")]
pub(crate) enum Token {
    /// Make a token, and show its text once
    Create(Create),
    /// List the tokens of one scope, or all
    List,
    /// Revoke a token, for good
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What it may do: tenant-viewer (the default), tenant-editor or tenant-admin; operator with --global
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// What it is for
    #[arg(long, value_name = "NAME", default_value = "unnamed")]
    name: String,
    /// How long it lives
    #[arg(long, value_name = "DAYS", default_value_t = TOKEN_LIFETIME_DAYS)]
    days: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The token's id, as `token list` shows it
    id: String,
}

/// A token as it may be shown.
#[derive(Serialize)]
struct View<'a> {
    id: &'a str,
    scope: String,
    role: &'a str,
    name: &'a str,
    state: &'static str,
    created_at: Timestamp,
    created_by: &'a str,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
}

/// A token just made, with its text.
#[derive(Serialize)]
struct Made<'a> {
    token: &'a str,
    #[serde(flatten)]
    view: View<'a>,
}

fn view(record: &TokenRecord, now: Timestamp) -> View<'_> {
    let state = match (record.revoked_at, record.expires_at <= now) {
        (Some(_), _) => "revoked",
        (None, true) => "expired",
        (None, false) => "valid",
    };
    View {
        id: &record.id,
        scope: shown::scope(&record.scope),
        role: &record.role,
        name: &record.name,
        state,
        created_at: record.created_at,
        created_by: &record.created_by,
        expires_at: record.expires_at,
        last_used_at: record.last_used_at,
        revoked_at: record.revoked_at,
    }
}

impl Token {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List => list(session).await,
            Self::Revoke(revoke) => revoke.run(session).await,
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let scope = session.global.scope()?;
        let role = self.role.unwrap_or(match scope {
            Scope::Global => Role::Operator,
            Scope::Tenant(_) => Role::TenantViewer,
        });
        let new = make(session, &scope, role, &self.name, self.days).await?;
        // The one place at which a token's text is shown.
        let text = new.text.expose();
        if session.output.format() != Format::Table {
            return session
                .output
                .show(&Made { token: text, view: view(&new.record, Timestamp::now()) }, |_| String::new());
        }
        print(text)?;
        let record = &new.record;
        note(&format!(
            "token {} of {}: {}, until {} UTC. It is shown this once: keep it safe.",
            record.id,
            shown::scope(&record.scope),
            record.role,
            shown::time(record.expires_at)
        ));
        Ok(())
    }
}

/// Makes a token of fresh randomness.
pub(super) async fn make(
    session: &Session,
    scope: &Scope,
    role: Role,
    name: &str,
    days: u16,
) -> anyhow::Result<NewToken> {
    let mut bytes = [0; TokenText::RANDOM_BYTES];
    getrandom::fill(&mut bytes).context("the system gives no randomness")?;
    let text = TokenText::from_random(&bytes);
    Ok(session.service.create_token(scope, role, name, days, text, &session.context()).await?)
}

async fn list(session: &Session) -> anyhow::Result<()> {
    let scope = session.global.scope_if_any()?;
    if let Some(Scope::Tenant(tenant)) = &scope {
        session.service.tenant(tenant).await?;
    }
    let records = session.service.tokens(scope.as_ref()).await?;
    let now = Timestamp::now();
    let views: Vec<_> = records.iter().map(|record| view(record, now)).collect();
    session.output.show(&views, |output| table(&views, output))
}

fn table(views: &[View<'_>], output: &Output) -> String {
    if views.is_empty() {
        return "there are no tokens".to_owned();
    }
    let paint = output.paint();
    let rows = views.iter().map(|view| {
        let tone = if view.state == "valid" { Tone::Good } else { Tone::Bad };
        vec![
            paint.tone(Tone::Strong, view.id),
            view.scope.clone(),
            view.role.to_owned(),
            view.name.to_owned(),
            paint.tone(tone, view.state),
            shown::time(view.expires_at),
            view.last_used_at.map(shown::time).unwrap_or_default(),
        ]
    });
    let header = ["ID", "SCOPE", "ROLE", "NAME", "STATE", "EXPIRES (UTC)", "LAST USED (UTC)"];
    output.table(&header, &rows.collect::<Vec<_>>())
}

impl Revoke {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        if looks_like_secret(&self.id) {
            let trouble = Trouble::refused("this is a token's text, which stands in no argument; it is not shown here");
            return Err(trouble
                .help("give its id: the 16 digits behind tny_, as `tenantry token list` shows them")
                .into());
        }
        let missing = || {
            let trouble = Trouble::new(Exit::NotFound, format!("there is no token {}", self.id));
            trouble.help("`tenantry token list` lists them")
        };
        let scope = match session.global.scope_if_any()? {
            Some(scope) => scope,
            None => session.service.stores().token(&self.id).await?.ok_or_else(missing)?.scope,
        };
        let record = session.service.revoke_token(&scope, &self.id, &session.context()).await?;
        let document = serde_json::json!({ "id": record.id, "scope": shown::scope(&scope), "done": "revoked" });
        session.output.show(&document, |_| {
            format!("token {} of {} is revoked: it opens nothing any more", record.id, shown::scope(&scope))
        })
    }
}
