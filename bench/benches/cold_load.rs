//! Loading a tenant that is not cached from DynamoDB and Secrets Manager, beside the two bare calls that it is made of. Both
//! services are emulators on this machine: what counts is the difference, which is ours, and not what they take.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use tenantry::Loader;
use tenantry_bench::rounds::{Effort, Side, in_turns, with_criterion};
use tenantry_bench::table::{Table, Target};
use tenantry_bench::tenant_file::{SECRETS, creation};
use tenantry_bench::workload::{OVERRIDES, Settings, tenant};
use tenantry_core::scope::TenantId;
use tenantry_emulators::shared;
use tenantry_store::contract::place::Place;
use tokio::runtime::Runtime;

/// So many tenants are loaded in turns.
const TENANTS: usize = 20;

fn main() {
    let effort = Effort::of_environment();
    let runtime = Runtime::new().expect("a runtime starts");
    let emulators = runtime.block_on(shared());
    let place = Place::behind(emulators.dynamo.url(), emulators.moto.url());
    let stores = runtime.block_on(place.create());
    for number in 0..TENANTS {
        runtime.block_on(stores.commit(creation(number))).expect("it is new");
    }
    let loader = Loader::<Settings>::builder(&stores).build().expect("the settings are a catalog");
    let bare = Bare::at(&place, emulators.dynamo.url(), emulators.moto.url());

    let mut next = 0;
    let mut prepare = || {
        next = (next + 1) % TENANTS;
        let tenant = tenant(next);
        loader.purge(&tenant);
        tenant
    };
    let mut sides = [
        Side::timed("load", 1, |tenant: &TenantId| {
            timed(|| {
                runtime.block_on(loader.load(tenant)).expect("it is there");
            })
        }),
        Side::timed("Query and GetSecretValue side by side", 1, |tenant: &TenantId| {
            timed(|| runtime.block_on(bare.both(tenant)))
        }),
        Side::timed("GetSecretValue alone", 1, |tenant: &TenantId| timed(|| runtime.block_on(bare.secret(tenant)))),
        Side::timed("Query alone", 1, |tenant: &TenantId| timed(|| runtime.block_on(bare.query(tenant)))),
    ];
    let figures = in_turns(effort.choose(50, 1_000), &mut prepare, &mut sides);
    let mut table = Table::new("cold load from AWS's emulators");
    for other in figures.others() {
        table.compare("10 parameters and 3 secrets", &figures, other, Target::None);
    }
    let ours = (figures.median(0) - figures.median(1)) / 1e6;
    println!("load takes {ours:.2} ms more than the two calls side by side; target: at most 1 ms");
    with_criterion("cold load", &mut prepare, &mut sides);
    table.finish();
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The two calls without any code of the product.
struct Bare {
    dynamodb: aws_sdk_dynamodb::Client,
    secrets_manager: aws_sdk_secretsmanager::Client,
    name: String,
}

impl Bare {
    fn at(place: &Place, dynamodb: &str, secrets_manager: &str) -> Self {
        let credentials = || Credentials::new("AKIABARE", "secret", None, None, "benchmark");
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials())
            .http_client(http_client())
            .endpoint_url(dynamodb);
        let secrets_manager = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials())
            .http_client(http_client())
            .endpoint_url(secrets_manager);
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            secrets_manager: aws_sdk_secretsmanager::Client::from_conf(secrets_manager.build()),
            name: place.name.clone(),
        }
    }

    async fn both(&self, tenant: &TenantId) {
        tokio::join!(self.query(tenant), self.secret(tenant));
    }

    async fn query(&self, tenant: &TenantId) {
        let query = self
            .dynamodb
            .query()
            .table_name(format!("{}-TenantConfiguration", self.name))
            .consistent_read(true)
            .key_condition_expression("tenant_id = :t")
            .expression_attribute_values(":t", AttributeValue::S(tenant.to_string()));
        let items = query.send().await.expect("the emulator answers").items.unwrap_or_default();
        // And the head.
        assert_eq!(items.len(), OVERRIDES + 1);
    }

    async fn secret(&self, tenant: &TenantId) {
        let name = format!("{}/tenant/{tenant}", self.name);
        let answer = self.secrets_manager.get_secret_value().secret_id(name).version_stage("AWSCURRENT").send().await;
        let text = answer.expect("the emulator answers").secret_string.expect("it is a text");
        assert!(text.len() > SECRETS.len());
    }
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
