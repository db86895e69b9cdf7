//! Every operation of the document, asked with every kind of credential: who may not ask it is refused before its body is
//! read, and another tenant's things do not exist. An operation that is added is swept without being named here.

use serde_json::{Value, json};
use tenantry_admin::access::{Permission, Role};

use crate::world::{Answered, Asking, World};

struct Operation {
    method: String,
    path: String,
    permission: Option<Permission>,
}

fn operations() -> Vec<Operation> {
    let document = tenantry_admin::openapi::document();
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["x-permission"].as_str();
            let permission = name.map(|name| Permission::ALL.into_iter().find(|one| one.name() == name).unwrap());
            let (method, path) = (method.to_uppercase(), path.clone());
            found.push(Operation { method, path, permission });
        }
    }
    assert!(found.len() > 40, "{}", found.len());
    found
}

impl Operation {
    fn path_of(&self, tenant: &str) -> String {
        let names = [("{tenant_id}", tenant), ("{key}", "persona.name"), ("{revision}", "1")];
        let names = names.into_iter().chain([("{binding}", "slack:T1"), ("{token}", "0"), ("{flag}", "limit")]);
        names.fold(self.path.clone(), |path, (name, value)| path.replace(name, value))
    }

    fn is_of_a_tenant(&self) -> bool {
        self.path.contains("{tenant_id}")
    }

    /// Whether it is about no scope, or about the caller's own.
    fn is_for_any_caller(&self) -> bool {
        self.path.starts_with("/v1/catalog") || self.is_of_own()
    }

    fn is_of_own(&self) -> bool {
        self.path.starts_with("/ofrep/")
    }

    /// Whether its answer has no end.
    fn is_endless(&self) -> bool {
        self.path.ends_with("/watch")
    }

    /// A request with a body that nobody reads who is refused.
    fn ask<'a>(&self, world: &'a World, tenant: &str) -> Asking<'a> {
        world.ask(&self.method, &self.path_of(tenant)).json(&json!("CANARY, and no body that anything takes"))
    }
}

fn all_the_same(answers: &[Answered]) {
    for answer in answers {
        assert_eq!((answer.status, &answer.text), (answers[0].status, &answers[0].text));
    }
}

