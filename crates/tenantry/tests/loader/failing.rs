//! How configurations are served while a back end fails for a passing reason, and when it says no.

use std::time::Duration;

use tenantry::{LoadError, StaleReason};
use tenantry_core::settings::WhyLeftOut;
use tokio::time::Instant;

use crate::faulty::{Fault, Port};
use crate::world::{World, canary, scope, seconds, tenant};

#[tokio::test(start_paused = true)]
async fn a_warm_tenant_is_served_stale_with_age_and_reason_while_the_store_fails() {
    for fault in [Fault::Refused, Fault::Hangs, Fault::Slow(seconds(30))] {
        let world = World::new().await;
        world.load("acme").await.unwrap();
        world.faulty.fail_all(fault);
        world.pass(seconds(100)).await;
        let config = world.load("acme").await.unwrap();
        assert_eq!(config.persona.name, "acme");
        let stale = config.stale().unwrap();
        assert!((100..=103).contains(&stale.age.as_secs()), "{fault:?}: {stale}");
        assert!(matches!(stale.reason, StaleReason::Unavailable(_)), "{fault:?}: {stale}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cold_tenant_fails_within_two_seconds_and_says_when_to_ask_again() {
    for fault in [Fault::Refused, Fault::Hangs, Fault::Slow(seconds(30))] {
        let world = World::new().await;
        world.faulty.fail_all(fault);
        let start = Instant::now();
        let error = world.load("acme").await.unwrap_err();
        assert!(start.elapsed() <= seconds(2), "{fault:?}: {:?}", start.elapsed());
        assert!(matches!(error, LoadError::Store { .. }), "{error}");
        assert!(error.retry_after().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn global_defaults_never_pose_as_a_tenants_configuration() {
    let world = World::new().await;
    world.load("beta").await.unwrap();
    world.faulty.fail(Port::Parameters, Some(&scope("acme")), Fault::Refused);
    assert!(world.load("acme").await.is_err());
    world.faulty.mend();
    world.faulty.fail(Port::Secrets, Some(&scope("acme")), Fault::Refused);
    world.pass(seconds(10)).await;
    assert!(world.load("acme").await.is_err(), "nobody knows which connections are its own");
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_over_before_anybody_notices() {
    let world = World::new().await;
    world.faulty.fail(Port::Parameters, None, Fault::Refused);
    let loader = world.loader.clone();
    let waiting = tokio::spawn(async move { loader.load(&tenant("acme")).await });
    tokio::task::yield_now().await;
    world.faulty.mend();
    assert_eq!(waiting.await.unwrap().unwrap().persona.name, "acme", "the call is made again");
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_tried_once_per_pause_whoever_asks() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.pass(seconds(60)).await;
    world.faulty.fail_all(Fault::Refused);
    let before = world.faulty.calls(Port::Parameters, &scope("acme"));
    for _ in 0..1_000 {
        assert!(world.load("acme").await.unwrap().stale().is_some());
    }
    assert_eq!(world.faulty.calls(Port::Parameters, &scope("acme")), before + 3, "one call and two retries");
    world.pass(seconds(10)).await;
    for _ in 0..1_000 {
        assert!(world.load("acme").await.unwrap().stale().is_some());
    }
    let later = world.faulty.calls(Port::Parameters, &scope("acme"));
    assert_eq!(later, before + 4, "no retries while it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_failing_cold_tenant_does_not_make_a_call_per_caller() {
    let world = World::new().await;
    world.faulty.fail(Port::Parameters, Some(&scope("acme")), Fault::Refused);
    for _ in 0..1_000 {
        assert!(world.load("acme").await.is_err());
    }
    assert_eq!(world.faulty.calls(Port::Parameters, &scope("acme")), 3);
}

#[tokio::test(start_paused = true)]
async fn all_is_well_again_when_the_store_is() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.faulty.fail_all(Fault::Refused);
    world.pass(seconds(100)).await;
    assert!(world.load("acme").await.unwrap().stale().is_some());
    world.set("acme", "persona.name", r#""Acme""#).await;
    world.faulty.mend();
    world.pass(seconds(60)).await;
    let config = world.load("acme").await.unwrap();
    assert_eq!(config.persona.name, "Acme");
    world.pass(seconds(1)).await;
    assert!(world.load("acme").await.unwrap().stale().is_none());
}

#[tokio::test(start_paused = true)]
async fn parameters_are_not_served_beyond_a_day() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.faulty.fail_all(Fault::Refused);
    for _ in 0..23 {
        world.pass(seconds(3600)).await;
        assert!(world.load("acme").await.is_ok());
    }
    world.pass(seconds(3600)).await;
    assert!(matches!(world.load("acme").await, Err(LoadError::Store { .. })));
}

#[tokio::test(start_paused = true)]
async fn denied_access_drops_the_cached_copy() {
    for port in [Port::Parameters, Port::Secrets] {
        let world = World::new().await;
        world.load("acme").await.unwrap();
        world.load("beta").await.unwrap();
        world.faulty.fail(port, Some(&scope("acme")), Fault::Denied);
        world.pass(seconds(300)).await;
        let error = world.load("acme").await.unwrap_err();
        assert!(matches!(&error, LoadError::Store { source, .. } if !source.is_transient()), "{port:?}: {error}");
        assert!(error.retry_after().is_none());
        assert!(world.load("beta").await.unwrap().stale().is_none(), "nobody else is concerned");
        world.faulty.mend();
        world.faulty.fail_all(Fault::Refused);
        world.pass(seconds(10)).await;
        assert!(world.load("acme").await.is_err(), "{port:?}: there is no copy left to serve");
    }
}

#[tokio::test(start_paused = true)]
async fn denied_access_to_the_global_layer_drops_everything() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.faulty.fail(Port::Parameters, Some(&scope("#global")), Fault::Denied);
    world.pass(seconds(60)).await;
    assert!(matches!(world.load("acme").await, Err(LoadError::Store { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_global_layer_that_cannot_be_refreshed_is_served_stale() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.faulty.fail(Port::Parameters, Some(&scope("#global")), Fault::Refused);
    world.pass(seconds(60)).await;
    let config = world.load("acme").await.unwrap();
    assert_eq!((config.persona.warmth, config.stale().unwrap().age.as_secs()), (1.0, 60));
    world.faulty.mend();
    world.pass(seconds(60)).await;
    assert!(world.load("acme").await.unwrap().stale().is_none());
}

#[tokio::test(start_paused = true)]
async fn without_a_global_layer_no_tenant_is_read_again_and_again() {
    let world = World::new().await;
    world.loader.purge_all();
    world.faulty.fail(Port::Parameters, Some(&scope("#global")), Fault::Refused);
    for _ in 0..100 {
        assert!(matches!(world.load("acme").await, Err(LoadError::Store { .. })));
    }
    assert!(world.faulty.calls(Port::Parameters, &scope("acme")) <= 3);
}

#[tokio::test(start_paused = true)]
async fn without_the_secret_store_parameters_are_served_with_the_last_good_secrets_for_an_hour() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.faulty.fail(Port::Secrets, None, Fault::Refused);
    world.set("acme", "persona.name", r#""Acme""#).await;
    world.pass(seconds(400)).await;
    let config = world.load("acme").await.unwrap();
    assert_eq!((config.persona.name.as_str(), config.stale().unwrap().age.as_secs()), ("Acme", 400));
    assert_eq!(world.password("acme").await.unwrap(), canary("acme"));
    world.pass(seconds(3200)).await;
    let config = world.load("acme").await.unwrap();
    assert_eq!(config.persona.name, "Acme");
    assert!(config.odoo.is_none(), "it fails by name, and no empty text poses as its password");
    assert_eq!(config.unavailable()[0].section.as_str(), "odoo");
    assert!(
        matches!(&config.unavailable()[0].why, WhyLeftOut::SecretUnavailable(key) if key.as_str() == "odoo.password")
    );
    world.faulty.mend();
    world.pass(seconds(100)).await;
    assert_eq!(world.password("acme").await.unwrap(), canary("acme"));
}

#[tokio::test(start_paused = true)]
async fn without_the_secret_store_a_packed_tenant_is_served_without_what_needs_its_secrets() {
    let world = World::with_hot_tenants(1).await;
    world.load("acme").await.unwrap();
    world.load("beta").await.unwrap();
    world.faulty.fail(Port::Secrets, None, Fault::Refused);
    let config = world.load("acme").await.unwrap();
    assert_eq!(config.persona.name, "acme");
    assert_eq!((config.odoo.is_none(), config.unavailable().len()), (true, 1));
    assert!(config.stale().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_load_fails_as_a_whole_when_one_part_of_it_does() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set("acme", "persona.name", r#""Acme""#).await;
    world.faulty.fail(Port::Parameters, Some(&scope("acme")), Fault::Corrupt);
    world.pass(seconds(60)).await;
    let config = world.load("acme").await.unwrap();
    assert_eq!(config.persona.name, "acme");
    assert!(matches!(config.stale().unwrap().reason, StaleReason::Unusable(_)));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_frozen_for_two_hours_reads_before_it_answers() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set("acme", "persona.name", r#""Acme""#).await;
    world.freeze(seconds(7200));
    let config = world.load("acme").await.unwrap();
    assert_eq!(config.persona.name, "Acme");
    assert!(config.stale().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_frozen_for_two_hours_and_cannot_read_says_so() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.faulty.fail_all(Fault::Refused);
    world.freeze(seconds(7200));
    let config = world.load("acme").await.unwrap();
    assert!(config.stale().unwrap().age >= seconds(7200));
    assert!(config.odoo.is_none(), "its secrets are older than an hour");
}

#[tokio::test(start_paused = true)]
async fn many_loaders_that_start_together_in_a_failure_calm_down() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.faulty.fail_all(Fault::Refused);
    let calls = || world.faulty.calls(Port::Parameters, &scope("acme"));
    world.pass(seconds(120)).await;
    let before = calls();
    for _ in 0..600 {
        world.pass(seconds(1)).await;
        world.load("acme").await.unwrap();
    }
    // In health it is read every 45 to 60 s: at least ten times in ten minutes.
    assert!(calls() - before <= 2 * 10 + 3, "{}", calls() - before);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_took_long_to_read_says_so() {
    let world = World::new().await;
    let loader = world.loader.clone();
    world.faulty.fail(Port::Parameters, Some(&scope("acme")), Fault::Slow(Duration::from_millis(100)));
    let waiting = tokio::spawn(async move { loader.load(&tenant("acme")).await });
    tokio::task::yield_now().await;
    world.freeze(seconds(7200));
    let config = waiting.await.unwrap().unwrap();
    assert!(config.stale().unwrap().age >= seconds(7200));
}

#[tokio::test(start_paused = true)]
async fn a_new_secret_is_not_joined_with_parameters_that_could_not_be_read_again() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set_secret("acme", "odoo_password", "CANARY-of-somebody-else").await;
    world.faulty.fail(Port::Parameters, Some(&scope("acme")), Fault::Refused);
    world.pass(seconds(400)).await;
    let config = world.load("acme").await.unwrap();
    assert!(config.stale().is_some());
    let password = |config: &tenantry::TenantConfig<crate::world::Settings>| {
        config.odoo.as_ref().unwrap().password.expose().to_owned()
    };
    assert_eq!(password(&config), canary("acme"), "the new one may be that of a new tenant of the name");
    world.faulty.mend();
    world.pass(seconds(60)).await;
    world.load("acme").await.unwrap();
    world.pass(seconds(1)).await;
    assert_eq!(password(&world.load("acme").await.unwrap()), "CANARY-of-somebody-else");
}
