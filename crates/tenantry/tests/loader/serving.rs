//! How configurations are served while all is well.

use std::time::Duration;

use tenantry::{Freshness, LoadError};
use tenantry_core::layer::Tier;
use tokio::time::{Instant, timeout};

use crate::faulty::{Fault, Port};
use crate::world::{World, canary, key, scope, seconds, tenant};

#[tokio::test(start_paused = true)]
async fn a_tenant_gets_its_own_values_over_the_global_ones_over_the_defaults() {
    let world = World::new().await;
    world.set("#global", "persona.warmth", "0.5").await;
    world.loader.purge_scope(&scope("#global"));
    let config = world.load("acme").await.unwrap();
    assert_eq!((config.persona.name.as_str(), config.persona.warmth, config.limits.turns), ("acme", 0.5, 20));
    let odoo = config.odoo.as_ref().unwrap();
    assert_eq!((odoo.url.as_str(), odoo.password.expose()), ("https://acme.example", canary("acme").as_str()));
    assert_eq!((config.tenant().as_str(), config.display_name()), ("acme", "acme Ltd"));
    let explained = config.explain(&key("persona.warmth"));
    assert_eq!((explained[0].leaf.origin.tier, explained[0].hidden.len()), (Tier::Global, 1));
    assert!(config.stale().is_none() && config.unavailable().is_empty() && config.oddities().is_empty());
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_callers_of_one_cold_tenant_make_one_read_of_each_port() {
    let world = World::new().await;
    world.faulty.fail(Port::Parameters, None, Fault::Slow(Duration::from_millis(50)));
    let callers: Vec<_> = (0..10_000)
        .map(|_| {
            let loader = world.loader.clone();
            tokio::spawn(async move { loader.load(&tenant("acme")).await.unwrap().persona.name.clone() })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "acme");
    }
    assert_eq!(world.faulty.calls(Port::Parameters, &scope("acme")), 1);
    assert_eq!(world.faulty.calls(Port::Secrets, &scope("acme")), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_takes_nobody_down() {
    let world = World::new().await;
    world.faulty.fail(Port::Parameters, None, Fault::Slow(Duration::from_millis(100)));
    let loader = world.loader.clone();
    let first = tokio::spawn(async move { loader.load(&tenant("acme")).await });
    tokio::task::yield_now().await;
    let follower = world.load("acme");
    first.abort();
    assert_eq!(follower.await.unwrap().persona.name, "acme");
    assert_eq!(world.faulty.calls(Port::Parameters, &scope("acme")), 1);
}

#[tokio::test(start_paused = true)]
async fn all_that_is_needed_is_read_side_by_side() {
    let world = World::new().await;
    world.loader.purge_all();
    world.faulty.fail_all(Fault::Slow(Duration::from_millis(100)));
    let start = Instant::now();
    world.load("acme").await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(110), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_read_of_the_global_layer_serves_all_tenants() {
    let world = World::new().await;
    world.loader.purge_all();
    let before = world.faulty.calls(Port::Parameters, &scope("#global"));
    let (acme, beta) = tokio::join!(world.load("acme"), world.load("beta"));
    assert!(acme.is_ok() && beta.is_ok());
    assert_eq!(world.faulty.calls(Port::Parameters, &scope("#global")), before + 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_fresh_is_served_without_asking_the_store() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    for _ in 0..40 {
        world.pass(seconds(1)).await;
        world.load("acme").await.unwrap();
    }
    assert_eq!(world.faulty.calls(Port::Parameters, &scope("acme")), 1);
    assert_eq!(world.faulty.calls(Port::Secrets, &scope("acme")), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_in_use_is_refreshed_behind_its_callers_backs() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set("acme", "persona.name", r#""Acme""#).await;
    world.faulty.fail(Port::Parameters, None, Fault::Slow(Duration::from_millis(500)));
    world.pass(seconds(50)).await;
    let start = Instant::now();
    let config = world.load("acme").await.unwrap();
    assert_eq!((config.persona.name.as_str(), start.elapsed()), ("acme", Duration::ZERO));
    world.pass(seconds(1)).await;
    assert_eq!(world.load("acme").await.unwrap().persona.name, "Acme");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_served_after_a_minute_at_the_latest() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set("acme", "persona.name", r#""Acme""#).await;
    world.set_secret("acme", "odoo_password", "changed").await;
    world.pass(seconds(60)).await;
    let config = world.load("acme").await.unwrap();
    assert_eq!(config.persona.name, "Acme");
    let password = config.odoo.as_ref().unwrap().password.expose();
    assert_eq!(password, "changed", "a new revision may have brought new secrets");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_global_layer_reaches_every_tenant() {
    let world = World::new().await;
    for id in ["acme", "beta"] {
        world.load(id).await.unwrap();
    }
    world.set("#global", "persona.warmth", "0.25").await;
    world.pass(seconds(60)).await;
    for id in ["acme", "beta"] {
        let config = world.load(id).await.unwrap();
        assert_eq!((config.persona.warmth, config.revisions().global.0), (0.25, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_global_scope_that_is_said_to_have_changed_is_read_at_once() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set("#global", "persona.warmth", "0.25").await;
    world.loader.purge_scope(&scope("#global"));
    assert_eq!(world.load("acme").await.unwrap().persona.warmth, 0.25);
    assert_eq!(world.faulty.calls(Port::Parameters, &scope("acme")), 1, "the tenant's own layer is still good");
}

#[tokio::test(start_paused = true)]
async fn a_purged_tenant_is_read_anew() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set("acme", "persona.name", r#""Acme""#).await;
    world.loader.purge(&tenant("acme"));
    assert_eq!(world.load("acme").await.unwrap().persona.name, "Acme");
}

#[tokio::test(start_paused = true)]
async fn what_was_purged_while_it_was_read_is_not_kept() {
    let world = World::new().await;
    world.faulty.fail(Port::Secrets, None, Fault::Slow(Duration::from_millis(100)));
    let loader = world.loader.clone();
    let early = tokio::spawn(async move { loader.load(&tenant("acme")).await });
    world.pass(Duration::from_millis(10)).await;
    world.set("acme", "persona.name", r#""Acme""#).await;
    world.loader.purge(&tenant("acme"));
    world.pass(Duration::from_millis(100)).await;
    assert_eq!(early.await.unwrap().unwrap().persona.name, "acme", "whoever asked before may get what was then");
    assert_eq!(world.load("acme").await.unwrap().persona.name, "Acme");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tenant_is_remembered_for_five_seconds() {
    let world = World::new().await;
    for _ in 0..3 {
        assert!(matches!(world.load("ghost").await, Err(LoadError::UnknownTenant(_))));
    }
    assert_eq!(world.faulty.calls(Port::Parameters, &scope("ghost")), 1);
    world.create("ghost").await;
    world.pass(seconds(5)).await;
    assert_eq!(world.load("ghost").await.unwrap().persona.name, "ghost");
}

#[tokio::test(start_paused = true)]
async fn tenants_outside_of_the_hot_set_need_no_read_of_their_parameters() {
    let world = World::with_hot_tenants(1).await;
    for id in ["acme", "beta", "acme", "beta"] {
        let config = world.load(id).await.unwrap();
        assert_eq!((config.persona.name.as_str(), config.display_name()), (id, format!("{id} Ltd").as_str()));
        assert_eq!(config.odoo.as_ref().unwrap().password.expose(), canary(id));
    }
    assert_eq!(world.faulty.calls(Port::Parameters, &scope("acme")), 1);
    assert_eq!(world.faulty.calls(Port::Secrets, &scope("acme")), 2, "secrets' texts are kept in the hot set alone");
    let stats = world.loader.stats();
    assert_eq!((stats.hot_tenants, stats.packed_tenants), (1, 1));
    assert!(stats.packed_bytes < 200, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_configuration_outlive_the_cache() {
    let world = World::new().await;
    let config = world.load("acme").await.unwrap().clone();
    world.loader.purge_all();
    assert_eq!(config.persona.name, "acme");
}

#[tokio::test(start_paused = true)]
async fn revisions_tell_configurations_apart() {
    let world = World::new().await;
    let before = world.load("acme").await.unwrap().revisions().clone();
    world.set_secret("acme", "odoo_password", "changed").await;
    world.loader.purge(&tenant("acme"));
    let after = world.load("acme").await.unwrap().revisions().clone();
    assert_ne!(before, after);
    assert_ne!(before.to_string(), after.to_string());
    assert!(before.to_string().starts_with("g1.t1.gs-.ts"), "{before}");
}

#[tokio::test(start_paused = true)]
async fn a_load_never_waits_for_longer_than_two_seconds() {
    let world = World::new().await;
    world.faulty.fail_all(Fault::Hangs);
    world.loader.purge_all();
    let answer = timeout(seconds(2) + Duration::from_millis(10), world.load("acme")).await;
    assert!(matches!(answer, Ok(Err(LoadError::Store { .. }))));
}

#[tokio::test(start_paused = true)]
async fn what_was_read_for_this_very_answer_is_not_stale_even_if_nothing_is_ever_fresh() {
    let none = Duration::ZERO;
    let world =
        World::made(100, Freshness { parameters_fresh: none, secrets_fresh: none, ..Freshness::default() }).await;
    for answer in 0..10 {
        let config = world.load("acme").await.unwrap();
        assert!(config.stale().is_none(), "answer {answer}: {}", config.stale().unwrap());
        world.pass(Duration::from_millis(700)).await;
    }
}
