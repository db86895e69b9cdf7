//! Tenants are read under sessions of their own: which credentials arrive at the services.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use bytes::Bytes;
use tenantry_core::scope::Scope;
use tenantry_emulators::{Call, Calls, Fault, Proxy, shared};
use tenantry_store::aws::AwsUrl;
use tenantry_store::contract::acts::{Draft, binding, read, read_secret, scope};
use tenantry_store::contract::place::Place;
use tenantry_store::{StoreError, StoreUrl, Stores};

const ROLE: &str = "arn:aws:iam::123456789012:role/tenantry-tenant";

/// A store of two tenants whose scopes are read under sessions, behind proxies of which the second is also STS's.
struct World {
    operator: Stores,
    stores: Stores,
    dynamodb: Proxy,
    others: Proxy,
}

impl World {
    async fn new() -> Self {
        let shared = shared().await;
        let (dynamodb, others) = (Proxy::before(shared.dynamo.url()).await, Proxy::before(shared.moto.url()).await);
        let place = Place::behind(dynamodb.url(), others.url());
        let operator = place.create().await;
        Draft::create_global().set("a", 0).secret(None, &[("f", Some("0"))]).done(&operator).await;
        for id in ["acme", "beta"] {
            Draft::create(id)
                .set("a", 1)
                .secret(None, &[("f", Some(id))])
                .take(&format!("slack:{id}"))
                .done(&operator)
                .await;
        }
        let StoreUrl::Aws(url) = place.url() else { panic!("it is on AWS") };
        let url: AwsUrl = url.with_tenant_role(ROLE).unwrap();
        let stores = Stores::open(&StoreUrl::Aws(url), &place.options).await.unwrap();
        dynamodb.forget_calls();
        others.forget_calls();
        Self { operator, stores, dynamodb, others }
    }

    /// The calls of an operation at Secrets Manager or STS.
    fn others(&self, operation: &str) -> Vec<Call> {
        self.others.calls().into_iter().filter(|call| call.operation() == operation).collect()
    }
}

fn form(call: &Call) -> String {
    String::from_utf8(call.body.to_vec()).unwrap()
}

#[tokio::test]
async fn each_tenant_is_read_under_a_session_that_is_tagged_with_its_id() {
    let world = World::new().await;
    for id in ["acme", "beta"] {
        read(&world.stores, &scope(id)).await;
        read_secret(&world.stores, &scope(id)).await;
    }
    let assumed = world.others("AssumeRole");
    assert_eq!(assumed.len(), 2);
    for (call, id) in assumed.iter().zip(["acme", "beta"]) {
        let form = form(call);
        assert!(form.contains("Tags.member.1.Key=tenant_id"), "{form}");
        assert!(form.contains(&format!("Tags.member.1.Value={id}")) && !form.contains("Tags.member.2"), "{form}");
        assert!(form.contains(&format!("RoleSessionName={id}")), "{form}");
    }
    let queries = world.dynamodb.calls();
    let secrets = world.others("GetSecretValue");
    for at in 0..2 {
        assert!(queries[at].has_session_token && secrets[at].has_session_token);
        assert_eq!(queries[at].access_key, secrets[at].access_key);
        assert_ne!(queries[at].access_key.as_deref(), Some("AKIATEST"));
    }
    assert_ne!(queries[0].access_key, queries[1].access_key, "no credentials read two tenants");
}

#[tokio::test]
async fn the_global_scope_is_read_under_a_tag_that_is_no_tenants() {
    let world = World::new().await;
    read(&world.stores, &Scope::Global).await;
    let assumed = world.others("AssumeRole");
    assert!(form(&assumed[0]).contains("Tags.member.1.Value=global"));
    assert!(world.dynamodb.calls()[0].has_session_token);
}

