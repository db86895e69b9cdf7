//! A company changes its own configuration, and nothing beyond it.

use serde_json::{Value, json};
use tenantry_admin::access::Role;

use crate::world::World;

const OVERRIDES: &str = "/v1/tenants/acme/overrides";

#[tokio::test]
async fn a_company_changes_its_values_and_sees_why_and_by_whom() {
    let world = World::new().await;
    let before = world.as_admin("acme", "GET", OVERRIDES).await.send().await;
    let patch = json!({"persona": {"name": null, "warmth": 1.25}, "facts.open": "from 7"});
    let asking = world.as_admin("acme", "PATCH", OVERRIDES).await.with("if-match", &before.tag());
    let changed = asking.with("x-reason", "Wärmer").json(&patch).send().await;
    assert_eq!((changed.status, &changed.body["revision"]), (200, &json!(3)), "{changed:?}");
    assert_eq!(changed.body["changes"].as_array().unwrap().len(), 3);

    let after = world.as_admin("acme", "GET", OVERRIDES).await.send().await;
    assert_eq!(after.body["values"], json!({"facts": {"open": "from 7"}, "persona": {"warmth": 1.25}}));
    assert_eq!(after.tag(), changed.tag(), "the next change needs no read in between");
    assert!(after.body["notes"][0]["updated_by"].as_str().unwrap().starts_with("token:test"));

    let revision = world.as_admin("acme", "GET", "/v1/tenants/acme/revisions/3").await.send().await;
    assert_eq!(revision.body["reason"], "Wärmer");
    let diff = world.as_admin("acme", "GET", "/v1/tenants/acme/revisions/3/diff?since=1").await.send().await;
    let keys: Vec<_> = diff.body["changes"].as_array().unwrap().iter().map(|change| change["key"].clone()).collect();
    assert_eq!(keys, ["facts.open", "model.api_key", "persona.warmth"], "what came and went is no difference");

    let restore = "/v1/tenants/acme/revisions/2/restore";
    let restored = world.as_admin("acme", "POST", restore).await.with("if-match", &after.tag()).send().await;
    assert_eq!((restored.status, &restored.body["revision"]), (200, &json!(4)), "{restored:?}");
    let shown = world.as_admin("acme", "GET", "/v1/tenants/acme/configuration/persona").await.send().await;
    assert_eq!(shown.body["leaves"][0]["value"], "name of acme");
}

#[tokio::test]
async fn of_several_who_read_the_same_state_one_succeeds() {
    let world = World::new().await;
    let tag = world.as_admin("acme", "GET", OVERRIDES).await.send().await.tag();
    let mut statuses = Vec::new();
    for name in ["Ada", "Eve", "Joan"] {
        let asking = world.as_admin("acme", "PATCH", OVERRIDES).await.with("if-match", &tag);
        statuses.push(asking.json(&json!({"persona.name": name})).send().await);
    }
    assert_eq!(statuses.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 412, 412]);
    let told = statuses[1].body["detail"].as_str().unwrap();
    assert!(told.contains("revision 3, by token:test"), "{told}");
    assert_eq!(statuses[1].tag(), statuses[0].tag(), "the refusal says where to go on from");
    let others = world.as_admin("beta", "GET", "/v1/tenants/beta/overrides").await.send().await.tag();
    let asking = world.as_admin("acme", "PATCH", OVERRIDES).await.with("if-match", &others);
    assert_eq!(asking.json(&json!({})).send().await.status, 412, "a tag of another tenant never matches");
}

