//! Refusals say what is wrong, where, and what to do about it.

use serde_json::json;
use tenantry_admin::access::Role;
use tenantry_core::change::ChangeSet;
use tenantry_core::layer::Revision;

use crate::support::{context, key, value};
use crate::world::World;

#[tokio::test]
async fn whoever_loses_a_race_is_told_who_was_quicker_and_the_tag_to_go_on_from() {
    let world = World::new().await;
    let path = "/v1/tenants/acme/overrides";
    let token = world.token(Some("acme"), Role::TenantAdmin).await;
    let tag = world.ask("GET", path).bearer(&token).send().await.tag();
    let ask = |warmth: f64| {
        let values = json!({"persona.warmth": warmth});
        world.ask("PATCH", path).bearer(&token).with("if-match", &tag).json(&values).send()
    };
    let answers = futures::future::join_all((0..12).map(|number| ask(f64::from(number) / 8.0))).await;
    let (winners, losers): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((winners.len(), losers.len()), (1, 11), "{answers:?}");
    for loser in losers {
        assert_eq!(loser.code(), (412, "revision_conflict"), "{loser:?}");
        assert!(loser.body["detail"].as_str().unwrap().contains("revision 3, by token:test"), "{loser:?}");
        assert_eq!((loser.body["hint"].is_string(), loser.tag()), (true, winners[0].tag()), "{loser:?}");
    }
}

