//! Builds the clients: time limits, retries, and where the services are.

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

use super::AwsOptions;
use crate::call::CallError;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(1);
/// How long one try of a call may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How often a call is tried in all.
const ATTEMPTS: u32 = 3;
/// The pause before the second try, at the most.
const BACKOFF: Duration = Duration::from_millis(40);

/// The clients of one set of credentials.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) s3: aws_sdk_s3::Client,
}

impl Clients {
    pub(super) fn new(config: &SdkConfig, options: &AwsOptions) -> Self {
        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(config);
        if let Some(url) = &options.dynamodb_url {
            dynamodb = dynamodb.endpoint_url(url);
        }
        let mut s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(has_own_s3(config, options));
        if let Some(url) = &options.s3_url {
            s3 = s3.endpoint_url(url);
        }
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
        }
    }
}

/// Whether S3 is not where AWS says. Another one has no name for each bucket, so that buckets stand in the path.
fn has_own_s3(config: &SdkConfig, options: &AwsOptions) -> bool {
    let by_variable = || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some_and(|url| !url.is_empty());
    options.s3_url.is_some() || config.endpoint_url().is_some() || by_variable()
}

/// How long one try of a call may take.
pub(super) fn attempt(options: &AwsOptions) -> Duration {
    options.attempt.unwrap_or(ATTEMPT)
}

/// Reads what AWS's variables and files say, and what the options say beyond them.
pub(super) async fn config(options: &AwsOptions) -> Result<SdkConfig, CallError> {
    let region = region(options).await?;
    let tls = Provider::Rustls(CryptoMode::Ring);
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(attempt(options)).build();
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

/// The region that the options, AWS's variables or its files name. The machine's metadata service is not asked: where
/// there is none, that takes seconds.
async fn region(options: &AwsOptions) -> Result<Region, CallError> {
    let chain = RegionProviderChain::first_try(options.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::builder().build());
    let reason = "no AWS region is known: set AWS_REGION, or a region in the profile that AWS_PROFILE names";
    chain.region().await.ok_or_else(|| CallError::Unreachable { reason: reason.to_owned() })
}
