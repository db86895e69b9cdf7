//! Importing bundles: all scopes are decided on first, then written in one go, whole or not at all. A store that takes no
//! more than so much in one go gets it in parts, each of them whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::validate::{Violation, ViolationCode};
use tenantry_store::{BatchError, Binding, ClaimChange, Commit, StoreError};

use super::bundle::{Bundle, BundleTenant, BundleValues};
use super::decide::{Decision, Drafted, MissingConnections, draft};
use super::patience::Patience;
use super::{Context, ScopeState, Service, ServiceError, States};

/// What is wrong with one scope of a bundle.
#[derive(Clone, Debug)]
pub struct ScopeFaults {
    /// The scope.
    pub scope: Scope,
    /// All of its violations.
    pub violations: Vec<Violation>,
}

/// What an import made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The new revision of the global scope, if it was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global: Option<Revision>,
    /// The tenants, in the order of the file.
    pub tenants: Vec<ImportedTenant>,
}

/// What an import made of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedTenant {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Whether it was created.
    pub created: bool,
    /// Whether it got another display name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub renamed: bool,
    /// Its newest revision.
    pub revision: Revision,
    /// How many of its leaves differ from before.
    pub differences: usize,
    /// What it lacks before it can be used: connections that its values need and that are not set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Violation>,
}

/// What is said of a name that another tenant has, which one is not.
const TAKEN: &str = "must be each tenant's own, and another tenant has this one";

/// A scope of a bundle, decided on.
struct Planned {
    before: ScopeState,
    decision: Decision,
    violations: Vec<Violation>,
    lacks: Vec<Violation>,
}

impl Service {
    /// Imports a bundle: what it names is set, what it does not name stays. If anything in it is not valid, nothing is
    /// imported, and all of its faults are told.
    pub async fn import(&self, bundle: &Bundle, context: &Context) -> Result<Imported, ServiceError> {
        let mut patience = Patience::new();
        loop {
            match self.try_import(bundle, context).await {
                Err(error) => patience.wait_after(error).await?,
                Ok(imported) => return Ok(imported),
            }
        }
    }

    /// Tells what an import of the bundle would make, and changes nothing.
    pub async fn check_import(&self, bundle: &Bundle, context: &Context) -> Result<Imported, ServiceError> {
        Ok(self.plan_import(bundle, context).await?.iter().map(Planned::outcome).collect())
    }

    async fn try_import(&self, bundle: &Bundle, context: &Context) -> Result<Imported, ServiceError> {
        let plans = self.plan_import(bundle, context).await?;
        let commits: Vec<_> = plans.iter().filter_map(Planned::commit).cloned().collect();
        let scopes = commits.len();
        let mut done = 0;
        for part in self.parts(commits) {
            let size = part.len();
            let written = self.stores.commit_all(part).await.map_err(refused);
            written.map_err(|error| error.behind(done, scopes))?;
            done += size;
        }
        // Each scope was at the revision that its plan began with, so the plan tells what was made.
        Ok(plans.iter().map(Planned::outcome).collect())
    }

    /// Commits in their order, as many together as the store takes.
    fn parts(&self, commits: Vec<Commit>) -> Vec<Vec<Commit>> {
        let mut parts: Vec<Vec<Commit>> = Vec::new();
        for commit in commits {
            let mut part = parts.pop().unwrap_or_default();
            part.push(commit);
            if part.len() > 1 && !self.stores.fits_together(&part) {
                let next = part.split_off(part.len() - 1);
                parts.push(part);
                part = next;
            }
            parts.push(part);
        }
        parts
    }

    /// Decides on every scope of a bundle, the tenants with the global values that it brings along: the global scope
    /// first, then the tenants in their order.
    async fn plan_import(&self, bundle: &Bundle, context: &Context) -> Result<Vec<Planned>, ServiceError> {
        context.check()?;
        let stored = States { global: self.scope(&Scope::Global).await?, own: None };
        let mut plans = vec![self.decide_on(&stored, &bundle.global, context)];
        let global = plans[0].after().clone();
        for tenant in &bundle.tenants {
            let own = self.scope_or_unborn(tenant).await?;
            let states = States { global: global.clone(), own: Some(own) };
            plans.push(self.decide_on(&states, &tenant.values, context));
        }
        self.check_claims(&mut plans).await?;
        let wrong = plans.iter().filter(|planned| !planned.violations.is_empty());
        let faults: Vec<_> = wrong
            .map(|planned| ScopeFaults { scope: planned.before.scope.clone(), violations: planned.violations.clone() })
            .collect();
        if faults.is_empty() { Ok(plans) } else { Err(ServiceError::InvalidImport(faults)) }
    }

    /// The state of a bundle's tenant, under the name that the bundle gives it.
    async fn scope_or_unborn(&self, tenant: &BundleTenant) -> Result<ScopeState, ServiceError> {
        let name = tenant.display_name.as_deref().map(str::trim);
        match self.scope(&tenant.tenant_id.clone().into()).await {
            Err(ServiceError::UnknownTenant(id)) => Ok(ScopeState::unborn(self, &id, name.unwrap_or(id.as_str()))),
            Ok(found) => {
                let display_name = name.map_or_else(|| found.display_name.clone(), str::to_owned);
                Ok(ScopeState { display_name, ..found })
            }
            Err(other) => Err(other),
        }
    }

    /// Decides on one scope, and tells all that is wrong with it.
    fn decide_on(&self, states: &States, values: &BundleValues, context: &Context) -> Planned {
        let (changes, mut violations) = values.changes(&self.catalog);
        let Drafted { decision, violations: invalid } =
            draft(self, states, &changes, MissingConnections::Accepted, context);
        violations.extend(invalid);
        violations.extend(decision.limits_passed().iter().map(too_large));
        violations.sort_by(|left, right| left.key.cmp(&right.key));
        let lacks = self.lacks(states, &decision);
        Planned { before: states.looked_at().clone(), decision, violations, lacks }
    }

