//! A reader survives any stored bytes: it keeps the last good configuration and says so, and never shows a secret.

use std::fmt::Write;

use tenantry::{LoadError, StaleReason};

use crate::faulty::{Fault, Port};
use crate::world::{World, canary, scope, seconds, tenant};

/// Stores something bad over a good configuration: the good one stays, with a reason that names the place; a cold loader
/// refuses, by the same name.
async fn check(place: &str, spoil: impl AsyncFn(&World)) {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    spoil(&world).await;
    world.pass(seconds(300)).await;
    let config = world.load("acme").await.unwrap();
    assert_eq!((config.persona.name.as_str(), config.persona.warmth), ("acme", 1.0));
    assert_eq!(config.odoo.as_ref().unwrap().password.expose(), canary("acme"));
    let stale = config.stale().expect(place);
    let StaleReason::Unusable(reasons) = &stale.reason else { panic!("{place}: {stale}") };
    assert_eq!(reasons[0].place, place);
    world.loader.purge(&tenant("acme"));
    match world.load("acme").await {
        Err(LoadError::Invalid { tenant, reasons }) => {
            assert_eq!((tenant.as_str(), reasons[0].place.as_str()), ("acme", place));
        }
        other => panic!("{place}: {other:?}"),
    }
    assert_eq!(world.load("beta").await.unwrap().persona.name, "beta", "nobody else is concerned");
}

#[tokio::test(start_paused = true)]
async fn a_value_of_another_type_keeps_the_last_good_configuration() {
    check("persona.name", async |world| world.set("acme", "persona.name", "7").await).await;
}

#[tokio::test(start_paused = true)]
async fn a_value_out_of_range_keeps_the_last_good_configuration() {
    check("persona.warmth", async |world| world.set("acme", "persona.warmth", "9").await).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_sets_what_is_the_operators_does_not_get_it() {
    check("limits.turns", async |world| world.set("acme", "limits.turns", "1000000").await).await;
}

#[tokio::test(start_paused = true)]
async fn a_blank_secret_keeps_the_last_good_configuration() {
    check("odoo.password", async |world| world.faulty.blank_field(&scope("acme"), "odoo_password")).await;
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_item_in_the_place_of_a_parameter_keeps_the_last_good_configuration() {
    check("persona.name", async |world| world.faulty.put_odd_item(&scope("acme"), "persona.name")).await;
}

#[tokio::test(start_paused = true)]
async fn a_value_in_the_place_of_a_section_keeps_the_last_good_configuration() {
    check("persona", async |world| {
        world.unset("acme", "persona.name").await;
        world.set("acme", "persona", "7").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn corrupt_bytes_keep_the_last_good_configuration() {
    check("the store", async |world| world.faulty.fail(Port::Parameters, Some(&scope("acme")), Fault::Corrupt)).await;
}

#[tokio::test(start_paused = true)]
async fn a_global_layer_that_cannot_be_used_keeps_the_last_good_one() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set("#global", "persona.warmth", r#""hot""#).await;
    world.pass(seconds(60)).await;
    let config = world.load("acme").await.unwrap();
    assert_eq!(config.persona.warmth, 1.0);
    assert!(matches!(config.stale().unwrap().reason, StaleReason::Unusable(_)));
}

#[tokio::test(start_paused = true)]
async fn a_malformed_value_is_the_reason_even_where_the_first_check_came_too_late() {
    for id in ["acme", "#global"] {
        let world = World::unsettled(100).await;
        world.load("acme").await.unwrap();
        world.set(id, "persona.warmth", "9").await;
        world.pass(seconds(100)).await;
        let config = world.load("acme").await.unwrap();
        let stale = config.stale().unwrap();
        assert!(matches!(stale.reason, StaleReason::Unusable(_)), "{id}: {stale}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_catalog_does_not_know_is_reported_and_harms_nobody() {
    let world = World::new().await;
    world.set("acme", "persona.nmae", r#""Acme""#).await;
    world.set_secret("acme", "odoo_pasword", "CANARY-misspelled").await;
    world.faulty.put_odd_item(&scope("acme"), "old.thing");
    let config = world.load("acme").await.unwrap();
    assert!(config.stale().is_none());
    let places: Vec<_> = config.oddities().iter().map(|oddity| oddity.place.as_str()).collect();
    assert_eq!(places, ["old.thing", "persona.nmae", "odoo_pasword"]);
}

/// Stores a bad value in a scope, and looks for it in all that is said of it, warm and cold.
async fn assert_not_shown(id: &str, place: &str, json: &str) {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set(id, place, json).await;
    world.pass(seconds(300)).await;
    let config = world.load("acme").await.unwrap();
    let stale = config.stale().unwrap();
    assert_eq!(stale.reason.in_short(), "configuration invalid");
    let mut shown = format!("{stale} {stale:?}");
    world.loader.purge_all();
    let error = world.load("acme").await.unwrap_err();
    write!(shown, "{error} {error:?}").unwrap();
    assert!(shown.contains(place) && !shown.contains("CANARY"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_bad_value_is_not_shown_in_the_reason() {
    for id in ["acme", "#global"] {
        assert_not_shown(id, "persona.warmth", r#""CANARYVALUE""#).await;
        assert_not_shown(id, "persona.mood", r#""CANARYVALUE""#).await;
        assert_not_shown(id, "persona.mood", r#""sk-CANARYGLOB1234567""#).await;
        assert_not_shown(id, "limits", r#""CANARYVALUE""#).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_the_catalog_takes_but_not_the_settings_is_not_shown() {
    assert_not_shown("acme", "persona.since", r#""CANARYVALUE""#).await;
}

#[tokio::test(start_paused = true)]
async fn no_error_and_no_label_shows_a_secret() {
    let world = World::new().await;
    world.load("acme").await.unwrap();
    world.set_secret("acme", "odoo_extra", "CANARY-extra").await;
    world.faulty.blank_field(&scope("acme"), "odoo_password");
    world.pass(seconds(300)).await;
    let config = world.load("acme").await.unwrap();
    let mut shown = format!("{config:?} {:?} {} {:?}", config.settings(), config.stale().unwrap(), config.oddities());
    write!(shown, "{:?} {:?} {:?}", config.resolved(), config.unavailable(), world.loader).unwrap();
    world.loader.purge_all();
    let error = world.load("acme").await.unwrap_err();
    write!(shown, "{error} {error:?}").unwrap();
    assert!(!shown.contains("CANARY"), "{shown}");
}
