//! The log is searched by tenant, key and time.

use serde_json::{Value, json};
use tenantry_admin::access::Role;

use crate::support::key;
use crate::world::{Answered, World};

async fn search(world: &World, query: &str) -> Answered {
    world.as_role(None, Role::Operator, "GET", &format!("/v1/audit{query}")).await.send().await
}

fn items(answer: &Answered) -> &Vec<Value> {
    answer.body["items"].as_array().unwrap_or_else(|| panic!("{answer:?}"))
}

#[tokio::test]
async fn the_operator_searches_the_log_of_one_tenant_though_it_be_erased() {
    let world = World::new().await;
    let suspended = world.as_role(None, Role::Operator, "POST", "/v1/tenants/beta/suspend").await.send().await;
    let erased = world.as_role(None, Role::Operator, "DELETE", "/v1/tenants/beta").await;
    assert_eq!(erased.with("if-match", &suspended.tag()).send().await.status, 204);
    let gone = world.as_role(None, Role::Operator, "GET", "/v1/tenants/beta/audit").await.send().await;
    assert_eq!(gone.status, 404);

    let found = search(&world, "?tenant=beta").await;
    let actions: Vec<_> = items(&found).iter().map(|entry| entry["action"].clone()).collect();
    assert!(items(&found).iter().all(|entry| entry["scope"] == "beta"), "{found:?}");
    assert_eq!((&actions[0], actions.last()), (&json!("delete"), Some(&json!("create"))), "{found:?}");
    let first = search(&world, "?tenant=beta&limit=1").await;
    let next = first.body["next"].as_str().unwrap();
    let second = search(&world, &format!("?tenant=beta&limit=1&cursor={next}")).await;
    assert_eq!(items(&second)[0]["action"], actions[1]);
    assert_eq!(search(&world, &format!("?limit=1&cursor={next}")).await.code(), (400, "cursor_invalid"));

    let lines = search(&world, "/export?tenant=beta").await.text;
    assert_eq!(lines.lines().count(), actions.len(), "{lines}");
    assert_eq!(items(&search(&world, "?tenant=nobody").await).len(), 0);
    let odd = search(&world, "?tenant=Beta").await;
    assert_eq!(odd.code(), (400, "query_invalid"));
    assert!(odd.body["detail"].as_str().unwrap().starts_with("tenant: "), "{odd:?}");
    let own = world.as_admin("acme", "GET", "/v1/tenants/acme/audit?tenant=acme").await.send().await;
    assert_eq!(own.code(), (400, "query_invalid"), "a company's log is its own alone");
}

#[tokio::test]
async fn a_key_is_searched_for_in_either_spelling_and_though_the_catalog_has_it_no_more() {
    let world = World::new().await;
    for spelling in ["persona.name", "persona_name", "persona"] {
        assert_eq!(items(&search(&world, &format!("?key={spelling}")).await).len(), 2, "{spelling}");
    }
    for path in ["?key=persona.nmae", "/export?key=persona.nmae", "?key=persona_nmae"] {
        let unknown = search(&world, path).await;
        assert_eq!(unknown.code(), (400, "query_invalid"), "{path}");
        assert!(unknown.body["detail"].as_str().unwrap().contains("nearest: persona.name"), "{unknown:?}");
    }
    assert_eq!(search(&world, "?key=na%20me").await.code(), (400, "query_invalid"));

    // The catalog of the version before had a parameter more.
    let older = crate::support::SCHEMA.replace(r#""limit": {"#, r#""motto": {"type": "string"}, "limit": {"#);
    let before = crate::support::service(world.acme.service.stores().clone(), &older).await;
    let changes = tenantry_core::change::ChangeSet::default().set(key("motto"), "Fresh".into());
    before.change(&world.acme.scope, &changes, None, &crate::support::context()).await.unwrap();
    assert_eq!(items(&search(&world, "?key=motto").await).len(), 1);
}

#[tokio::test]
async fn an_override_that_was_kept_is_found_by_its_key() {
    let world = World::new().await;
    world.patch(None, &json!({"persona.name": "The new default"})).await;
    let path = "/v1/tenants/acme/behind/persona.name";
    let keep = world.as_admin("acme", "POST", path).await.with("if-match", "*").json(&json!({"action": "keep"}));
    assert_eq!(keep.send().await.status, 200);
    for spelling in ["persona.name", "persona"] {
        let path = format!("/v1/tenants/acme/audit?key={spelling}");
        let found = world.as_admin("acme", "GET", &path).await.send().await;
        let detail = items(&found)[0]["detail"].as_str().unwrap();
        assert!(detail.starts_with("kept persona.name beside"), "{found:?}");
    }
    let other = world.as_admin("acme", "GET", "/v1/tenants/acme/audit?key=persona.warmth").await.send().await;
    assert_eq!(items(&other).len(), 0);
}

#[tokio::test]
async fn a_moment_is_a_time_or_a_date() {
    let world = World::new().await;
    // What the world began with was made at noon of 2026-11-23.
    let query = |query: &str| format!("?tenant=beta&action=create&{query}");
    for (asked, count) in [
        ("since=2026-11-23", 1),
        ("since=2026-11-24", 0),
        ("until=2026-11-23", 0),
        ("until=2026-11-24", 1),
        ("since=2026-11-23T13:00:00%2B01:00", 1),
        ("since=2026-11-23T12:00:01Z", 0),
    ] {
        assert_eq!(items(&search(&world, &query(asked)).await).len(), count, "{asked}");
    }
    for odd in ["yesterday", "2026-11-31", "2026-11-23T13:00:00+01:00", ""] {
        let refused = search(&world, &query(&format!("since={odd}"))).await;
        assert_eq!(refused.code(), (400, "query_invalid"), "{odd}");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("since: expected a time such as 2026-11-27T10:00:00Z"), "{detail}");
        assert!(detail.contains("found \"") && detail.contains("%2B"), "{detail}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_told_in_the_words_of_the_api() {
    let world = World::new().await;
    for (query, told) in [
        ("?limit=x", "limit: expected a whole number from 1 to 1000, found \"x\""),
        ("?limit=1001", "limit: expected a whole number from 1 to 1000, found \"1001\""),
        ("?action=explode", "action: expected one of create, change, "),
        ("?limitt=1", "there is no parameter limitt in the query: expected one of "),
        ("?limit=1&limit=2", "limit stands in the query twice"),
    ] {
        let refused = search(&world, query).await;
        assert_eq!(refused.code(), (400, "query_invalid"), "{query}");
        assert!(refused.body["detail"].as_str().unwrap().starts_with(told), "{refused:?}");
    }
    for (path, told) in [
        ("/v1/tenants/acme/overrides?x=1", "there is no parameter x in the query: there are none here"),
        ("/v1/tenants/acme/configuration?explain=1", "explain: expected true or false, found \"1\""),
        ("/v1/tenants/acme/revisions/1/diff?since=x", "since: expected the whole number of a revision, found \"x\""),
    ] {
        let refused = world.as_admin("acme", "GET", path).await.send().await;
        assert_eq!((refused.code(), refused.body["detail"].as_str().unwrap()), ((400, "query_invalid"), told));
    }
}