#[tokio::test]
async fn who_asks_is_told_with_the_callers_own_credentials() {
    let world = World::new().await;
    world.stores.bound(&binding("slack:acme")).await.unwrap().unwrap();
    world.stores.token("unknown").await.unwrap();
    world.stores.revocations(None).await.unwrap();
    assert!(world.dynamodb.calls().iter().all(|call| call.access_key.as_deref() == Some("AKIATEST")));
    assert!(world.others("AssumeRole").is_empty());
}

#[tokio::test]
async fn callers_that_come_together_share_one_session_and_it_is_kept() {
    let world = World::new().await;
    let reads = (0..50).map(|_| {
        let stores = world.stores.clone();
        tokio::spawn(async move { read(&stores, &scope("acme")).await })
    });
    for task in reads.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    read(&world.stores, &scope("acme")).await;
    assert_eq!(world.others("AssumeRole").len(), 1);
}

#[tokio::test]
async fn a_session_that_is_about_to_end_is_not_used_any_more() {
    let world = World::new().await;
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(4);
    let short = Fault::rewrite(move |body| {
        let text = String::from_utf8(body.to_vec()).unwrap();
        let (before, rest) = text.split_once("<Expiration>").unwrap();
        let (_, after) = rest.split_once("</Expiration>").unwrap();
        Bytes::from(format!("{before}<Expiration>{soon:.0}</Expiration>{after}"))
    });
    world.others.on(Calls::to("AssumeRole").once(), short);
    for _ in 0..3 {
        read(&world.stores, &scope("acme")).await;
    }
    assert_eq!(world.others("AssumeRole").len(), 2, "the second one lasts");
}

#[tokio::test]
async fn a_session_that_is_refused_denies_the_tenant_and_is_asked_for_again() {
    let world = World::new().await;
    world.others.on(
        Calls::to("AssumeRole").once(),
        Fault::error(403, "AccessDenied", "not authorized to perform sts:AssumeRole"),
    );
    let error = world.stores.read(&scope("acme")).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied(_)), "{error:?}");
    assert!(world.dynamodb.calls().is_empty(), "nothing is read with other credentials instead");
    read(&world.stores, &scope("acme")).await;
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_told_from_one_that_must_not_be_read() {
    let world = World::new().await;
    Draft::create("bare").set("a", 1).done(&world.operator).await;
    // As IAM answers for what is not there: no tag allows it.
    world.others.on(Calls::to("GetSecretValue"), Fault::error(400, "AccessDeniedException", "not authorized"));
    assert!(world.stores.read_secret(&scope("bare")).await.unwrap().is_none(), "its head names no secret");
    for of in [scope("acme"), Scope::Global, scope("ghost")] {
        let error = world.stores.read_secret(&of).await.unwrap_err();
        assert!(matches!(error, StoreError::Denied(_)), "{of}: {error:?}");
    }
    let by = |call: &Call| call.has_session_token;
    assert!(world.dynamodb.calls().iter().filter(|call| call.operation() == "GetItem").all(by));
    world.others.heal();
    world.others.on(Calls::to("GetSecretValue"), Fault::error(400, "DecryptionFailure", "the key is disabled"));
    assert!(world.stores.read_secret(&scope("bare")).await.is_err(), "another door than IAM's");
}

#[tokio::test]
async fn a_session_that_is_denied_something_is_begun_anew() {
    let world = World::new().await;
    read(&world.stores, &scope("acme")).await;
    let revoked = Fault::error(400, "AccessDeniedException", "an explicit deny in an identity-based policy");
    world.dynamodb.on(Calls::to("Query").once(), revoked);
    assert!(matches!(world.stores.read(&scope("acme")).await, Err(StoreError::Denied(_))));
    read(&world.stores, &scope("acme")).await;
    let keys: Vec<_> = world.dynamodb.calls().iter().map(|call| call.access_key.clone()).collect();
    assert_eq!(keys[0], keys[1], "one session as long as it holds");
    assert_ne!(keys[1], keys[2]);
    assert_eq!(world.others("AssumeRole").len(), 2);
}
