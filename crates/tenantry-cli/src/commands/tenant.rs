//! `tenantry tenant`: creating, listing, renaming, suspending, resuming and deleting companies.

use clap::{Args, Subcommand};
use serde::Serialize;
use tenantry_core::layer::Revision;
use tenantry_core::scope::TenantId;
use tenantry_store::{Head, PageRequest, TenantStatus, TenantSummary};

use crate::input::confirm;
use crate::output::{Output, Paint, Tone, visible};
use crate::session::Session;
use crate::shown;

/// Create, list, rename, suspend, resume and delete tenants
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  tenantry tenant create acme --name 'Acme Bakery'
  tenantry tenant list
  tenantry tenant suspend acme --reason 'invoice 4711 is unpaid'
  tenantry tenant delete acme --yes               (a suspended one, for good)")]
pub(crate) enum Tenant {
    /// Make a tenant without any values of its own
    Create(Create),
    /// List tenants by id
    List,
    /// Show what is known of a tenant as a whole
    Show(Named),
    /// Give a tenant another display name
    Rename(Create),
    /// Stop serving a tenant; its values stay
    Suspend(Named),
    /// Serve a suspended tenant again
    Resume(Named),
    /// Erase a suspended tenant for good: values, secrets, bindings and tokens
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The tenant: 1 to 63 of a-z, 0-9 and '-'
    id: TenantId,
    /// The company's name, for people
    #[arg(long, value_name = "NAME")]
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The tenant
    id: TenantId,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The tenant
    id: TenantId,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What a change of a tenant made.
#[derive(Serialize)]
struct Outcome<'a> {
    tenant_id: &'a TenantId,
    done: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<Revision>,
}

#[derive(Serialize)]
struct Shown<'a> {
    tenant_id: &'a TenantId,
    #[serde(flatten)]
    head: HeadView<'a>,
    values: usize,
    bindings: Vec<String>,
    tokens: usize,
}

#[derive(Serialize)]
struct HeadView<'a> {
    display_name: &'a str,
    status: TenantStatus,
    revision: Revision,
    created_at: String,
    updated_at: String,
    updated_by: &'a str,
}

impl<'a> From<&'a Head> for HeadView<'a> {
    fn from(head: &'a Head) -> Self {
        Self {
            display_name: &head.display_name,
            status: head.status,
            revision: head.revision,
            created_at: head.created_at.to_string(),
            updated_at: head.updated_at.to_string(),
            updated_by: &head.updated_by,
        }
    }
}

impl Tenant {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (service, context) = (&session.service, session.context());
        let (id, done, revision) = match self {
            Self::List => return list(session).await,
            Self::Show(Named { id }) => return show(session, &id).await,
            Self::Create(Create { id, name }) => {
                let revision = service.create_tenant(&id, &name, &context).await?;
                (id, "created", Some(revision))
            }
            Self::Rename(Create { id, name }) => {
                let revision = service.rename_tenant(&id, &name, None, &context).await?;
                (id, "renamed", Some(revision))
            }
            Self::Suspend(Named { id }) => {
                let revision = service.suspend_tenant(&id, &context).await?;
                (id, "suspended", Some(revision))
            }
            Self::Resume(Named { id }) => {
                let revision = service.resume_tenant(&id, &context).await?;
                (id, "resumed", Some(revision))
            }
            Self::Delete(Delete { id, yes }) => {
                delete(session, &id, yes).await?;
                (id, "deleted", None)
            }
        };
        let document = Outcome { tenant_id: &id, done, revision };
        session.output.show(&document, |_| match revision {
            Some(revision) => format!("{id} is {done} (revision {revision})"),
            None => format!("{id} is {done}: its values, secrets, bindings and tokens are gone"),
        })
    }
}

async fn delete(session: &Session, id: &TenantId, yes: bool) -> anyhow::Result<()> {
    // What cannot be deleted is told before anybody is asked.
    let head = session.service.tenant(id).await?;
    if head.status == TenantStatus::Suspended {
        let question = format!("Delete {id} ({}) with all its values, secrets and tokens?", head.display_name);
        confirm(yes, &question, "--yes")?;
    }
    Ok(session.service.delete_tenant(id, None, &session.context()).await?)
}

async fn list(session: &Session) -> anyhow::Result<()> {
    let mut tenants = Vec::new();
    let mut request = PageRequest::first(PageRequest::LARGEST);
    loop {
        let page = session.service.tenants(&request).await?;
        tenants.extend(page.items);
        match page.next {
            Some(cursor) => request = request.behind(cursor),
            None => break,
        }
    }
    session.output.show(&tenants, |output| list_text(&tenants, output))
}

fn list_text(tenants: &[TenantSummary], output: &Output) -> String {
    if tenants.is_empty() {
        return "there are no tenants yet: `tenantry tenant create ID --name NAME`".to_owned();
    }
    let rows = tenants.iter().map(|tenant| {
        vec![
            output.paint().tone(Tone::Strong, tenant.tenant_id.as_str()),
            tenant.display_name.clone(),
            status(tenant.status, output.paint()),
            tenant.revision.to_string(),
            shown::time(tenant.updated_at),
        ]
    });
    output.table(&["TENANT", "NAME", "STATUS", "REVISION", "UPDATED (UTC)"], &rows.collect::<Vec<_>>())
}

fn status(status: TenantStatus, paint: Paint) -> String {
    let tone = match status {
        TenantStatus::Active => Tone::Good,
        TenantStatus::Suspended => Tone::Bad,
    };
    paint.tone(tone, &status.to_string())
}

async fn show(session: &Session, id: &TenantId) -> anyhow::Result<()> {
    let scope = id.clone().into();
    let head = session.service.tenant(id).await?;
    let resolved = session.service.effective(&scope).await?.resolved;
    let own = resolved.layers().iter().filter(|layer| layer.tier() == tenantry_core::layer::Tier::Tenant);
    let bindings = session.service.bindings(id).await?;
    let tokens = session.service.tokens(Some(&scope)).await?;
    let view = Shown {
        tenant_id: id,
        head: HeadView::from(&head),
        values: own.map(|layer| layer.entries().len()).sum(),
        bindings: bindings.iter().map(ToString::to_string).collect(),
        tokens: tokens.iter().filter(|token| token.revoked_at.is_none()).count(),
    };
    session.output.show(&view, |output| {
        let bindings = if view.bindings.is_empty() { "none".to_owned() } else { view.bindings.join(", ") };
        let by = format!("{} by {}", shown::time(head.updated_at), head.updated_by);
        let lines = [
            ("tenant", output.paint().tone(Tone::Strong, id.as_str())),
            ("name", visible(&head.display_name)),
            ("status", status(head.status, output.paint())),
            ("revision", head.revision.to_string()),
            ("updated", by),
            ("created", shown::time(head.created_at)),
            ("values", shown::count(view.values, "override")),
            ("bindings", bindings),
            ("tokens", view.tokens.to_string()),
        ];
        let rows: Vec<_> = lines.map(|(name, text)| format!("{name:<10}{text}")).into();
        rows.join("\n")
    })
}
