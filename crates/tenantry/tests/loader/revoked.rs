//! Revoked means gone: suspended and deleted tenants, in this process and wherever it is done.

use std::time::Duration;

use tenantry::{LoadError, StaleReason};
use tokio::time::Instant;

use crate::faulty::{Fault, Port};
use crate::world::{World, canary, scope, seconds, tenant};

#[tokio::test(start_paused = true)]
async fn a_tenant_suspended_elsewhere_is_gone_within_five_seconds() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.suspend("acme").await;
    world.pass(seconds(2)).await;
    world.load("acme").await.unwrap();
    world.pass(Duration::from_millis(10)).await;
    assert!(matches!(world.load("acme").await, Err(LoadError::Suspended(_))));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_served_unchecked_after_five_seconds_without_a_load() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.suspend("acme").await;
    world.pass(seconds(5)).await;
    assert!(matches!(world.load("acme").await, Err(LoadError::Suspended(_))), "the first answer waits for the check");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_tenant_is_as_unknown_as_one_that_never_was() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.erase("acme").await;
    world.pass(seconds(5)).await;
    assert!(matches!(world.load("acme").await, Err(LoadError::UnknownTenant(_))));
}

#[tokio::test(start_paused = true)]
async fn a_purge_takes_effect_at_once_in_the_process() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.suspend("acme").await;
    world.loader.purge(&tenant("acme"));
    assert!(matches!(world.load("acme").await, Err(LoadError::Suspended(_))));
}

#[tokio::test(start_paused = true)]
async fn a_suspension_is_not_papered_over_by_a_failing_store() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.suspend("acme").await;
    world.faulty.fail(Port::Parameters, Some(&scope("acme")), Fault::Refused);
    world.pass(seconds(100)).await;
    assert!(world.load("acme").await.is_err(), "the revocation is seen, so the copy is gone");
}

#[tokio::test(start_paused = true)]
async fn a_resumed_tenant_is_served_again_within_five_seconds() {
    let world = World::new().await;
    world.suspend("acme").await;
    assert!(matches!(world.load("acme").await, Err(LoadError::Suspended(_))));
    world.resume("acme").await;
    world.pass(seconds(5)).await;
    assert_eq!(world.load("acme").await.unwrap().persona.name, "acme");
}

#[tokio::test(start_paused = true)]
async fn a_new_tenant_of_an_old_name_gets_nothing_of_the_old_one() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set_secret("acme", "odoo_password", "CANARY-of-the-old-one").await;
    world.loader.purge(&tenant("acme"));
    world.load("acme").await.unwrap();
    world.erase("acme").await;
    world.create("acme").await;
    // Neither the revocation nor the new secret can be read; only the new parameters can.
    world.faulty.fail(Port::Revocations, None, Fault::Refused);
    world.faulty.fail(Port::Secrets, Some(&scope("acme")), Fault::Refused);
    world.pass(seconds(60)).await;
    assert!(world.load("acme").await.is_err(), "secrets of the old one are not the last good ones of the new one");
    world.faulty.mend();
    world.pass(seconds(20)).await;
    assert_eq!(world.password("acme").await.unwrap(), canary("acme"));
}

#[tokio::test(start_paused = true)]
async fn answers_are_labelled_while_revocations_cannot_be_checked() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.faulty.fail(Port::Revocations, None, Fault::Hangs);
    world.pass(seconds(4)).await;
    assert!(world.load("acme").await.unwrap().stale().is_none());
    world.pass(seconds(2)).await;
    let start = Instant::now();
    let config = world.load("acme").await.unwrap();
    assert!(start.elapsed() <= Duration::from_millis(800), "{:?}", start.elapsed());
    let stale = config.stale().unwrap();
    assert!(matches!(stale.reason, StaleReason::Unchecked) && stale.age >= seconds(5), "{stale}");
    world.faulty.mend();
    world.pass(seconds(2)).await;
    world.load("acme").await.unwrap();
    world.pass(Duration::from_millis(10)).await;
    assert!(world.load("acme").await.unwrap().stale().is_none());
}

#[tokio::test(start_paused = true)]
async fn everything_is_dropped_when_revocations_are_denied() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.faulty.fail(Port::Revocations, None, Fault::Denied);
    world.pass(seconds(5)).await;
    world.load("acme").await.unwrap();
    assert_eq!(world.faulty.calls(Port::Parameters, &scope("acme")), 2, "it was read again");
    world.suspend("acme").await;
    world.pass(seconds(5)).await;
    assert!(matches!(world.load("acme").await, Err(LoadError::Suspended(_))), "and is, every five seconds");
}

#[tokio::test(start_paused = true)]
async fn a_suspension_between_the_first_load_and_the_first_check_is_not_missed() {
    let world = World::unsettled(100).await;
    world.faulty.fail(Port::Revocations, None, Fault::Slow(Duration::from_millis(100)));
    world.load("acme").await.unwrap();
    world.pass(Duration::from_millis(50)).await;
    world.suspend("acme").await;
    world.pass(Duration::from_millis(100)).await;
    world.faulty.mend();
    world.pass(seconds(5)).await;
    assert!(matches!(world.load("acme").await, Err(LoadError::Suspended(_))), "the first check could not tell of it");
}

#[tokio::test(start_paused = true)]
async fn the_check_is_made_once_however_many_load() {
    let world = World::new().await;
    for id in ["acme", "beta"] {
        world.load(id).await.unwrap();
    }
    let before = world.faulty.revocation_checks();
    world.pass(seconds(2)).await;
    for _ in 0..1_000 {
        world.load("acme").await.unwrap();
        world.load("beta").await.unwrap();
    }
    world.pass(Duration::from_millis(10)).await;
    assert_eq!(world.faulty.revocation_checks(), before + 1);
}
