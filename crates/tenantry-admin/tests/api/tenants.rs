//! Tenants as the operator creates, changes and erases them.

use serde_json::json;
use tenantry_admin::access::Role;

use crate::world::World;

async fn operator<'a>(world: &'a World, method: &str, path: &str) -> crate::world::Asking<'a> {
    world.as_role(None, Role::Operator, method, path).await
}

#[tokio::test]
async fn a_company_is_created_renamed_suspended_and_erased() {
    let world = World::new().await;
    let new = json!({"tenant_id": "gamma", "display_name": "Gamma Ltd"});
    let created = operator(&world, "POST", "/v1/tenants").await.json(&new).send().await;
    assert_eq!((created.status, created.headers["location"].to_str().unwrap()), (201, "/v1/tenants/gamma"));
    assert_eq!(created.body["display_name"], "Gamma Ltd");
    let again = operator(&world, "POST", "/v1/tenants").await.json(&new).send().await;
    assert_eq!(again.code(), (409, "tenant_exists"));

    let name = json!({"display_name": "Gamma GmbH"});
    let path = "/v1/tenants/gamma";
    let without = operator(&world, "PATCH", path).await.json(&name).send().await;
    assert_eq!(without.code(), (428, "if_match_missing"));
    let renamed = operator(&world, "PATCH", path).await.with("if-match", &created.tag()).json(&name).send().await;
    assert_eq!((renamed.status, &renamed.body["display_name"]), (200, &json!("Gamma GmbH")));
    let stale = operator(&world, "PATCH", path).await.with("if-match", &created.tag()).json(&name).send().await;
    assert_eq!(stale.code(), (412, "revision_conflict"));

    let active = operator(&world, "DELETE", path).await.with("if-match", &renamed.tag()).send().await;
    assert_eq!(active.code(), (409, "not_suspended"));
    let suspended = operator(&world, "POST", "/v1/tenants/gamma/suspend").await.send().await;
    assert_eq!((suspended.status, &suspended.body["status"]), (200, &json!("suspended")));
    let erased = operator(&world, "DELETE", path).await.with("if-match", &suspended.tag()).send().await;
    assert_eq!((erased.status, erased.text.as_str()), (204, ""));
    assert_eq!(operator(&world, "GET", path).await.send().await.code(), (404, "not_found"));
}

#[tokio::test]
async fn a_company_begins_like_a_template_without_its_secrets_and_connections() {
    let world = World::new().await;
    let values = json!({"persona": {"warmth": 1.5}, "bucket": "acme-files", "model.url": "https://acme.example/v1"});
    assert_eq!(world.patch(Some("acme"), &values).await.status, 200);
    let new = json!({"tenant_id": "gamma", "like": "acme"});
    assert_eq!(operator(&world, "POST", "/v1/tenants").await.json(&new).send().await.status, 201);
    let own = operator(&world, "GET", "/v1/tenants/gamma/overrides").await.send().await;
    assert_eq!(own.body["values"], json!({"persona": {"name": "name of acme", "warmth": 1.5}}));
    let secrets = operator(&world, "GET", "/v1/tenants/gamma/secrets").await.send().await;
    assert_eq!(secrets.body["items"], json!([]));
    let whole = operator(&world, "GET", "/v1/tenants/gamma/completeness").await.send().await;
    assert_eq!(whole.body["verdict"], "incomplete", "{whole:?}");
}

#[tokio::test]
async fn a_company_begins_with_more_values_than_one_change_takes_and_with_all_of_them() {
    let world = World::new().await;
    // Two entries of the history would be larger than what one item of DynamoDB holds, too.
    let facts = |from: u32, to: u32, size: usize| -> serde_json::Map<_, _> {
        (from..to).map(|number| (format!("f{number:03}"), json!(format!("{number} {}", "x".repeat(size))))).collect()
    };
    for (from, to, size) in [(0, 90, 10), (90, 150, 3_000), (150, 210, 3_000), (210, 230, 10)] {
        assert_eq!(world.patch(Some("acme"), &json!({"facts": facts(from, to, size)})).await.status, 200);
    }
    let new = json!({"tenant_id": "gamma", "like": "acme"});
    for last in [0, 6] {
        let made = operator(&world, "POST", "/v1/tenants").await.json(&new).send().await;
        assert_eq!((made.status, made.body["revision"].as_u64()), (201, Some(last + 3)), "{made:?}");
        let values = operator(&world, "GET", "/v1/tenants/gamma/overrides").await.send().await;
        assert_eq!(values.body["values"]["facts"].as_object().unwrap().len(), 230);
        assert_eq!(values.body["drift"], false);
        let made = operator(&world, "GET", "/v1/tenants/gamma/revisions").await.send().await;
        let newest = &made.body["items"][0];
        assert_eq!(newest["detail"], "with the values of another tenant, part 3 of 3", "a company reads this");
        let told = operator(&world, "GET", "/v1/audit?action=create&limit=1").await.send().await;
        assert_eq!(told.body["items"][0]["detail"], "created gamma with the values of acme", "the operator reads this");
        let again = operator(&world, "POST", "/v1/tenants").await.json(&new).send().await;
        assert_eq!(again.code(), (409, "tenant_exists"));
        // An admin changes it like any other one.
        let path = "/v1/tenants/gamma/overrides";
        let asking = world.as_admin("gamma", "PATCH", path).await.with("if-match", &values.tag());
        assert_eq!(asking.json(&json!({"facts.f000": null})).send().await.status, 200);
        let back = format!("/v1/tenants/gamma/revisions/{}/restore", last + 3);
        let back = world.as_admin("gamma", "POST", &back).await.with("if-match", "*").send().await;
        assert_eq!(back.status, 200, "{back:?}");
        if last == 0 {
            let suspended = operator(&world, "POST", "/v1/tenants/gamma/suspend").await.send().await;
            let erased = operator(&world, "DELETE", "/v1/tenants/gamma").await.with("if-match", &suspended.tag());
            assert_eq!(erased.send().await.status, 204);
        }
    }
}

#[tokio::test]
async fn a_bad_id_is_refused_by_its_rule_and_its_place() {
    let world = World::new().await;
    for (id, code) in [("", "tenant_id_invalid"), ("Acme", "tenant_id_invalid"), ("global", "tenant_id_reserved")] {
        let answer = operator(&world, "POST", "/v1/tenants").await.json(&json!({"tenant_id": id})).send().await;
        assert_eq!(answer.code(), (400, code), "{id}");
        assert_eq!(answer.body["errors"][0]["pointer"], "/tenant_id");
    }
}

#[tokio::test]
async fn tenants_are_listed_a_page_at_a_time() {
    let world = World::new().await;
    let first = operator(&world, "GET", "/v1/tenants?limit=1").await.send().await;
    assert_eq!(first.body["items"][0]["tenant_id"], "acme");
    let next = first.body["next"].as_str().unwrap();
    let second = operator(&world, "GET", &format!("/v1/tenants?limit=1&cursor={next}")).await.send().await;
    assert_eq!(second.body["items"][0]["tenant_id"], "beta");
    let other = operator(&world, "GET", &format!("/v1/audit?cursor={next}")).await.send().await;
    assert_eq!(other.code(), (400, "cursor_invalid"));
    for limit in ["0", "1001", "x", "-1"] {
        let answer = operator(&world, "GET", &format!("/v1/tenants?limit={limit}")).await.send().await;
        assert_eq!(answer.code(), (400, "query_invalid"), "{limit}");
    }
}
