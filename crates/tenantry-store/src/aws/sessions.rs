//! Sessions of the tenant role: each tenant is read with credentials that can read nothing of any other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_sts::types::{Credentials as SessionCredentials, Tag};
use tenantry_core::scope::Scope;
use tokio::sync::OnceCell;

use super::clients::Endpoints;
use super::failure::{Service, failed};
use crate::error::StoreError;
use crate::policy::tag_of;

/// Credentials are not used any more this long before they expire.
const MARGIN: Duration = Duration::from_mins(5);
/// The most sessions that are kept.
const MOST_SESSIONS: usize = 10_000;
/// The shortest name of a session.
const SHORTEST_NAME: usize = 2;

/// The clients that read scopes.
pub(crate) struct Sessions {
    config: SdkConfig,
    endpoints: Endpoints,
    base: Clients,
    role: Option<Role>,
}

/// The role under which tenants are read.
struct Role {
    arn: String,
    sts: aws_sdk_sts::Client,
    open: Mutex<HashMap<Scope, Arc<OnceCell<Session>>>>,
}

/// The clients of one session.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) secrets_manager: aws_sdk_secretsmanager::Client,
}

#[derive(Clone)]
struct Session {
    clients: Clients,
    /// When the clients' credentials must not be used any more.
    ends: SystemTime,
}

impl Sessions {
    pub(crate) fn new(config: SdkConfig, endpoints: Endpoints, role: Option<&str>) -> Self {
        let base = Clients::new(&config, &endpoints);
        let role =
            role.map(|arn| Role { arn: arn.to_owned(), sts: endpoints.sts_client(&config), open: Mutex::default() });
        Self { config, endpoints, base, role }
    }

    /// The caller's own clients.
    pub(crate) fn base(&self) -> &Clients {
        &self.base
    }

    /// The client that reads a scope's parameters.
    pub(crate) async fn dynamodb(&self, scope: &Scope) -> Result<aws_sdk_dynamodb::Client, StoreError> {
        Ok(self.clients(scope).await?.dynamodb)
    }

    /// The client that reads a scope's secret.
    pub(crate) async fn secrets_manager(&self, scope: &Scope) -> Result<aws_sdk_secretsmanager::Client, StoreError> {
        Ok(self.clients(scope).await?.secrets_manager)
    }

    async fn clients(&self, scope: &Scope) -> Result<Clients, StoreError> {
        let Some(role) = &self.role else { return Ok(self.base.clone()) };
        let session = role.slot(scope, SystemTime::now());
        let session = session.get_or_try_init(|| self.begin(role, scope)).await?;
        Ok(session.clients.clone())
    }

    /// What was read of a scope under its session. A session that is denied something is begun anew for the next call: it may
    /// have been revoked, and would be denied until it expires.
    pub(crate) fn judged<T>(&self, scope: &Scope, read: Result<T, StoreError>) -> Result<T, StoreError> {
        if let (Some(role), Err(StoreError::Denied(_))) = (&self.role, &read) {
            role.open().remove(scope);
        }
        read
    }

    async fn begin(&self, role: &Role, scope: &Scope) -> Result<Session, StoreError> {
        let tag = tag_of(scope);
        let tenant = Tag::builder().key("tenant_id").value(tag).build();
        let tenant = tenant.map_err(|error| StoreError::Unavailable(error.into()))?;
        let answer = role
            .sts
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(session_name(tag))
            .tags(tenant)
            .send()
            .await
            .map_err(|error| failed(Service::Sts, &error))?;
        let given = answer.credentials.ok_or_else(|| StoreError::Unavailable("STS answered no credentials".into()))?;
        let (credentials, expires) = credentials(&given)?;
        let provider = SharedCredentialsProvider::new(credentials);
        let config = self.config.to_builder().credentials_provider(provider).build();
        let clients = Clients::new(&config, &self.endpoints);
        Ok(Session { clients, ends: expires.checked_sub(MARGIN).unwrap_or(SystemTime::UNIX_EPOCH) })
    }
}

impl Role {
    /// Where the session of a scope is, or will be: callers that come together wait for one AssumeRole.
    fn slot(&self, scope: &Scope, now: SystemTime) -> Arc<OnceCell<Session>> {
        let mut open = self.open();
        let over = |slot: &Arc<OnceCell<Session>>| slot.get().is_some_and(|session| session.ends <= now);
        if open.get(scope).is_some_and(over) {
            open.remove(scope);
        }
        if open.len() >= MOST_SESSIONS && !open.contains_key(scope) {
            open.retain(|_, slot| !over(slot));
            if open.len() >= MOST_SESSIONS {
                // Any of them, but not all: each that goes is begun anew when it is needed.
                let mut number = 0;
                open.retain(|_, _| {
                    number += 1;
                    number % 8 != 0
                });
            }
        }
        open.entry(scope.clone()).or_default().clone()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Scope, Arc<OnceCell<Session>>>> {
        // Nothing that holds the lock can panic half way.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clients {
    fn new(config: &SdkConfig, endpoints: &Endpoints) -> Self {
        Self { dynamodb: endpoints.dynamodb_client(config), secrets_manager: endpoints.secrets_manager_client(config) }
    }
}

/// The name under which the session stands in the account's trail: the tag, which is at most 63 characters long.
fn session_name(tag: &str) -> String {
    format!("{tag:-<SHORTEST_NAME$}")
}

fn credentials(given: &SessionCredentials) -> Result<(Credentials, SystemTime), StoreError> {
    let expires = SystemTime::try_from(*given.expiration())
        .map_err(|error| StoreError::Unavailable(format!("STS answered a time that is none: {error}").into()))?;
    let token = Some(given.session_token().to_owned());
    let credentials = Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        token,
        Some(expires),
        "tenantry session of a tenant",
    );
    Ok((credentials, expires))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenantry_core::scope::{RESERVED_TENANT_IDS, TenantId};

    #[test]
    fn the_tag_of_the_global_scope_is_no_tenants() {
        assert!(RESERVED_TENANT_IDS.contains(&tag_of(&Scope::Global)));
    }

    #[test]
    fn a_sessions_name_is_one_that_sts_takes() {
        let longest = "x".repeat(63);
        for id in ["a", "acme", &longest] {
            let scope = Scope::Tenant(TenantId::parse(id).unwrap());
            let name = session_name(tag_of(&scope));
            assert!((2..=64).contains(&name.len()) && name.starts_with(id), "{name}");
        }
    }
}
