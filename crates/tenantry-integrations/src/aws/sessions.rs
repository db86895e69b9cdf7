//! Sessions of the tenant role: each tenant's things are reached with credentials that can touch nothing of any other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_sts::types::{Credentials as Given, Tag};
use tenantry_core::scope::TenantId;
use tokio::sync::OnceCell;

use super::clients::{Clients, attempt};
use super::{AwsOptions, failed};
use crate::call::{CallError, malformed};

/// The session tag that says for which tenant a session is; the policies of the role compare it.
const TENANT_TAG: &str = "tenant_id";
/// Credentials are not used any more this long before they expire.
const MARGIN: Duration = Duration::from_mins(5);
/// The most sessions that are kept.
const MOST_SESSIONS: usize = 10_000;
/// The shortest name of a session.
const SHORTEST_NAME: usize = 2;

/// The role under which tenants' things are reached.
pub(super) struct Role {
    arn: String,
    sts: aws_sdk_sts::Client,
    open: Mutex<HashMap<TenantId, Arc<OnceCell<Session>>>>,
}

struct Session {
    clients: Clients,
    /// When the clients' credentials must not be used any more.
    ends: SystemTime,
}

impl Role {
    pub(super) fn new(arn: &str, config: &SdkConfig, options: &AwsOptions) -> Self {
        let mut sts = aws_sdk_sts::config::Builder::from(config);
        if let Some(url) = &options.sts_url {
            sts = sts.endpoint_url(url);
        }
        Self { arn: arn.to_owned(), sts: aws_sdk_sts::Client::from_conf(sts.build()), open: Mutex::default() }
    }

    /// The clients of a tenant's session, which begins with the first call.
    pub(super) async fn clients(
        &self,
        tenant: &TenantId,
        config: &SdkConfig,
        options: &AwsOptions,
    ) -> Result<Clients, CallError> {
        let slot = self.slot(tenant, SystemTime::now());
        let session = slot.get_or_try_init(|| self.begin(tenant, config, options)).await?;
        Ok(session.clients.clone())
    }

    /// Where the session of a tenant is, or will be: callers that come together wait for one call.
    fn slot(&self, tenant: &TenantId, now: SystemTime) -> Arc<OnceCell<Session>> {
        // Nothing that holds the lock can panic half way.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |slot: &Arc<OnceCell<Session>>| slot.get().is_some_and(|session| session.ends <= now);
        if open.get(tenant).is_some_and(over) {
            open.remove(tenant);
        }
        if open.len() >= MOST_SESSIONS && !open.contains_key(tenant) {
            open.retain(|_, slot| !over(slot));
            if open.len() >= MOST_SESSIONS {
                open.clear();
            }
        }
        open.entry(tenant.clone()).or_default().clone()
    }

    async fn begin(&self, tenant: &TenantId, config: &SdkConfig, options: &AwsOptions) -> Result<Session, CallError> {
        let tag = Tag::builder().key(TENANT_TAG).value(tenant.as_str()).build();
        let tag = tag.map_err(|_| malformed("a session tag lacks a part"))?;
        let name = format!("{:-<SHORTEST_NAME$}", tenant.as_str());
        let call = self.sts.assume_role().role_arn(&self.arn).role_session_name(name).tags(tag);
        let answer = call.send().await.map_err(|error| failed(&error, attempt(options)))?;
        let given = answer.credentials.ok_or_else(|| malformed("STS answered no credentials"))?;
        let (credentials, expires) = credentials(&given)?;
        let provider = SharedCredentialsProvider::new(credentials);
        let config = config.to_builder().credentials_provider(provider).build();
        let ends = expires.checked_sub(MARGIN).unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Session { clients: Clients::new(&config, options), ends })
    }
}

fn credentials(given: &Given) -> Result<(Credentials, SystemTime), CallError> {
    let expires =
        SystemTime::try_from(*given.expiration()).map_err(|_| malformed("STS answered a time that is none"))?;
    let token = Some(given.session_token().to_owned());
    let (id, secret) = (given.access_key_id(), given.secret_access_key());
    Ok((Credentials::new(id, secret, token, Some(expires), "tenantry session of a tenant"), expires))
}
