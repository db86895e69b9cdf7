//! Writes to the emulators as other programs do, without any code of the product.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use tenantry_emulators::shared;
use tenantry_store::contract::place::Place;

/// Bare clients of both services.
pub(crate) struct Raw {
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) secrets_manager: aws_sdk_secretsmanager::Client,
    name: String,
}

impl Raw {
    pub(crate) async fn of(place: &Place) -> Self {
        let shared = shared().await;
        let credentials = || Credentials::new("AKIAOTHER", "secret", None, None, "test");
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials())
            .http_client(http_client())
            .endpoint_url(shared.dynamo.url())
            .build();
        let secrets_manager = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials())
            .http_client(http_client())
            .endpoint_url(shared.moto.url())
            .build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb),
            secrets_manager: aws_sdk_secretsmanager::Client::from_conf(secrets_manager),
            name: place.name.clone(),
        }
    }

    pub(crate) fn table(&self) -> String {
        format!("{}-TenantConfiguration", self.name)
    }

    pub(crate) fn secret(&self, tenant: &str) -> String {
        format!("{}/tenant/{tenant}", self.name)
    }

    /// Puts an item of the four attributes that everybody knows.
    pub(crate) async fn put(&self, tenant: &str, key: &str, value: AttributeValue) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = self.dynamodb.put_item().table_name(self.table());
        let put = put.item("tenant_id", text(tenant)).item("config_key", text(key)).item("config_value", value);
        put.item("description", text("by hand")).send().await.unwrap();
    }

    pub(crate) async fn delete(&self, tenant: &str, key: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let delete = self.dynamodb.delete_item().table_name(self.table());
        delete.key("tenant_id", text(tenant)).key("config_key", text(key)).send().await.unwrap();
    }

    /// An attribute of an item.
    pub(crate) async fn attribute(&self, tenant: &str, key: &str, name: &str) -> Option<AttributeValue> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let get = self.dynamodb.get_item().table_name(self.table());
        let answer = get.key("tenant_id", text(tenant)).key("config_key", text(key)).send().await.unwrap();
        answer.item?.remove(name)
    }

    /// Sets an attribute of an item.
    pub(crate) async fn set(&self, tenant: &str, key: &str, name: &str, value: AttributeValue) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update = self.dynamodb.update_item().table_name(self.table());
        let update = update.key("tenant_id", text(tenant)).key("config_key", text(key));
        let update = update.update_expression("SET #n = :v").expression_attribute_names("#n", name);
        update.expression_attribute_values(":v", value).send().await.unwrap();
    }

    /// Makes a tenant's secret.
    pub(crate) async fn create_secret(&self, tenant: &str, json: &str) {
        let create = self.secrets_manager.create_secret().name(self.secret(tenant)).secret_string(json);
        create.send().await.unwrap();
    }

    /// Puts another version of a tenant's secret in force. In two steps, because moto forgets to take the label from a
    /// version to which it was moved before.
    pub(crate) async fn rotate(&self, tenant: &str, json: &str) {
        let (client, name) = (&self.secrets_manager, self.secret(tenant));
        let current = client.get_secret_value().secret_id(&name).version_stage("AWSCURRENT").send().await.unwrap();
        let put = client.put_secret_value().secret_id(&name).secret_string(json).version_stages("MINE");
        let made = put.send().await.unwrap().version_id.unwrap();
        let update = client.update_secret_version_stage().secret_id(&name).version_stage("AWSCURRENT");
        let update = update.set_remove_from_version_id(current.version_id).move_to_version_id(made);
        update.send().await.unwrap();
    }
}

fn http_client() -> aws_sdk_dynamodb::config::SharedHttpClient {
    use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