#[tokio::test]
async fn a_company_releases_only_what_it_may_bind() {
    let world = World::new().await;
    for binding in ["email:office@acme.example", "host:acme.example"] {
        let body = json!({"binding": binding});
        let bound = world.as_role(None, Role::Operator, "POST", "/v1/tenants/acme/bindings").await.json(&body);
        assert_eq!(bound.send().await.status, 201);
        let path = format!("/v1/tenants/acme/bindings/{binding}");
        let refused = world.as_admin("acme", "DELETE", &path).await.send().await;
        assert_eq!(refused.code(), (403, "operator_only"), "{binding}");
        assert_eq!(world.as_role(None, Role::Operator, "DELETE", &path).await.send().await.status, 204);
        let again = world.as_admin("acme", "DELETE", &path).await.send().await;
        assert_eq!(again.code(), (403, "operator_only"), "it is told the same whether or not it is there");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_named_to_those_who_may_know() {
    let world = World::new().await;
    let new = json!({"tenant_id": "gamma", "like": "nosuch"});
    let refused = world.as_role(None, Role::Operator, "POST", "/v1/tenants").await.json(&new).send().await;
    assert_eq!(refused.code(), (422, "no_such_tenant"), "{refused:?}");
    assert_eq!(refused.body["errors"][0]["pointer"], "/like");
    assert!(refused.body["detail"].as_str().unwrap().contains("nosuch"));

    for (path, missing) in [("revisions/99", 99), ("revisions/99/diff", 99), ("revisions/1/diff?since=99", 99)] {
        let refused = world.as_admin("acme", "GET", &format!("/v1/tenants/acme/{path}")).await.send().await;
        assert_eq!(refused.code(), (404, "no_such_revision"), "{path}");
        assert_eq!(refused.body["detail"], format!("there is no revision {missing} of acme"), "{path}");
        let another = world.as_admin("acme", "GET", &format!("/v1/tenants/beta/{path}")).await.send().await;
        let nobodys = world.as_admin("acme", "GET", &format!("/v1/tenants/nobody/{path}")).await.send().await;
        assert_eq!((another.code(), &another.text), ((404, "not_found"), &nobodys.text), "{path}");
    }
    let restore = world.as_admin("acme", "POST", "/v1/tenants/acme/revisions/99/restore").await;
    assert_eq!(restore.with("if-match", "*").send().await.code(), (404, "no_such_revision"));
}

#[tokio::test]
async fn a_part_of_a_path_that_spells_no_text_is_no_fault_of_the_tenants_id() {
    let world = World::new().await;
    let path = "/v1/tenants/acme/configuration/%ff";
    assert_eq!(world.as_admin("acme", "GET", path).await.send().await.code(), (400, "path_invalid"));
    let id = world.as_admin("acme", "GET", "/v1/tenants/%ff/configuration/x").await.send().await;
    assert_eq!(id.code(), (400, "tenant_id_invalid"));
    let (another, nobodys) = ("/v1/tenants/beta/configuration/%ff", "/v1/tenants/nobody/configuration/%ff");
    let another = world.as_admin("acme", "GET", another).await.send().await;
    assert_eq!(another.text, world.as_admin("acme", "GET", nobodys).await.send().await.text);
    assert_eq!(another.status, 404);
}

#[tokio::test]
async fn a_secret_that_does_not_fit_is_told_by_its_place_in_the_body_and_what_was_expected() {
    let world = World::new().await;
    let path = "/v1/tenants/acme/secrets/model.api_key";
    for (text, code) in [("", "secret_blank"), ("  ", "secret_blank"), ("CANARY with an end\n", "secret_whitespace")] {
        let asking = world.as_admin("acme", "PUT", path).await.with("if-match", "*");
        let refused = asking.json(&json!({"value": text})).send().await;
        assert_eq!(refused.code(), (422, code), "{refused:?}");
        assert_eq!(refused.body["errors"][0]["pointer"], "/value");
        let message = refused.body["errors"][0]["message"].as_str().unwrap();
        assert!(code != "secret_blank" || message.contains("expected a string"), "{message}");
    }
    let plain = world.patch(Some("acme"), &json!({"model.api_key": "CANARY-as-a-plain-value"})).await;
    assert_eq!(plain.code(), (422, "misplaced"), "{plain:?}");
    assert_eq!(plain.body["hint"], "set it with PUT …/secrets/model.api_key");
}

#[tokio::test]
async fn names_and_lifetimes_that_do_not_fit_are_told_by_their_place() {
    let world = World::new().await;
    let long = "x".repeat(201);
    for name in ["", " ", "two\nlines", &long] {
        let asking = world.as_role(None, Role::Operator, "PATCH", "/v1/tenants/acme").await.with("if-match", "*");
        let refused = asking.json(&json!({"display_name": name})).send().await;
        assert_eq!(refused.code(), (422, "invalid"), "{name:?}");
        assert_eq!(refused.body["errors"][0]["pointer"], "/display_name");
    }
    for (token, place) in [
        (json!({"name": "", "role": "tenant-viewer"}), "/name"),
        (json!({"name": "  ", "role": "tenant-viewer"}), "/name"),
        (json!({"name": "website", "role": "tenant-viewer", "lifetime_days": 0}), "/lifetime_days"),
        (json!({"name": "website", "role": "tenant-viewer", "lifetime_days": 367}), "/lifetime_days"),
        (json!({"name": "website", "role": "operator"}), "/role"),
    ] {
        let refused = world.as_admin("acme", "POST", "/v1/tenants/acme/tokens").await.json(&token).send().await;
        assert_eq!(refused.code(), (422, "invalid"), "{token}");
        assert_eq!(refused.body["errors"][0]["pointer"], place);
    }
}

#[tokio::test]
async fn a_company_that_gets_the_name_that_it_has_stays_as_it_is() {
    let world = World::new().await;
    let rename = async |tag: &str, name: &str| {
        let asking = world.as_role(None, Role::Operator, "PATCH", "/v1/tenants/acme").await.with("if-match", tag);
        asking.json(&json!({"display_name": name})).send().await
    };
    let before = world.as_role(None, Role::Operator, "GET", "/v1/tenants/acme").await.send().await;
    let same = rename(&before.tag(), " Acme ").await;
    assert_eq!((same.status, &same.body, same.tag()), (200, &before.body, before.tag()), "{same:?}");
    let changes = ChangeSet::default().set(key("persona.name"), value(r#""Ada""#));
    let moved = world.acme.service.change(&world.acme.scope, &changes, None, &context()).await.unwrap();
    assert_eq!(moved.revision, Revision(3));
    assert_eq!(rename(&before.tag(), "Acme").await.code(), (412, "revision_conflict"));
}
