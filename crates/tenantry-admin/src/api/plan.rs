//! Changes of the operator's defaults, planned before they are made.

use http::{HeaderMap, HeaderValue, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry_core::change::Difference;
use tenantry_core::json::Nullable;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::TenantId;
use tenantry_store::TenantStatus;

use super::overrides::{ChangedShown, answer};
use super::problems::Finding;
use crate::answer::{Answer, Media, Raw};
use crate::asked::body::Wanted;
use crate::asked::{Asked, Json, Nothing, Patch};
use crate::error::Refused;
use crate::service::{Plan, PlanCounts, Planning, TenantEffect};

/// The most tenants that the answer lists; the stream lists all.
const MOST_LISTED: usize = 1000;

/// What a change of the defaults would do.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Plan")]
pub(crate) struct PlanShown {
    #[serde(flatten)]
    summary: PlanSummary,
    /// The tenants whose configuration would be wrong, then the others; a thousand at the most.
    tenants: Vec<EffectShown>,
}

/// A plan without its tenants.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlanSummary {
    /// Stands for all that was looked at: to be given to apply.
    hash: String,
    /// The revision of the defaults that was looked at.
    revision: Revision,
    /// How the defaults will differ.
    changes: Vec<Difference>,
    /// How many tenants it concerns, and how.
    counts: PlanCounts,
}

impl From<Plan> for PlanSummary {
    fn from(plan: Plan) -> Self {
        Self { hash: plan.hash, revision: plan.revision, changes: plan.changes, counts: plan.counts }
    }
}

/// What a change of the defaults would do to one tenant.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "TenantEffect")]
pub(crate) struct EffectShown {
    /// The tenant.
    tenant_id: TenantId,
    /// Whether it is served now.
    status: TenantStatus,
    /// How what it gets will differ.
    changes: Vec<Difference>,
    /// What it does not notice, because it sets something of its own there.
    overridden: Vec<Key>,
    /// What will be wrong that is not now.
    findings: Vec<Finding>,
}

impl From<TenantEffect> for EffectShown {
    fn from(effect: TenantEffect) -> Self {
        Self {
            tenant_id: effect.tenant_id,
            status: effect.status,
            changes: effect.changes.to_vec(),
            overridden: effect.overridden,
            findings: effect.findings.iter().map(Finding::from).collect(),
        }
    }
}

/// One line of a streamed plan: a tenant, how far it is, or at last the plan itself.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlanLine {
    /// What becomes of a tenant.
    Tenant(EffectShown),
    /// How many tenants were looked at so far.
    Progress(PlanCounts),
    /// The plan: the last line. A stream without it broke off.
    Plan(PlanSummary),
}

/// A plan, a line at a time.
pub(crate) struct PlanLines;

impl Media for PlanLines {
    const MEDIA: &'static str = "application/x-ndjson";
    type Part = PlanLine;
}

/// What is to be made of a plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToApply {
    /// The same change that was planned, as a merge patch.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    values: Nullable,
    /// The plan's hash.
    hash: String,
    /// Whether to make it although it leaves tenants with a configuration that is wrong.
    #[serde(default)]
    despite_findings: bool,
}

/// Plans a change.
pub(crate) async fn plan(asked: Asked<Nothing, Patch>) -> Result<Answer<PlanShown>, Refused> {
    let mut planning = begin(&asked).await?;
    let (mut broken, mut others) = (Vec::new(), Vec::new());
    while let Some(effects) = planning.next().await? {
        for effect in effects {
            let list = if effect.findings.is_empty() { &mut others } else { &mut broken };
            if list.len() < MOST_LISTED {
                list.push(EffectShown::from(effect));
            }
        }
    }
    broken.append(&mut others);
    broken.truncate(MOST_LISTED);
    Ok(Answer::new(PlanShown { summary: planning.finish().into(), tenants: broken }))
}

async fn begin(asked: &Asked<Nothing, Patch>) -> Result<Planning, Refused> {
    let service = &asked.api.service;
    let wanted = asked.body.change(service.catalog())?;
    service.plan(wanted.changes(), &asked.context()).await.map_err(|error| wanted.refused(error))
}

/// Plans a change, and tells of each tenant as soon as it was looked at.
pub(crate) async fn stream(asked: Asked<Nothing, Patch>) -> Result<Raw<PlanLines>, Refused> {
    let planning = begin(&asked).await?;
    let lines = futures::stream::unfold(Some(planning), |planning| async {
        let mut planning = planning?;
        match planning.next().await {
            Ok(Some(effects)) => Some((Ok(page(effects, &planning)), Some(planning))),
            Ok(None) => Some((Ok(line(&PlanLine::Plan(planning.finish().into()))), None)),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a plan broke off");
                Some((Err(std::io::Error::other("the tenants cannot be read on")), None))
            }
        }
    });
    let headers = HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"))]);
    Ok(Raw::stream(headers, lines))
}

fn page(effects: Vec<TenantEffect>, planning: &Planning) -> String {
    let lines: String = effects.into_iter().map(|effect| line(&PlanLine::Tenant(effect.into()))).collect();
    lines + &line(&PlanLine::Progress(planning.counts()))
}

fn line(line: &PlanLine) -> String {
    serde_json::to_string(line).expect("a line of a plan is JSON") + "\n"
}

/// Makes the change that was planned.
pub(crate) async fn apply(asked: Asked<Nothing, Json<ToApply>>) -> Result<Answer<ChangedShown>, Refused> {
    let (service, Json(to_apply)) = (&asked.api.service, &asked.body);
    let wanted = Wanted::read(service.catalog(), &to_apply.values, "/values")?;
    let (hash, despite) = (&to_apply.hash, to_apply.despite_findings);
    let changed = service.apply(wanted.changes(), hash, despite, &asked.context()).await;
    answer(&asked, changed.map_err(|error| wanted.refused(error))?).await
}
