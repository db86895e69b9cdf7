//! Stores on the emulators of AWS, each with tables and secrets of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(dead_code, reason = "each test program uses a part of it")]

use tenantry_core::secret::SecretText;
use tenantry_emulators::shared;
use tenantry_store::aws::AwsOptions;
use tenantry_store::{OpenOptions, StoreUrl, Stores};

/// Where a store is, and how it is reached.
#[derive(Clone, Debug)]
pub struct Place {
    /// Names an environment and a prefix that no other test has.
    pub name: String,
    /// The endpoints.
    pub options: OpenOptions,
}

impl Place {
    /// A place of its own behind these endpoints; STS is where Secrets Manager is.
    pub fn behind(dynamodb: &str, secrets_manager: &str) -> Self {
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let aws = AwsOptions {
            dynamodb_url: Some(dynamodb.to_owned()),
            secrets_manager_url: Some(secrets_manager.to_owned()),
            sts_url: Some(secrets_manager.to_owned()),
            region: Some("eu-central-1".to_owned()),
            access_key: Some(("AKIATEST".to_owned(), SecretText::new("secret".to_owned()))),
        };
        let options = OpenOptions { aws, ..OpenOptions::default() };
        Self { name: format!("t{:016x}", u64::from_le_bytes(random)), options }
    }

    /// A place of its own on the shared emulators.
    pub async fn shared() -> Self {
        let shared = shared().await;
        Self::behind(shared.dynamo.url(), shared.moto.url())
    }

    /// The store's URL.
    pub fn url(&self) -> StoreUrl {
        StoreUrl::parse(&format!("aws:?environment={0}&table_prefix={0}-", self.name)).unwrap()
    }

    /// Makes the store.
    pub async fn create(&self) -> Stores {
        Stores::create(&self.url(), &self.options).await.unwrap().0
    }

    /// The same place through other endpoints.
    pub fn through(&self, dynamodb: &str, secrets_manager: &str) -> Self {
        Self { name: self.name.clone(), options: Self::behind(dynamodb, secrets_manager).options }
    }

    /// Opens the store that is there.
    pub async fn open(&self) -> Stores {
        Stores::open(&self.url(), &self.options).await.unwrap()
    }
}
