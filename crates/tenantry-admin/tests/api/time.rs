//! What takes its time: watching, and bodies that come slowly. In a time that passes when nothing else can happen.

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::json;
use tenantry_admin::access::Role;
use tower::ServiceExt as _;

use crate::support::tenant;
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn a_watcher_is_told_of_changes_of_its_own_tenant_and_of_the_defaults_until_its_token_is_revoked() {
    let world = World::new().await;
    let token = world.token(Some("acme"), Role::TenantViewer).await;
    let request = Request::get("/v1/tenants/acme/watch").header("authorization", format!("Bearer {token}"));
    let response = world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let mut body = response.into_body();
    let mut next = async || {
        let frame = body.frame().await?.unwrap().into_data().unwrap();
        Some(String::from_utf8(frame.to_vec()).unwrap())
    };
    assert_eq!(next().await.unwrap(), "event: changed\ndata: {\"revision\":2,\"global_revision\":0}\n\n");
    world.patch(Some("beta"), &json!({"persona.name": "Eve"})).await;
    assert_eq!(next().await.unwrap(), ": nothing changed\n\n");
    world.patch(Some("acme"), &json!({"persona.name": "Ada"})).await;
    assert!(next().await.unwrap().contains("\"revision\":3,\"global_revision\":0"));
    world.patch(None, &json!({"limit": 3})).await;
    assert!(next().await.unwrap().contains("\"revision\":3,\"global_revision\":1"));
    let id = token.split('_').nth(1).unwrap();
    world.acme.service.revoke_token(&world.acme.scope, id, &crate::support::now()).await.unwrap();
    assert_eq!(next().await, None, "revoked means gone");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_of_a_tenant_that_is_suspended_is_told_so() {
    let world = World::new().await;
    let asking = world.as_admin("acme", "GET", "/v1/tenants/acme/watch").await;
    let (answered, ()) = tokio::join!(asking.send(), async {
        world.acme.service.suspend_tenant(&tenant("acme"), &crate::support::now()).await.unwrap();
    });
    assert!(answered.text.ends_with("event: gone\ndata: {}\n\n"), "{}", answered.text);
}

#[tokio::test(start_paused = true)]
async fn who_is_revoked_while_the_body_is_still_on_its_way_does_nothing_any_more() {
    let world = World::new().await;
    let token = world.token(Some("acme"), Role::TenantAdmin).await;
    let id = token.split('_').nth(1).unwrap().to_owned();
    let service = world.acme.service.clone();
    let scope = world.acme.scope.clone();
    let body = futures::stream::unfold(0, move |part| {
        let (service, scope, id) = (service.clone(), scope.clone(), id.clone());
        async move {
            let text = match part {
                0 => r#"{"name": "x","#,
                1 => {
                    service.revoke_token(&scope, &id, &crate::support::now()).await.unwrap();
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    r#""role": "tenant-admin"}"#
                }
                _ => return None,
            };
            Some((Ok::<_, std::convert::Infallible>(text), part + 1))
        }
    });
    let request = Request::post("/v1/tenants/acme/tokens").header("authorization", format!("Bearer {token}"));
    let request = request.header("content-type", "application/json").body(Body::from_stream(body)).unwrap();
    let response = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
    let endless = Body::from_stream(futures::stream::pending::<Result<String, std::convert::Infallible>>());
    let token = world.token(Some("acme"), Role::TenantAdmin).await;
    let request = Request::post("/v1/tenants/acme/tokens").header("authorization", format!("Bearer {token}"));
    let request = request.header("content-type", "application/json").body(endless).unwrap();
    assert_eq!(world.router.clone().oneshot(request).await.unwrap().status().as_u16(), 408);
}
