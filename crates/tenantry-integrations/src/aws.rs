//! Clients of AWS's services: where they are, time limits, retries, and sessions that can touch one tenant's things alone.
//!
//! Endpoints, region and credentials are the platform's: of a tenant come names of buckets and tables, and nothing else.
//! Where a role is named, what is a tenant's is reached in a session of that role with the tag `tenant_id`, so that IAM
//! refuses what the program might get wrong.

mod clients;
mod failure;
mod sessions;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use ring::rand::{SecureRandom, SystemRandom};
use tenantry_core::scope::TenantId;
use tenantry_core::secret::SecretText;

use self::clients::Clients;
pub(crate) use self::failure::{code, failed, status};
use self::sessions::Role;
use crate::call::CallError;

/// What is said of AWS beyond its own variables and files; what is not said here is taken from these.
#[derive(Clone, Debug, Default)]
pub struct AwsOptions {
    /// The ARN of the role under which tenants' things are reached; without it, the caller's own credentials reach them.
    pub tenant_role: Option<String>,
    /// Where DynamoDB is.
    pub dynamodb_url: Option<String>,
    /// Where S3 is.
    pub s3_url: Option<String>,
    /// Where STS is.
    pub sts_url: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// How long one try of a call may take. Default: 5 s.
    pub attempt: Option<Duration>,
    /// An access key's id and its secret.
    pub access_key: Option<(String, SecretText)>,
}

/// The way to AWS; a clone shares connections and sessions.
#[derive(Clone)]
pub struct Aws(Arc<Inner>);

struct Inner {
    config: SdkConfig,
    options: AwsOptions,
    base: Clients,
    role: Option<Role>,
}

impl Aws {
    /// Reads what AWS's variables and files say; no call is made.
    pub async fn open(options: AwsOptions) -> Result<Self, CallError> {
        let config = clients::config(&options).await?;
        let base = Clients::new(&config, &options);
        let role = options.tenant_role.as_deref().map(|arn| Role::new(arn, &config, &options));
        Ok(Self(Arc::new(Inner { config, options, base, role })))
    }

    /// The region that it calls.
    pub fn region(&self) -> &str {
        self.0.config.region().map_or("", AsRef::as_ref)
    }

    /// What AWS's variables and files say.
    pub(crate) fn config(&self) -> &SdkConfig {
        &self.0.config
    }

    /// Clients with the caller's own credentials, for what is the operator's to do.
    pub(crate) fn own(&self) -> &Clients {
        &self.0.base
    }

    /// Clients that can touch this tenant's things alone, where there is a role for that.
    pub(crate) async fn of(&self, tenant: &TenantId) -> Result<Clients, CallError> {
        let Some(role) = &self.0.role else { return Ok(self.0.base.clone()) };
        role.clients(tenant, &self.0.config, &self.0.options).await
    }

    /// How long one try of a call may take.
    pub(crate) fn attempt(&self) -> Duration {
        clients::attempt(&self.0.options)
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("region", &self.region()).finish_non_exhaustive()
    }
}

/// A name that nothing else has: 128 random bits.
pub fn unique() -> String {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).expect("the operating system has random bytes");
    format!("{:032x}", u128::from_be_bytes(bytes))
}
