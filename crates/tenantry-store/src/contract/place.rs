//! Places for stores on what stands in for AWS: tables and secrets that no other test has.

use std::time::Duration;

use tenantry_core::secret::SecretText;

use crate::aws::AwsOptions;
use crate::{OpenOptions, StoreUrl, Stores, random};

/// Where a store is, and how it is reached.
#[derive(Clone, Debug)]
pub struct Place {
    /// The environment; with a hyphen behind it, the prefix of the tables.
    pub name: String,
    /// The endpoints.
    pub options: OpenOptions,
}

impl Place {
    /// A place of its own behind these endpoints; STS is where Secrets Manager is.
    pub fn behind(dynamodb: &str, secrets_manager: &str) -> Self {
        let name = format!("t{}", &random::name()[..16]);
        Self { name, options: options(dynamodb, secrets_manager) }
    }

    /// The same place through other endpoints.
    #[must_use]
    pub fn through(&self, dynamodb: &str, secrets_manager: &str) -> Self {
        Self { name: self.name.clone(), options: options(dynamodb, secrets_manager) }
    }

    /// The same place, where a call may take as long as it takes.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.options.aws.attempt = Some(Duration::from_mins(5));
        self
    }

    pub fn url(&self) -> StoreUrl {
        StoreUrl::parse(&format!("aws:?environment={0}&table_prefix={0}-", self.name)).unwrap()
    }

    /// Makes the store.
    pub async fn create(&self) -> Stores {
        Stores::create(&self.url(), &self.options).await.unwrap().0
    }

    /// Opens the store that is there.
    pub async fn open(&self) -> Stores {
        Stores::open(&self.url(), &self.options).await.unwrap()
    }
}

fn options(dynamodb: &str, secrets_manager: &str) -> OpenOptions {
    let aws = AwsOptions {
        dynamodb_url: Some(dynamodb.to_owned()),
        secrets_manager_url: Some(secrets_manager.to_owned()),
        sts_url: Some(secrets_manager.to_owned()),
        region: Some("eu-central-1".to_owned()),
        attempt: None,
        access_key: Some(("AKIATEST".to_owned(), SecretText::new("secret".to_owned()))),
    };
    OpenOptions { aws, ..OpenOptions::default() }
}