#[tokio::test]
async fn bad_values_are_refused_with_all_that_is_wrong_and_nothing_is_changed() {
    let world = World::new().await;
    let before = world.as_admin("acme", "GET", OVERRIDES).await.send().await;
    let patch =
        json!({"persona": {"nmae": "Ada", "warmth": 9}, "limit": 3, "facts": {"key": "sk-CANARY0123456789abcdef"}});
    let refused = world.patch(Some("acme"), &patch).await;
    assert_eq!(refused.code(), (422, "invalid"), "{refused:?}");
    let pointers: Vec<_> =
        refused.body["errors"].as_array().unwrap().iter().map(|one| one["pointer"].clone()).collect();
    assert_eq!(pointers, ["/facts/key", "/limit", "/persona/nmae", "/persona/warmth"]);
    for (patch, expected) in [
        (json!({"limit": 3}), (403, "operator_only")),
        (json!({"persona": {"nmae": "Ada"}}), (422, "unknown_parameter")),
        (json!({"persona": {"warmth": "hot"}}), (422, "wrong_type")),
        (json!({"persona": {"warmth": 3}}), (422, "out_of_range")),
        (json!({"facts": {"a": "\u{0007}"}}), (422, "control_character")),
        (json!({"routes": {"hi": {"prompt": "none"}}}), (422, "broken_link")),
        (json!({"facts": [null]}), (422, "invalid")),
        (json!([]), (422, "invalid")),
        (json!({"na me": 1}), (422, "invalid")),
    ] {
        assert_eq!(world.patch(Some("acme"), &patch).await.code(), expected, "{patch}");
    }
    for (text, expected) in [
        ("", (400, "body_invalid")),
        ("{", (400, "body_invalid")),
        (r#"{"a":1,"a":2}"#, (400, "body_invalid")),
        (r#"{"persona":{"warmth":1e999}}"#, (400, "body_invalid")),
        (r#"{"persona":{"name":"\ud800"}}"#, (400, "body_invalid")),
    ] {
        let asking = world.as_admin("acme", "PATCH", OVERRIDES).await.with("if-match", "*");
        let answer = asking.with("content-type", "application/json").text(text).send().await;
        assert_eq!(answer.code(), expected, "{text}");
    }
    let deep = format!("{}{}", r#"{"a":"#.repeat(40), "1".to_owned() + &"}".repeat(40));
    let large = format!(r#"{{"facts":{{"a":"{}"}}}}"#, "x".repeat(1024 * 1024));
    for (text, status) in [(deep, 400), (large, 413)] {
        let asking = world.as_admin("acme", "PATCH", OVERRIDES).await.with("if-match", "*");
        assert_eq!(asking.with("content-type", "application/json").text(&text).send().await.status, status);
    }
    let after = world.as_admin("acme", "GET", OVERRIDES).await.send().await;
    assert_eq!((before.tag(), before.text), (after.tag(), after.text));
}

#[tokio::test]
async fn a_secret_is_set_listed_by_fingerprint_and_never_read_back() {
    let world = World::new().await;
    let path = "/v1/tenants/acme/secrets/model_api_key";
    let tag = world.as_admin("acme", "GET", "/v1/tenants/acme/secrets").await.send().await.tag();
    let body = json!({"value": "CANARY-rotated"});
    let set = world.as_admin("acme", "PUT", path).await.with("if-match", &tag).json(&body).send().await;
    assert_eq!(set.status, 200, "{set:?}");
    let listed = world.as_admin("acme", "GET", "/v1/tenants/acme/secrets").await.send().await;
    let secret = &listed.body["items"][0];
    assert_eq!((&secret["key"], &secret["age_days"]), (&json!("model.api_key"), &json!(0)), "{listed:?}");
    assert_eq!(secret["fingerprint"], set.body["changes"][0]["after"]["secret"]["fingerprint"]);
    assert_eq!(world.as_admin("acme", "GET", path).await.send().await.status, 405, "there is no way to read it");

    for value in ["", "  ", "CANARY with an end\n"] {
        let asking = world.as_admin("acme", "PUT", path).await.with("if-match", "*");
        assert_eq!(asking.json(&json!({"value": value})).send().await.status, 422, "{value:?}");
    }
    let unset = world.as_admin("acme", "DELETE", path).await.with("if-match", &set.tag()).send().await;
    assert_eq!((unset.status, &unset.body["changes"][0]["key"]), (200, &json!("model.api_key")));
    let unknown = world.as_admin("acme", "PUT", "/v1/tenants/acme/secrets/model.key").await;
    assert_eq!(unknown.with("if-match", "*").json(&body).send().await.code(), (404, "no_such_parameter"));
    let operator = world.as_role(None, Role::Operator, "PUT", path).await.with("if-match", "*");
    assert_eq!(
        operator.json(&body).send().await.status,
        200,
        "the operator sets a tenant's secret, and does not see it"
    );
}

#[tokio::test]
async fn an_editor_does_not_decide_where_a_secret_goes() {
    let world = World::new().await;
    for patch in [
        json!({"model": {"url": "https://evil.example/v1"}}),
        json!({"model.url": "https://evil.example/v1"}),
        json!({"model": null}),
        json!({"model": {"url": null}}),
    ] {
        let asking = world.as_role(Some("acme"), Role::TenantEditor, "PATCH", OVERRIDES).await.with("if-match", "*");
        let refused = asking.json(&patch).send().await;
        assert_eq!(refused.code(), (403, "permission_missing"), "{patch}");
        assert!(refused.body["detail"].as_str().unwrap().contains("write-secrets"));
    }
    let verify = "/v1/tenants/acme/connections/verify";
    let unsaved = json!({"sections": ["model"], "values": {"model": {"url": "https://evil.example/v1"}}});
    let asking = world.as_role(Some("acme"), Role::TenantEditor, "POST", verify).await;
    assert_eq!(asking.json(&unsaved).send().await.code(), (403, "permission_missing"));
    let saved = world.as_role(Some("acme"), Role::TenantEditor, "POST", verify).await.json(&json!({})).send().await;
    assert_eq!(
        saved.body["items"][0],
        json!({"section": "model", "verdict": "verified", "whom": "the account", "notes": []})
    );
    let name = json!({"persona": {"name": "Eve"}});
    let asking = world.as_role(Some("acme"), Role::TenantEditor, "PATCH", OVERRIDES).await.with("if-match", "*");
    assert_eq!(asking.json(&name).send().await.status, 200);
}

#[tokio::test]
async fn an_own_endpoint_needs_an_own_key() {
    let world = World::new().await;
    let tag = world.as_admin("beta", "GET", "/v1/tenants/beta/overrides").await.send().await.tag();
    let key =
        world.as_role(None, Role::Operator, "PUT", "/v1/global/secrets/model.api_key").await.with("if-match", "*");
    assert_eq!(key.json(&json!({"value": "CANARY-platform"})).send().await.status, 200);
    let unset = world.as_admin("beta", "DELETE", "/v1/tenants/beta/secrets/model.api_key").await;
    assert_eq!(unset.with("if-match", &tag).send().await.status, 200);
    let refused = world.patch(Some("beta"), &json!({"model": {"url": "https://own.example/v1"}})).await;
    assert_eq!(refused.code(), (422, "connection_incomplete"), "{refused:?}");
}

#[tokio::test]
async fn an_admin_makes_lists_and_revokes_its_own_tokens_and_none_that_is_stronger() {
    let world = World::new().await;
    let path = "/v1/tenants/acme/tokens";
    let new = json!({"name": "console", "role": "tenant-editor", "lifetime_days": 7});
    let made = world.as_admin("acme", "POST", path).await.json(&new).send().await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = made.body["text"].as_str().unwrap();
    assert_eq!(world.ask("GET", OVERRIDES).bearer(text).send().await.status, 200);
    let listed = world.as_admin("acme", "GET", path).await.send().await;
    assert!(listed.text.contains("console") && !listed.text.contains(text), "a token is shown once");
    for (role, lifetime) in [("operator", 7), ("root", 7), ("tenant-viewer", 0), ("tenant-viewer", 367)] {
        let stronger = json!({"name": "x", "role": role, "lifetime_days": lifetime});
        let refused = world.as_admin("acme", "POST", path).await.json(&stronger).send().await;
        assert!([400, 422].contains(&refused.status), "{role} {lifetime}: {refused:?}");
    }
    let place = made.headers["location"].to_str().unwrap();
    assert_eq!(world.as_admin("acme", "DELETE", place).await.send().await.status, 204);
    assert_eq!(world.ask("GET", OVERRIDES).bearer(text).send().await.code(), (401, "token_revoked"));
    let others = place.replace("acme", "beta");
    assert_eq!(world.as_admin("beta", "DELETE", &others).await.send().await.code(), (404, "not_found"));
}

#[tokio::test]
async fn a_company_binds_what_is_signed_with_its_own_secret_and_no_address() {
    let world = World::new().await;
    let path = "/v1/tenants/acme/bindings";
    let bind = |binding: &str| json!({ "binding": binding });
    let added = world.as_admin("acme", "POST", path).await.json(&bind("slack:T1")).send().await;
    assert_eq!(
        (added.status, added.headers["location"].to_str().unwrap()),
        (201, "/v1/tenants/acme/bindings/slack:T1")
    );
    let taken = world.as_admin("beta", "POST", "/v1/tenants/beta/bindings").await.json(&bind("slack:T1")).send().await;
    assert_eq!(taken.code(), (422, "taken"));
    assert!(!taken.text.contains("acme"));
    let mail = world.as_admin("acme", "POST", path).await.json(&bind("email:boss@beta.example")).send().await;
    assert_eq!(mail.code(), (403, "operator_only"));
    let mail = world.as_role(None, Role::Operator, "POST", path).await.json(&bind("email:a@acme.example")).send().await;
    assert_eq!(mail.status, 201);
    for odd in ["", "slack", "slack:", "bucket:x", "smoke:T1"] {
        let answer = world.as_admin("acme", "POST", path).await.json(&bind(odd)).send().await;
        assert!([400, 422].contains(&answer.status), "{odd}: {answer:?}");
    }
    assert_eq!(world.as_admin("acme", "DELETE", &format!("{path}/slack:T1")).await.send().await.status, 204);
    assert_eq!(world.as_admin("acme", "DELETE", &format!("{path}/slack:T1")).await.send().await.status, 404);
}

#[tokio::test]
async fn the_log_is_searched_and_exported_and_each_company_sees_its_own() {
    let world = World::new().await;
    world.patch(Some("acme"), &json!({"persona.name": "Ada"})).await;
    world.patch(Some("beta"), &json!({"persona.name": "Eve"})).await;
    let search = async |tenant: &str, query: &str| {
        let path = format!("/v1/tenants/{tenant}/audit?{query}");
        let found = world.as_admin(tenant, "GET", &path).await.send().await;
        assert_eq!(found.status, 200, "{found:?}");
        found.body["items"].as_array().unwrap().clone()
    };
    assert!(search("acme", "").await.iter().all(|entry| entry["scope"] == "acme"));
    assert_eq!(search("acme", "key=persona&action=change&actor=token:").await.len(), 1);
    assert_eq!(search("acme", "key=persona.name&until=2020-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(search("acme", "since=2020-01-01T00:00:00Z&limit=1").await.len(), 1);
    let all = world.as_role(None, Role::Operator, "GET", "/v1/audit?action=change").await.send().await;
    assert!(all.text.contains("\"scope\":\"acme\"") && all.text.contains("\"scope\":\"beta\""));
    let export = world.as_admin("acme", "GET", "/v1/tenants/acme/audit/export").await.send().await;
    assert_eq!(export.headers["content-type"], "application/x-ndjson");
    let lines: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 3 && lines.iter().all(|line| line["scope"] == "acme"), "{}", export.text);
    let odd = world.as_admin("acme", "GET", "/v1/tenants/acme/audit?action=explode").await.send().await;
    assert_eq!(odd.code(), (400, "query_invalid"));
}

#[tokio::test]
async fn a_prompt_is_rendered_as_the_company_gets_it() {
    let world = World::new().await;
    let path = "/v1/tenants/acme/prompts/prompts.hello/render";
    let with = json!({"variables": {"user.name": "Grace"}});
    let rendered = world.as_admin("acme", "POST", path).await.json(&with).send().await;
    assert_eq!(rendered.body["text"], "I am name of acme, hello Grace.", "{rendered:?}");
    assert!(rendered.body["spans"].as_array().unwrap().iter().any(|span| span["tier"] == "tenant"));
    let other = world.as_admin("acme", "POST", "/v1/tenants/acme/prompts/persona.name/render").await;
    assert_eq!(other.json(&json!({})).send().await.code(), (404, "no_such_prompt"));
}

#[tokio::test]
async fn what_a_company_does_changes_no_byte_that_another_one_sees() {
    let world = World::new().await;
    let paths = ["configuration?explain", "overrides", "secrets", "revisions", "bindings", "audit", "completeness"];
    let mut before = Vec::new();
    let token = world.token(Some("acme"), Role::TenantAdmin).await;
    let see = async |path: &str| world.ask("GET", &format!("/v1/tenants/acme/{path}")).bearer(&token).send().await;
    for path in paths {
        before.push(see(path).await);
    }
    world.patch(Some("beta"), &json!({"persona": {"name": "Eve"}, "bucket": "beta-files"})).await;
    let bind = world.as_admin("beta", "POST", "/v1/tenants/beta/bindings").await;
    bind.json(&json!({"binding": "slack:T2"})).send().await;
    world.as_role(None, Role::Operator, "POST", "/v1/tenants/beta/suspend").await.send().await;
    for (path, before) in paths.into_iter().zip(before) {
        let after = see(path).await;
        assert_eq!((before.status, before.text, before.headers), (200, after.text, after.headers), "{path}");
    }
}

#[tokio::test]
async fn a_default_is_planned_looked_at_and_then_changed() {
    let world = World::new().await;
    let values = json!({"persona": {"warmth": 1.5}});
    let ask = async |path: &str, body: &Value| {
        world.as_role(None, Role::Operator, "POST", path).await.json(body).send().await
    };
    let plan = ask("/v1/global/plan", &values).await;
    assert_eq!(
        (plan.status, &plan.body["counts"]),
        (200, &json!({"tenants": 2, "changed": 2, "overridden": 0, "broken": 0}))
    );
    let stream = ask("/v1/global/plan/stream", &values).await;
    let lines: Vec<Value> = stream.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["tenant"]["tenant_id"], lines.len()), (&json!("acme"), 4), "{}", stream.text);
    assert_eq!(lines.last().unwrap()["plan"]["hash"], plan.body["hash"]);
    let apply = json!({"values": values, "hash": plan.body["hash"]});
    let made = ask("/v1/global/apply", &apply).await;
    assert_eq!((made.status, &made.body["revision"]), (200, &json!(1)), "{made:?}");
    assert_eq!(ask("/v1/global/apply", &apply).await.code(), (412, "plan_stale"));
    let tenant = world.as_admin("acme", "POST", "/v1/global/plan").await.json(&values).send().await;
    assert_eq!(tenant.code(), (404, "not_found"), "the defaults are the operator's");
}

#[tokio::test]
async fn an_override_is_not_settled_beside_a_default_that_nobody_looked_at() {
    let world = World::new().await;
    let rule = |text: &str| json!({"prompts.rule": text});
    assert_eq!(world.patch(None, &rule("one\ntwo\nthree")).await.status, 200);
    assert_eq!(world.patch(Some("acme"), &rule("one\ntwo\nmine")).await.status, 200);
    assert_eq!(world.patch(None, &rule("ONE\ntwo\nthree")).await.status, 200);
    let seen = world.as_admin("acme", "GET", "/v1/tenants/acme/behind").await.send().await;
    let moved_at = seen.body["behind"][0]["moved_at"].clone();
    assert_eq!(world.patch(None, &rule("UNSEEN\ntwo\nthree")).await.status, 200);
    let path = "/v1/tenants/acme/behind/prompts.rule";
    let settle = async |moved_at: &serde_json::Value| {
        let asking = world.as_admin("acme", "POST", path).await.with("if-match", &seen.tag());
        asking.json(&json!({"action": "merge", "moved_at": moved_at})).send().await
    };
    assert_eq!(settle(&moved_at).await.code(), (412, "default_moved"));
    let seen = world.as_admin("acme", "GET", "/v1/tenants/acme/behind").await.send().await;
    assert_eq!(settle(&seen.body["behind"][0]["moved_at"]).await.status, 200);
}

#[tokio::test]
async fn a_name_of_another_company_is_not_even_tried() {
    let world = World::new().await;
    assert_eq!(world.patch(Some("beta"), &json!({"bucket": "beta-private"})).await.status, 200);
    let verify = async |name: &str| {
        let asking = world.as_admin("acme", "POST", "/v1/tenants/acme/connections/verify").await;
        asking.json(&json!({"values": {"bucket": name}})).send().await
    };
    assert_eq!(verify("beta-private").await.code(), (422, "taken"));
    assert_eq!(verify("free").await.status, 200);
}

#[tokio::test]
async fn a_plan_is_stale_once_something_that_it_looked_at_was_changed_by_hand() {
    let (world, by_hand) = World::in_file().await;
    let ask = async |path: &str, body: serde_json::Value| {
        world.as_role(None, Role::Operator, "POST", path).await.with("if-match", "*").json(&body).send().await
    };
    assert_eq!(world.patch(None, &json!({"facts.a": "b"})).await.status, 200);
    for (scope, key) in [("acme", "limit"), ("#global", "persona.warmth")] {
        let plan = ask("/v1/global/plan", json!({"limit": 7})).await;
        by_hand.item(scope, key, "1");
        let body = json!({"hash": plan.body["hash"], "values": {"limit": 7}});
        assert_eq!(ask("/v1/global/apply", body).await.code(), (412, "plan_stale"), "{scope}");
    }
}
