//! `tenantry plan`: what a change of the defaults would do to every tenant, and making it.

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use tenantry_admin::service::{Plan as Planned, PlanCounts, TenantEffect};
use tenantry_core::change::{ChangeSet, Difference};
use tenantry_core::key::Key;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::validate::Violation;

use super::set::{changes, keys, show_changed};
use crate::exit::{Exit, Trouble};
use crate::output::{Output, Paint, Tone};
use crate::session::Session;
use crate::shown;

/// Tell what a change of the defaults would do to every tenant
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is changed without --apply. Each tenant gets the new default, or does not notice because
it sets its own; connections and routes that would break, and prompts that would read what is not
set any more, are told by tenant. The exit code is 4 if any tenant would be left with a
configuration that is wrong.

--apply makes the change if nothing moved while it was planned.

Examples:
  tenantry plan ai.default.model gpt-4.1
  tenantry plan --unset prompts.greeting --unset routing.routes.greeting
  tenantry plan persona.language en --apply --reason 'most companies want it'")]
pub(crate) struct Plan {
    /// A key, and its new default or `-`; more pairs may follow
    #[arg(value_names = ["KEY", "VALUE"], num_args = 0.., allow_negative_numbers = true)]
    words: Vec<String>,
    /// A default that is taken away
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Make the change
    #[arg(long)]
    apply: bool,
    /// Make it although it leaves tenants with a configuration that is wrong
    #[arg(long, requires = "apply")]
    despite_findings: bool,
}

/// A plan with all its tenants.
#[derive(Serialize)]
struct Document<'a> {
    hash: &'a str,
    revision: tenantry_core::layer::Revision,
    changes: &'a [Difference],
    counts: PlanCounts,
    tenants: Vec<Concerned<'a>>,
}

#[derive(Serialize)]
struct Concerned<'a> {
    tenant_id: &'a TenantId,
    changes: &'a [Difference],
    overridden: &'a [Key],
    findings: &'a [Violation],
}

impl Plan {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<Exit> {
        if session.global.scope_if_any()?.is_some_and(|scope| scope != Scope::Global) {
            let trouble = Trouble::usage("a plan is of the operator's defaults, which are nobody's own");
            return Err(trouble.help("leave -t out; `tenantry -t ID set` changes one tenant").into());
        }
        let wanted = self.wanted(session)?;
        let mut planning = session.service.plan(&wanted, &session.context()).await?;
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let mut effects = Vec::new();
        while let Some(page) = planning.next().await? {
            bar.inc(page.len() as u64);
            effects.extend(page);
        }
        bar.finish_and_clear();
        let plan = planning.finish();
        if self.apply {
            let changed = session.service.apply(&wanted, &plan.hash, self.despite_findings, &session.context()).await?;
            show_changed(session, &Scope::Global, &changed)?;
            return Ok(Exit::Done);
        }
        session.output.show(&document(&plan, &effects), |output| text(&plan, &effects, output))?;
        Ok(if plan.counts.broken > 0 { Exit::Invalid } else { Exit::Done })
    }

    fn wanted(&self, session: &Session) -> anyhow::Result<ChangeSet> {
        if self.words.is_empty() && self.unset.is_empty() {
            return Err(Trouble::usage("it is not said what would change").help("KEY VALUE, or --unset KEY").into());
        }
        let mut wanted = changes(session.catalog(), &self.words, None)?;
        for key in keys(session.catalog(), &self.unset)? {
            wanted = match session.catalog().secret_field(&key) {
                Some(_) => wanted.unset_secret(key),
                None => wanted.unset(key),
            };
        }
        Ok(wanted)
    }
}

fn document<'a>(plan: &'a Planned, effects: &'a [TenantEffect]) -> Document<'a> {
    let tenant = |effect: &'a TenantEffect| Concerned {
        tenant_id: &effect.tenant_id,
        changes: &effect.changes,
        overridden: &effect.overridden,
        findings: &effect.findings,
    };
    Document {
        hash: &plan.hash,
        revision: plan.revision,
        changes: &plan.changes,
        counts: plan.counts,
        tenants: effects.iter().map(tenant).collect(),
    }
}

fn text(plan: &Planned, effects: &[TenantEffect], output: &Output) -> String {
    let paint = output.paint();
    if plan.changes.is_empty() {
        return "nothing would change: all is so already".to_owned();
    }
    let mut lines = vec![format!("the defaults, revision {} → {}", plan.revision, plan.revision.next())];
    lines.extend(plan.changes.iter().map(|difference| format!("  {}", shown::difference(difference, paint))));
    let PlanCounts { tenants, changed, overridden, broken } = plan.counts;
    lines.push(format!(
        "of {tenants} tenants {changed} get something else, {overridden} set their own and do not notice"
    ));
    if broken > 0 {
        let told = format!("{broken} would be left with a configuration that is wrong:");
        lines.push(paint.tone(Tone::Bad, &told));
        lines.extend(effects.iter().flat_map(|effect| findings(effect, paint)));
    }
    lines.push("nothing was changed; --apply makes the change".to_owned());
    lines.join("\n")
}

fn findings(effect: &TenantEffect, paint: Paint) -> Vec<String> {
    let tenant = paint.tone(Tone::Strong, effect.tenant_id.as_str());
    effect.findings.iter().map(|finding| format!("  {tenant}: {finding}")).collect()
}
