//! `tenantry behind`: overrides whose default has moved on, to be kept, to give way, or to be merged.

use clap::Args;
use tenantry_admin::service::{Behind as IsBehind, Merged, Review, Seen, Settle};
use tenantry_core::scope::Scope;
use tenantry_core::value::Value;

use super::set::show_changed;
use crate::output::{Paint, Tone};
use crate::session::Session;
use crate::shown;

/// List overrides whose default has moved on, and settle them
#[derive(Debug, Args)]
#[command(after_help = "\
Each is shown with what the default was when the override was written, what it is now, and what
the tenant sets. --merge puts both changes of a text together line by line; where they concern the
same lines, a person must.

Examples:
  tenantry -t acme behind
  tenantry -t acme behind prompts.chitchat
  tenantry -t acme behind prompts.chitchat --merge
  tenantry -t acme behind persona.language --take --reason 'the default is right for us, too'")]
pub(crate) struct Behind {
    /// The override to be shown whole, or settled
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// It stays as it is, and is behind no more
    #[arg(long, requires = "key", conflicts_with_all = ["take", "merge"])]
    keep: bool,
    /// It is unset: the tenant gets the default
    #[arg(long, requires = "key", conflicts_with = "merge")]
    take: bool,
    /// It becomes what both changes make together
    #[arg(long, requires = "key")]
    merge: bool,
}

impl Behind {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let tenant = session.global.tenant()?;
        let key = self.key.as_deref().map(|key| session.key(key)).transpose()?;
        if let (Some(key), Some(settle)) = (&key, self.settle()) {
            let (seen, context) = (Seen { own: session.global.expected(), default: None }, session.context());
            let changed = session.service.settle_behind(&tenant, key, settle, seen, &context).await?;
            return show_changed(session, &Scope::Tenant(tenant), &changed);
        }
        let mut review = session.service.review(&tenant).await?;
        if let Some(key) = &key {
            review.behind.retain(|behind| behind.key == *key);
            review.redundant.retain(|redundant| redundant == key);
        }
        session.output.show(&document(&review), |output| text(&review, key.is_some(), output.paint()))
    }

    fn settle(&self) -> Option<Settle> {
        match (self.keep, self.take, self.merge) {
            (true, _, _) => Some(Settle::Keep),
            (_, true, _) => Some(Settle::Take),
            (_, _, true) => Some(Settle::Merge),
            (false, false, false) => None,
        }
    }
}

fn document(review: &Review) -> serde_json::Value {
    let behind = |one: &IsBehind| {
        let (merged, conflict) = match &one.merged {
            Some(Merged::Clean(text)) => (Some(text), false),
            Some(Merged::Conflict(text)) => (Some(text), true),
            None => (None, false),
        };
        serde_json::json!({
            "key": one.key, "own": one.own, "base": one.base, "default": one.default, "written_at": one.written_at,
            "moved_at": one.moved_at, "merged": merged, "conflict": conflict,
        })
    };
    serde_json::json!({
        "behind": review.behind.iter().map(behind).collect::<Vec<_>>(),
        "redundant": review.redundant,
    })
}

fn text(review: &Review, is_whole: bool, paint: Paint) -> String {
    if review.behind.is_empty() && review.redundant.is_empty() {
        return "nothing is behind its default".to_owned();
    }
    let show = if is_whole { shown::whole_value } else { shown::value };
    let or_none = |value: Option<&Value>| value.map_or_else(|| "–".to_owned(), show);
    let mut lines = Vec::new();
    for one in &review.behind {
        let key = paint.tone(Tone::Strong, one.key.as_str());
        lines.push(format!("{key}: the default moved on at revision {}", one.moved_at));
        lines.push(format!("  default then  {}", or_none(one.base.as_ref())));
        lines.push(format!("  default now   {}", or_none(one.default.as_ref())));
        lines.push(format!("  set here      {}", show(&one.own)));
        lines.extend(one.merged.as_ref().map(|merged| match merged {
            Merged::Clean(text) if is_whole => format!("  merged        {text}"),
            Merged::Clean(_) => "  --merge puts both changes together".to_owned(),
            Merged::Conflict(_) => "  both changed the same lines: --keep, --take, or set it anew".to_owned(),
        }));
    }
    lines.extend(review.redundant.iter().map(|key| {
        format!("{}: set to what the default is; `unset` lets it follow", paint.tone(Tone::Strong, key.as_str()))
    }));
    lines.join("\n")
}
