//! Planning a change of the operator's defaults: what it does to every tenant, before it is made; and making exactly what was
//! planned.
//!
//! A plan reads each tenant's outline: of its values those that bear on the change, and of its secret the names of the fields.
//! Its hash covers the change, the catalog, and the revision of every scope that was looked at: whoever applies the plan gives
//! the hash, and is refused if anything moved since.

mod effect;
mod relevance;

use std::sync::Arc;

use serde::Serialize;
use tenantry_core::change::{ChangeSet, Difference};
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::SecretText;
use tenantry_core::validate::Violation;
use tenantry_core::value::Value;
use tenantry_store::{Outline, OutlineRequest, Page, PageRequest, TenantStatus};

use self::effect::Effects;
use super::decide::{Decision, MissingConnections, decide};
use super::{Changed, Context, Service, ServiceError};

/// What a change of the defaults does to one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantEffect {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Whether it is served now.
    pub status: TenantStatus,
    /// How what it gets will differ.
    pub changes: Arc<[Difference]>,
    /// What it does not notice, because it sets something of its own there.
    pub overridden: Vec<tenantry_core::key::Key>,
    /// What will be wrong with its configuration that is not now.
    pub findings: Vec<Violation>,
}

/// What a change of the defaults does, all in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Stands for all that was looked at: to be given when the plan is applied.
    pub hash: String,
    /// The revision of the defaults that was looked at.
    pub revision: Revision,
    /// How the defaults will differ.
    pub changes: Vec<Difference>,
    /// How many tenants there are.
    pub counts: PlanCounts,
}

/// How many tenants a change concerns, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PlanCounts {
    /// All tenants.
    pub tenants: u64,
    /// Those that get something else.
    pub changed: u64,
    /// Those that set something of their own in each place, and so notice nothing.
    pub overridden: u64,
    /// Those whose configuration would be wrong in a way that it is not now.
    pub broken: u64,
}

/// A plan in the making: a page of tenants at a time.
pub struct Planning {
    service: Service,
    effects: Effects,
    hasher: blake3::Hasher,
    request: Option<OutlineRequest>,
    plan: Plan,
}

impl Service {
    /// Begins to plan a change of the defaults. What is wrong with the defaults themselves is refused at once.
    pub async fn plan(&self, changes: &ChangeSet, context: &Context) -> Result<Planning, ServiceError> {
        let states = self.states(&Scope::Global).await?;
        let decision = decide(self, &states, changes, MissingConnections::Refused, context)?;
        let before = states.looked_at().clone();
        let after = match &decision {
            Decision::NothingToDo => before.clone(),
            Decision::Commit { after, .. } => (**after).clone(),
        };
        let differences = match decision {
            Decision::NothingToDo => Vec::new(),
            Decision::Commit { differences, .. } => differences,
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"tenantry plan 1\n").update(self.catalog.schema().to_string().as_bytes());
        hasher.update(fingerprint(changes).as_bytes());
        note(&mut hasher, "#global", before.revision(), TenantStatus::Active);
        // What was changed by hand has no other revision.
        let own = serde_json::to_vec(before.entries()).expect("entries are JSON");
        hasher.update(&own);
        let revision = before.revision();
        let effects = Effects::new(self, before.assembled.layer, after.assembled.layer, &differences);
        let request = OutlineRequest { page: PageRequest::first(PageRequest::LARGEST), wanted: effects.wanted() };
        let plan = Plan { hash: String::new(), revision, changes: differences, counts: PlanCounts::default() };
        Ok(Planning { service: self.clone(), effects, hasher, request: Some(request), plan })
    }

    /// Makes a change of the defaults that was planned, if nothing moved since. One that would break a tenant is refused
    /// unless that is meant.
    pub async fn apply(
        &self,
        changes: &ChangeSet,
        hash: &str,
        despite_findings: bool,
        context: &Context,
    ) -> Result<Changed, ServiceError> {
        let mut planning = self.plan(changes, context).await?;
        while planning.next().await?.is_some() {}
        let plan = planning.finish();
        if plan.hash != hash {
            return Err(ServiceError::PlanStale { current: plan.hash });
        }
        if plan.counts.broken > 0 && !despite_findings {
            return Err(ServiceError::PlanBreaks { tenants: plan.counts.broken });
        }
        self.change(&Scope::Global, changes, Some(plan.revision), context).await
    }
}

impl Planning {
    /// What the change does to the next tenants, in the order of their ids; none when all were looked at.
    pub async fn next(&mut self) -> Result<Option<Vec<TenantEffect>>, ServiceError> {
        let Some(mut request) = self.request.take() else { return Ok(None) };
        let Page { items, next } = self.service.stores.outlines(&request).await?;
        let mut effects = Vec::with_capacity(items.len());
        for outline in items {
            note(&mut self.hasher, outline.tenant.tenant_id.as_str(), outline.tenant.revision, outline.tenant.status);
            note_items(&mut self.hasher, &outline);
            let effect = self.effects.on(&self.service, outline);
            self.plan.counts.add(&effect, self.plan.changes.is_empty());
            effects.push(effect);
        }
        self.request = next.map(|cursor| {
            request.page = request.page.behind(cursor);
            request
        });
        Ok(Some(effects))
    }

    /// How many tenants were looked at so far, and how they are concerned.
    pub fn counts(&self) -> PlanCounts {
        self.plan.counts
    }

    /// The plan, once all tenants were looked at.
    pub fn finish(self) -> Plan {
        Plan { hash: self.hasher.finalize().to_hex()[..32].to_owned(), ..self.plan }
    }
}

impl PlanCounts {
    fn add(&mut self, effect: &TenantEffect, is_empty: bool) {
        self.tenants += 1;
        self.changed += u64::from(!effect.changes.is_empty());
        self.overridden += u64::from(!is_empty && effect.changes.is_empty() && !effect.overridden.is_empty());
        self.broken += u64::from(!effect.findings.is_empty());
    }
}

/// Adds a scope as it was looked at. No id has a line break in it.
fn note(hasher: &mut blake3::Hasher, scope: &str, revision: Revision, status: TenantStatus) {
    hasher.update(format!("{scope} {revision} {status}\n").as_bytes());
}

/// Adds what was read of a tenant: what was changed by hand has no other revision.
fn note_items(hasher: &mut blake3::Hasher, outline: &Outline) {
    for item in &outline.items {
        hasher.update(item.key.as_str().as_bytes()).update(b"=").update(item.value.to_json().as_bytes()).update(b"\n");
    }
    for field in &outline.secret_fields {
        hasher.update(b"#").update(field.as_bytes()).update(b"\n");
    }
}

/// The change as a text. Texts of credentials are in it by their hash.
fn fingerprint(changes: &ChangeSet) -> String {
    let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "unset".to_owned(), Value::to_json);
    let secret = |text: &Option<SecretText>| {
        text.as_ref()
            .map_or_else(|| "unset".to_owned(), |text| blake3::hash(text.expose().as_bytes()).to_hex().to_string())
    };
    let values = changes.values.iter().map(|(key, new)| format!("{key}={}\n", value(new)));
    let secrets = changes.secrets.iter().map(|(key, new)| format!("{key}#{}\n", secret(new)));
    values.chain(secrets).collect()
}
