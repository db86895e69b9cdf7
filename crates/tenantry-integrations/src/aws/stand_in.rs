//! What stands in for AWS in tests, behind a proxy that can break it.

use std::time::Duration;

use tenantry_core::scope::TenantId;
use tenantry_core::secret::SecretText;
use tenantry_emulators::{Proxy, shared};

use super::{Aws, AwsOptions, unique};

/// The secret of the access key: it must be seen nowhere.
pub(crate) const SECRET: &str = "CANARY-aws-secret-4f1c";

/// AWS with tables by dynoxide and the rest by moto, each behind a proxy.
pub(crate) struct StandIn {
    pub(crate) aws: Aws,
    pub(crate) dynamo: Proxy,
    pub(crate) moto: Proxy,
}

/// With the caller's own credentials, or in sessions of a role.
pub(crate) async fn stand_in(tenant_role: Option<&str>) -> StandIn {
    let dynamo = Proxy::before(shared().await.dynamo.url()).await;
    let moto = Proxy::before(shared().await.moto.url()).await;
    let options = AwsOptions {
        tenant_role: tenant_role.map(str::to_owned),
        dynamodb_url: Some(dynamo.url().to_owned()),
        s3_url: Some(moto.url().to_owned()),
        sts_url: Some(moto.url().to_owned()),
        region: Some("eu-central-1".to_owned()),
        attempt: Some(Duration::from_secs(30)),
        access_key: Some(("AKIATEST".to_owned(), SecretText::new(SECRET.to_owned()))),
    };
    StandIn { aws: Aws::open(options).await.unwrap(), dynamo, moto }
}

pub(crate) fn tenant(id: &str) -> TenantId {
    TenantId::parse(id).unwrap()
}

/// A name for a bucket or a prefix that no other test has.
pub(crate) fn name() -> String {
    format!("t{}", &unique()[..16])
}
