//! Looking over what is stored: is each tenant's configuration valid and complete?

use tenantry_core::assemble::Oddity;
use tenantry_core::scope::Scope;
use tenantry_core::usable::Fault;
use tenantry_core::validate::{Violation, ViolationCode};

use super::{Service, ServiceError};

/// What was found in one scope.
#[derive(Clone, Debug)]
pub struct ScopeReport {
    /// The scope.
    pub scope: Scope,
    /// What is wrong or lacking in its effective configuration.
    pub violations: Vec<Violation>,
    /// What is stored in it in the place of a parameter, cannot be used, and is not among the violations: what a store
    /// could not read, for one. Nobody is served with it.
    pub unusable: Vec<Fault>,
    /// What else is stored in it but is no part of the configuration.
    pub oddities: Vec<Oddity>,
}

/// How a scope's configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All is well.
    Valid,
    /// Valid, but something is lacking or left over: a connection that is not set yet, a value that a prompt reads, an
    /// unknown parameter.
    Incomplete,
    /// Something is wrong.
    Invalid,
}

impl ScopeReport {
    /// How the configuration is, all in all.
    pub fn verdict(&self) -> Verdict {
        let lacking = |violation: &Violation| {
            matches!(
                violation.code,
                ViolationCode::ConnectionMissing
                    | ViolationCode::ConnectionIncomplete { .. }
                    | ViolationCode::VariableUnset
            )
        };
        if !self.unusable.is_empty() || self.violations.iter().any(|violation| !lacking(violation)) {
            Verdict::Invalid
        } else if self.violations.is_empty() && self.oddities.is_empty() {
            Verdict::Valid
        } else {
            Verdict::Incomplete
        }
    }
}

impl Service {
    /// Validates what is stored of a scope, merged with the tiers below it.
    pub async fn validate(&self, scope: &Scope) -> Result<ScopeReport, ServiceError> {
        let states = self.states(scope).await?;
        let violations = self.validator.check(&states.resolve(&self.catalog));
        let state = states.looked_at();
        let is_told = |fault: &Fault| violations.iter().any(|violation| violation.key == fault.key.as_str());
        let unusable = state.faults(&self.validator).into_iter().filter(|fault| !is_told(fault)).collect();
        let oddities = state.oddities().cloned().collect();
        Ok(ScopeReport { scope: scope.clone(), violations, unusable, oddities })
    }

    /// Validates the global scope and every tenant's. What is wrong with the global scope is told of it alone.
    pub async fn validate_all(&self) -> Result<Vec<ScopeReport>, ServiceError> {
        let global = self.validate(&Scope::Global).await?;
        let mut reports = vec![global.clone()];
        for tenant in self.tenant_ids().await? {
            let mut report = match self.validate(&tenant.into()).await {
                // Deleted since it was listed.
                Err(ServiceError::UnknownTenant(_)) => continue,
                found => found?,
            };
            report.violations.retain(|violation| {
                !global.violations.contains(violation) || violation.code == ViolationCode::ConnectionMissing
            });
            reports.push(report);
        }
        Ok(reports)
    }
}