#[tokio::test]
async fn without_a_credential_that_holds_nothing_is_done() {
    let world = World::new().await;
    let wrong = format!("tny_{}_{}", "0".repeat(16), "0".repeat(64));
    for operation in operations() {
        let without = operation.ask(&world, "acme").send().await;
        let Some(_) = operation.permission else {
            assert!(without.status < 400, "{} {}", operation.method, operation.path);
            continue;
        };
        assert_eq!(without.code(), (401, "token_missing"), "{} {}", operation.method, operation.path);
        assert!(without.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        let with = operation.ask(&world, "acme").bearer(&wrong).send().await;
        assert_eq!(with.code(), (401, "token_invalid"), "{} {}", operation.method, operation.path);
    }
}

#[tokio::test]
async fn another_tenants_things_do_not_exist_for_any_role() {
    let world = World::new().await;
    for role in [Role::TenantAdmin, Role::TenantEditor, Role::TenantViewer] {
        let token = world.token(Some("acme"), role).await;
        for operation in operations().iter().filter(|one| one.permission.is_some() && !one.is_for_any_caller()) {
            let mut answers = Vec::new();
            for tenant in ["beta", "nobody"] {
                answers.push(operation.ask(&world, tenant).bearer(&token).send().await);
            }
            assert_eq!(answers[0].code(), (404, "not_found"), "{role}: {} {}", operation.method, operation.path);
            all_the_same(&answers);
        }
    }
}

#[tokio::test]
async fn each_role_may_ask_what_the_table_says_and_nothing_else() {
    for role in Role::ALL {
        // The operator's sweep suspends tenants.
        let world = World::new().await;
        let tenant = (role != Role::Operator).then_some("acme");
        let token = world.token(tenant, role).await;
        for operation in operations() {
            let Some(permission) = operation.permission else { continue };
            let reads_own = operation.is_of_a_tenant() || role == Role::Operator;
            if operation.is_endless() && reads_own && role.has(permission) {
                continue;
            }
            let answer = operation.ask(&world, "acme").bearer(&token).send().await;
            let place = format!("{role}: {} {}: {}", operation.method, operation.path, answer.text);
            let reaches = role == Role::Operator || operation.is_of_a_tenant() || operation.is_for_any_caller();
            match (reaches, role.has(permission)) {
                (false, _) => assert_eq!(answer.code(), (404, "not_found"), "{place}"),
                (true, false) => {
                    assert_eq!(answer.code(), (403, "permission_missing"), "{place}");
                    assert!(answer.body["detail"].as_str().unwrap().contains(permission.name()), "{place}");
                }
                // What it was asked is nonsense, and that is what it says.
                (true, true) => assert!(![401, 403].contains(&answer.status), "{place}"),
            }
            assert!(answer.status < 500, "{place}");
        }
    }
}

#[tokio::test]
async fn an_expired_or_revoked_token_and_a_suspended_tenant_reach_nothing() {
    let world = World::new().await;
    let token = world.token(Some("acme"), Role::TenantAdmin).await;
    let revoked = world.token(Some("acme"), Role::TenantAdmin).await;
    let id = revoked.split('_').nth(1).unwrap();
    world.acme.service.revoke_token(&world.acme.scope, id, &crate::support::now()).await.unwrap();
    world.acme.service.suspend_tenant(&crate::support::tenant("acme"), &crate::support::now()).await.unwrap();
    for operation in operations().iter().filter(|one| one.permission.is_some() && one.is_of_a_tenant()) {
        let answer = operation.ask(&world, "acme").bearer(&revoked).send().await;
        assert_eq!(answer.code(), (401, "token_revoked"), "{} {}", operation.method, operation.path);
        let answer = operation.ask(&world, "acme").bearer(&token).send().await;
        assert_eq!(answer.status, 403, "{} {}: {}", operation.method, operation.path, answer.text);
    }
}

#[tokio::test]
async fn two_sources_that_name_different_tenants_are_a_refusal_everywhere() {
    let world = World::new().await;
    let token = world.token(Some("acme"), Role::TenantAdmin).await;
    for operation in
        operations().iter().filter(|one| one.permission.is_some() && (one.is_of_a_tenant() || one.is_of_own()))
    {
        let answer = operation.ask(&world, "acme").bearer(&token).with("x-tenant-id", "beta").send().await;
        assert_eq!(answer.code(), (403, "tenant_mismatch"), "{} {}", operation.method, operation.path);
    }
}

#[tokio::test]
async fn every_refusal_is_a_problem_document_with_a_code() {
    let world = World::new().await;
    let token = world.token(None, Role::Operator).await;
    let mut codes: Vec<(u16, String)> = Vec::new();
    let mut keep = |answer: Answered| {
        if answer.status >= 400 {
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{}", answer.text);
            assert_eq!(answer.body["status"], answer.status);
            assert!(answer.body["detail"].as_str().is_some_and(|text| !text.is_empty()), "{}", answer.text);
            codes.push((answer.status, answer.body["code"].as_str().unwrap().to_owned()));
        }
    };
    for operation in operations().into_iter().filter(|one| !one.is_endless()) {
        let path = operation.path_of("acme");
        for content in ["text/plain", "application/json", "application/merge-patch+json"] {
            let asking = world.ask(&operation.method, &path).bearer(&token).with("content-type", content);
            keep(asking.with("if-match", "\"stale\"").send().await);
        }
        keep(world.ask("TRACE", &path).bearer(&token).send().await);
        keep(
            world.ask(&operation.method, &format!("{path}?nonsense=1")).bearer(&token).json(&Value::Null).send().await,
        );
    }
    for expected in [(400, "body_invalid"), (400, "query_invalid"), (405, "method_not_allowed")] {
        assert!(codes.iter().any(|(status, code)| (*status, code.as_str()) == expected), "{expected:?}");
    }
    assert!(codes.iter().any(|(status, _)| *status == 415), "a body of another type");
}