    /// The connections that a scope's values will need and not have, and what its prompts will read without a value.
    fn lacks(&self, states: &States, decision: &Decision) -> Vec<Violation> {
        let after = match decision {
            Decision::NothingToDo => states.clone(),
            Decision::Commit { after, .. } => states.with((**after).clone()),
        };
        let resolved = after.resolve(&self.catalog);
        let mut violations = self.validator.check_links(&resolved);
        violations.extend(self.validator.check_templates(&resolved));
        violations.retain(|violation| {
            matches!(violation.code, ViolationCode::ConnectionMissing | ViolationCode::VariableUnset)
        });
        violations
    }

    /// Finds the names that two tenants of the bundle take, and those that somebody else has who does not give them up
    /// in the same go.
    async fn check_claims(&self, plans: &mut [Planned]) -> Result<(), ServiceError> {
        let mut released = BTreeSet::new();
        let mut takers: BTreeMap<Binding, Vec<usize>> = BTreeMap::new();
        for (at, planned) in plans.iter().enumerate() {
            let Some((tenant, commit)) = planned.before.scope.tenant().zip(planned.commit()) else { continue };
            for claim in &commit.claims {
                match claim {
                    ClaimChange::Take(binding) => takers.entry(binding.clone()).or_default().push(at),
                    ClaimChange::Release(binding) => drop(released.insert((tenant.clone(), binding.clone()))),
                }
            }
        }
        for (binding, takers) in takers {
            let owner = self.stores.bound(&binding).await?;
            let stays = owner.is_some_and(|owner| !released.contains(&(owner, binding.clone())));
            let message = match (&takers[..], stays) {
                (_, true) => TAKEN.to_owned(),
                ([_], false) => continue,
                (_, false) => {
                    format!("must be each tenant's own, and stands in the file for {}", names(plans, &takers))
                }
            };
            for taker in takers {
                let planned = &mut plans[taker];
                let key = planned.key_of(&binding);
                planned.violations.push(Violation::new(key, ViolationCode::Taken, message.clone()));
            }
        }
        Ok(())
    }
}

/// The tenants of some plans, by name: the file has them all, so this tells nothing that its author does not know.
fn names(plans: &[Planned], at: &[usize]) -> String {
    at.iter().map(|at| plans[*at].before.scope.to_string()).collect::<Vec<_>>().join(", ")
}

impl Planned {
    fn commit(&self) -> Option<&Commit> {
        match &self.decision {
            Decision::NothingToDo => None,
            Decision::Commit { commit, .. } => Some(commit),
        }
    }

    /// The state that the plan makes.
    fn after(&self) -> &ScopeState {
        match &self.decision {
            Decision::NothingToDo => &self.before,
            Decision::Commit { after, .. } => after,
        }
    }

    /// The parameter by which the plan takes a name.
    fn key_of(&self, binding: &Binding) -> String {
        let key = match &self.decision {
            Decision::NothingToDo => None,
            Decision::Commit { reserved, .. } => reserved.get(binding),
        };
        key.map_or_else(|| binding.to_string(), Key::to_string)
    }

    fn outcome(&self) -> Outcome {
        let revision = match self.decision {
            Decision::NothingToDo => self.before.revision(),
            Decision::Commit { .. } => self.before.revision().next(),
        };
        let Some(tenant_id) = self.before.scope.tenant().cloned() else {
            return Outcome::Global(self.commit().is_some().then_some(revision));
        };
        Outcome::Tenant(ImportedTenant {
            tenant_id,
            created: self.before.head.is_none(),
            renamed: self.before.is_renamed(),
            revision,
            differences: self.decision.differences(),
            lacks: self.lacks.clone(),
        })
    }
}

/// What a plan makes, or has made, of its scope.
enum Outcome {
    Global(Option<Revision>),
    Tenant(ImportedTenant),
}

impl FromIterator<Outcome> for Imported {
    fn from_iter<T: IntoIterator<Item = Outcome>>(outcomes: T) -> Self {
        let mut imported = Self::default();
        for outcome in outcomes {
            match outcome {
                Outcome::Global(revision) => imported.global = revision,
                Outcome::Tenant(tenant) => imported.tenants.push(tenant),
            }
        }
        imported
    }
}

/// What no store takes in one go, as what is wrong with the scope.
fn too_large(error: &StoreError) -> Violation {
    let key = match error {
        StoreError::TooLarge { what, .. } if Key::parse(what).is_ok() => what.as_str(),
        _ => "values",
    };
    Violation::new(key, ViolationCode::TooLarge, error.to_string())
}

/// The refusal of commits that belong together, with the scope if one of them was at fault.
fn refused(refused: BatchError) -> ServiceError {
    match refused {
        BatchError { scope: Some(scope), error: error @ StoreError::TooLarge { .. } } => {
            ServiceError::InvalidImport(vec![ScopeFaults { scope, violations: vec![too_large(&error)] }])
        }
        // Somebody took it after the plan was made.
        BatchError { scope: Some(scope), error: StoreError::Taken(binding) } => {
            let violation = Violation::new(binding, ViolationCode::Taken, TAKEN);
            ServiceError::InvalidImport(vec![ScopeFaults { scope, violations: vec![violation] }])
        }
        BatchError { scope: Some(scope), error } => ServiceError::of_commit(error, &scope, None),
        BatchError { scope: None, error } => ServiceError::Store(error),
    }
}
