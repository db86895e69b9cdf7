//! Builds the clients of AWS's services: time limits, retries, and where the services are.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use tenantry_core::secret::SecretText;

use crate::error::StoreError;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(1);
/// How long one try of a call may take. The loader's own limit is shorter, and ends a call by dropping it.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How often a call is tried in all. The SDK tries less and less often while most of the tries fail.
const ATTEMPTS: u32 = 3;
/// The pause before the second try, at the most.
const BACKOFF: Duration = Duration::from_millis(40);

/// What is said of AWS beyond its own variables and files; what is not said here is taken from these.
#[derive(Clone, Debug, Default)]
pub struct AwsOptions {
    /// Where DynamoDB is.
    pub dynamodb_url: Option<String>,
    /// Where Secrets Manager is.
    pub secrets_manager_url: Option<String>,
    /// Where STS is.
    pub sts_url: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// How long one try of a call may take. Default: 5 s.
    pub attempt: Option<Duration>,
    /// An access key's id and its secret.
    pub access_key: Option<(String, SecretText)>,
}

/// Where the services are, if not where AWS says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoints {
    dynamodb: Option<String>,
    secrets_manager: Option<String>,
    sts: Option<String>,
}

impl Endpoints {
    pub(crate) fn of(options: &AwsOptions) -> Self {
        Self {
            dynamodb: options.dynamodb_url.clone(),
            secrets_manager: options.secrets_manager_url.clone(),
            sts: options.sts_url.clone(),
        }
    }

    pub(crate) fn dynamodb_client(&self, config: &SdkConfig) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(config);
        aws_sdk_dynamodb::Client::from_conf(match &self.dynamodb {
            Some(url) => config.endpoint_url(url).build(),
            None => config.build(),
        })
    }

    pub(crate) fn secrets_manager_client(&self, config: &SdkConfig) -> aws_sdk_secretsmanager::Client {
        let config = aws_sdk_secretsmanager::config::Builder::from(config);
        aws_sdk_secretsmanager::Client::from_conf(match &self.secrets_manager {
            Some(url) => config.endpoint_url(url).build(),
            None => config.build(),
        })
    }

    pub(crate) fn sts_client(&self, config: &SdkConfig) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::config::Builder::from(config);
        aws_sdk_sts::Client::from_conf(match &self.sts {
            Some(url) => config.endpoint_url(url).build(),
            None => config.build(),
        })
    }
}

/// Reads what AWS's variables and files say, and what the options say beyond them.
pub(crate) async fn config(options: &AwsOptions) -> Result<SdkConfig, StoreError> {
    let region = region(options).await?;
    let tls = Provider::Rustls(CryptoMode::Ring);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(options.attempt.unwrap_or(ATTEMPT))
        .build();
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACKOFF);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(region)
        .http_client(Builder::new().tls_provider(tls).build_https())
        .timeout_config(timeouts)
        .retry_config(retries);
    if let Some((id, secret)) = &options.access_key {
        loader = loader.credentials_provider(Credentials::new(id, secret.expose(), None, None, "tenantry options"));
    }
    Ok(loader.load().await)
}

/// The region that the options, AWS's variables or its files name. The machine's metadata service is not asked, as the SDK
/// would: where there is none, that takes seconds.
async fn region(options: &AwsOptions) -> Result<Region, StoreError> {
    let chain = RegionProviderChain::first_try(options.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::builder().build());
    let unknown = "no AWS region is known: set AWS_REGION, or a region in the profile that AWS_PROFILE names";
    chain.region().await.ok_or_else(|| StoreError::CannotOpen(unknown.to_owned()))
}
