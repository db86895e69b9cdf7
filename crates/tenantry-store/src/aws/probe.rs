//! Tries under one scope's session whether another scope can be read. Nothing that is read is kept, and no secret is read.

use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::types::AttributeValue;
use tenantry_core::scope::Scope;

use super::clients::{self, Endpoints};
use super::failure::{Service, failed, is_access_denied};
use super::names::{AwsUrl, Names};
use super::sessions::Sessions;
use crate::dynamodb::partition_of;
use crate::error::StoreError;
use crate::secrets_manager::CURRENT;
use crate::url::OpenOptions;

/// The id of a version that no secret has. IAM answers before Secrets Manager looks for the version.
const NO_VERSION: &str = "TENANTRY-PROBE-OF-NO-VERSION-AT-ALL";
/// The codes by which Secrets Manager says, to somebody who may read the secret, that there is none to be read.
const NOTHING_THERE: [&str; 3] = ["ResourceNotFoundException", "InvalidRequestException", "InvalidParameterException"];

/// What came of a try.
#[derive(Debug)]
pub enum Reach {
    /// The call was let through, whether or not there was something to read.
    Allowed,
    /// The service knew who asked, and said no.
    Refused,
    /// Neither: the session could not be begun, or the service did not answer.
    Failed(StoreError),
}

/// Tries to read what a store on AWS keeps.
pub struct Probe {
    names: Names,
    sessions: Sessions,
}

impl Probe {
    /// Makes the clients; nothing is called yet. A store without a tenant role has no sessions to try.
    pub async fn open(url: &AwsUrl, options: &OpenOptions) -> Result<Self, StoreError> {
        let role = url.tenant_role().ok_or_else(|| {
            let told = "the store's URL names no role under which tenants are read: add tenant_role=ARN to it";
            StoreError::CannotOpen(told.to_owned())
        })?;
        let config = clients::config(&options.aws).await?;
        let sessions = Sessions::new(config, Endpoints::of(&options.aws), Some(role));
        Ok(Self { names: Names::of(url), sessions })
    }

    /// Tries under the session of one scope to read the head of another.
    pub async fn parameters(&self, session: &Scope, of: &Scope) -> Reach {
        let client = match self.sessions.dynamodb(session).await {
            Ok(client) => client,
            Err(error) => return Reach::Failed(error),
        };
        let get = client.get_item().table_name(&self.names.configuration);
        let get = get.key("tenant_id", text(partition_of(of))).key("config_key", text("#head"));
        // The keys are enough to know that the call was let through.
        match get.projection_expression("config_key").send().await {
            Ok(_) => Reach::Allowed,
            Err(error) => refused(Service::DynamoDb, &error),
        }
    }

    /// Tries under the session of one scope to read the secret of another: a version of it that there is not.
    pub async fn secret(&self, session: &Scope, of: &Scope) -> Reach {
        let client = match self.sessions.secrets_manager(session).await {
            Ok(client) => client,
            Err(error) => return Reach::Failed(error),
        };
        let get = client.get_secret_value().secret_id(self.names.secret(of));
        let get = get.version_id(NO_VERSION).version_stage(CURRENT);
        match get.send().await {
            Ok(_) => Reach::Allowed,
            Err(error) if error.code().is_some_and(|code| NOTHING_THERE.contains(&code)) => Reach::Allowed,
            Err(error) => refused(Service::SecretsManager, &error),
        }
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Tells a refusal from a failure. Credentials that are not valid any more are a failure: they show nothing of the policies.
fn refused<E, R>(service: Service, error: &SdkError<E, R>) -> Reach
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: Debug,
    SdkError<E, R>: RequestId,
{
    let error = failed(service, error);
    if is_access_denied(&error) { Reach::Refused } else { Reach::Failed(error) }
}
