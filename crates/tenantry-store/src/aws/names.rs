//! The names of tables and secrets.

use std::fmt;

use tenantry_core::scope::{Environment, Scope};

use crate::error::StoreError;

/// Where a store on AWS is: `aws:`, with options behind a question mark.
///
/// | option | what | default |
/// |---|---|---|
/// | `environment` | the outermost prefix of the secrets' names | `production` |
/// | `table_prefix` | what the names of both tables begin with | nothing |
/// | `tenant_role` | the ARN of the role under which tenants are read, each under a session tagged with its id | the caller's own credentials |
///
/// Region, credentials and endpoints come from AWS's own variables and files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsUrl {
    environment: Environment,
    table_prefix: String,
    tenant_role: Option<String>,
}

/// The longest prefix: the names of tables end at 255 characters.
const LONGEST_PREFIX: usize = 200;

impl AwsUrl {
    /// A store of an environment, with a prefix for its tables; tenants are read with the caller's own credentials.
    pub fn new(environment: Environment, table_prefix: &str) -> Result<Self, StoreError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if table_prefix.len() > LONGEST_PREFIX || !table_prefix.chars().all(fits) {
            return Err(StoreError::CannotOpen(format!(
                "table_prefix: expected at most {LONGEST_PREFIX} of A-Z, a-z, 0-9, '_', '-' and '.'"
            )));
        }
        Ok(Self { environment, table_prefix: table_prefix.to_owned(), tenant_role: None })
    }

    /// The same store, whose tenants are read under sessions of a role.
    pub fn with_tenant_role(self, arn: &str) -> Result<Self, StoreError> {
        let parts: Vec<_> = arn.split(':').collect();
        let graphic = arn.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'&' | b'%'));
        if !graphic || !matches!(parts[..], ["arn", _, "iam", "", _, role] if role.starts_with("role/")) {
            let told = "tenant_role: expected the ARN of a role, such as arn:aws:iam::123456789012:role/tenant";
            return Err(StoreError::CannotOpen(told.to_owned()));
        }
        Ok(Self { tenant_role: Some(arn.to_owned()), ..self })
    }

    /// Reads what stands behind `aws:`.
    pub(crate) fn parse(options: &str) -> Result<Self, StoreError> {
        let (mut environment, mut table_prefix, mut tenant_role) = (None, None, None);
        let query = match options {
            "" => "",
            other => other.strip_prefix('?').ok_or_else(|| misspelt("options follow a question mark"))?,
        };
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').ok_or_else(|| misspelt("an option is written NAME=VALUE"))?;
            let place = match name {
                "environment" => &mut environment,
                "table_prefix" => &mut table_prefix,
                "tenant_role" => &mut tenant_role,
                _ => return Err(misspelt("the options are environment, table_prefix and tenant_role")),
            };
            if place.replace(value).is_some() {
                return Err(misspelt("an option is given once"));
            }
        }
        let environment = Environment::parse(environment.unwrap_or("production"));
        let environment = environment.map_err(|error| StoreError::CannotOpen(error.to_string()))?;
        let url = Self::new(environment, table_prefix.unwrap_or_default())?;
        tenant_role.map_or(Ok(url.clone()), |arn| url.with_tenant_role(arn))
    }

    /// The environment.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// What the names of both tables begin with.
    pub fn table_prefix(&self) -> &str {
        &self.table_prefix
    }

    /// The role under which tenants are read.
    pub fn tenant_role(&self) -> Option<&str> {
        self.tenant_role.as_deref()
    }
}

/// What is wrong, and how it is written. Nothing of what was given is shown: it may be a secret in the wrong place.
fn misspelt(wrong: &str) -> StoreError {
    StoreError::CannotOpen(format!("{wrong}: write aws:?environment=production&table_prefix=PREFIX"))
}

impl fmt::Display for AwsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aws:?environment={}", self.environment)?;
        if !self.table_prefix.is_empty() {
            write!(f, "&table_prefix={}", self.table_prefix)?;
        }
        if let Some(role) = &self.tenant_role {
            write!(f, "&tenant_role={role}")?;
        }
        Ok(())
    }
}

/// The names that a store uses.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// The table of parameters.
    pub(crate) configuration: String,
    /// The table of the log.
    pub(crate) log: String,
    /// The environment.
    pub(crate) environment: Environment,
}

impl Names {
    pub(crate) fn of(url: &AwsUrl) -> Self {
        Self {
            configuration: format!("{}TenantConfiguration", url.table_prefix),
            log: format!("{}TenantConfigurationLog", url.table_prefix),
            environment: url.environment.clone(),
        }
    }

    /// The secret of a scope.
    pub(crate) fn secret(&self, scope: &Scope) -> String {
        match scope {
            Scope::Global => format!("{}/global", self.environment),
            Scope::Tenant(tenant) => format!("{}/tenant/{tenant}", self.environment),
        }
    }

    /// The secret with the master key.
    pub(crate) fn keys(&self) -> String {
        format!("{}/keys", self.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_reads_back_what_it_writes() {
        for options in [
            "?environment=production",
            "?environment=staging&table_prefix=Acme_",
            "?environment=production&tenant_role=arn:aws:iam::123456789012:role/path/tenant",
        ] {
            assert_eq!(AwsUrl::parse(options).unwrap().to_string(), format!("aws:{options}"));
        }
        assert_eq!(AwsUrl::parse("").unwrap(), AwsUrl::parse("?environment=production").unwrap());
    }

    #[test]
    fn what_is_misspelt_is_refused_with_the_way_to_write_it_and_not_shown() {
        for (options, told) in [
            ("CANARY", "question mark"),
            ("?CANARY", "NAME=VALUE"),
            ("?CANARY=CANARY", "the options are"),
            ("?environment=a&environment=CANARY", "given once"),
            ("?environment=CANARY/", "no environment"),
            ("?table_prefix=CANARY/", "table_prefix: expected"),
            ("?tenant_role=CANARY", "tenant_role: expected"),
            ("?tenant_role=arn:aws:iam::1:user/CANARY", "tenant_role: expected"),
        ] {
            let error = AwsUrl::parse(options).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains("CANARY") || told == "no environment", "{error}");
        }
    }

    #[test]
    fn names_begin_with_the_environment_or_the_prefix() {
        let names = Names::of(&AwsUrl::parse("?environment=staging&table_prefix=x-").unwrap());
        assert_eq!(
            (names.configuration.as_str(), names.log.as_str()),
            ("x-TenantConfiguration", "x-TenantConfigurationLog")
        );
        assert_eq!(names.secret(&Scope::parse("acme").unwrap()), "staging/tenant/acme");
        assert_eq!(names.secret(&Scope::Global), "staging/global");
        assert_eq!(names.keys(), "staging/keys");
    }
}
