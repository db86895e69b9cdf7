//! Non-interference: whatever another tenant does, and whatever happens to it, not one byte of ours changes.

use proptest::prelude::*;

use crate::faulty::{Fault, Port};
use crate::world::{Loaded, World, canary, scope, seconds, tenant};

/// What beta may do, or have done to it.
#[derive(Clone, Copy, Debug)]
enum Act {
    Set,
    SetBad,
    SetSecret,
    Suspend,
    Resume,
    Deny,
    Break,
    Purge,
    Load,
}

/// What acme may do between.
#[derive(Clone, Copy, Debug)]
enum Own {
    Load,
    Set(u8),
    Wait(u16),
}

fn shown(answer: Loaded) -> String {
    match answer {
        Ok(config) => format!(
            "{:?} {} {:?} {:?} {} {:?}",
            config.settings(),
            config.revisions().global,
            config.revisions().tenant,
            config.resolved().document(),
            config.odoo.as_ref().map_or("-", |odoo| odoo.password.expose()),
            config.stale().map(ToString::to_string),
        ),
        Err(error) => format!("{error:?}"),
    }
}

async fn act(world: &World, act: Act) {
    let beta = scope("beta");
    match act {
        Act::Set => world.set("beta", "persona.name", r#""Beta""#).await,
        Act::SetBad => world.set("beta", "persona.warmth", "7").await,
        Act::SetSecret => world.set_secret("beta", "odoo_password", "other").await,
        Act::Suspend => world.suspend("beta").await,
        Act::Resume => world.resume("beta").await,
        Act::Deny => world.faulty.fail(Port::Parameters, Some(&beta), Fault::Denied),
        Act::Break => world.faulty.fail(Port::Secrets, Some(&beta), Fault::Refused),
        Act::Purge => world.loader.purge(&tenant("beta")),
        Act::Load => drop(world.load("beta").await),
    }
}

/// All that acme sees of a history, with or without beta's part of it.
async fn seen(history: &[(Own, Vec<Act>)], with_beta: bool) -> Vec<String> {
    let world = World::with_hot_tenants(2).await;
    let mut seen = Vec::new();
    for (own, others) in history {
        if with_beta {
            for other in others {
                act(&world, *other).await;
            }
        }
        match own {
            Own::Load => seen.push(shown(world.load("acme").await)),
            // Who sets a value purges. Without that, the minute in which an old value may be served would be a matter of
            // who asked when, and so of beta's requests as well.
            Own::Set(number) => {
                world.set("acme", "persona.name", &format!(r#""a{number}""#)).await;
                world.loader.purge(&tenant("acme"));
            }
            Own::Wait(time) => world.pass(seconds(u64::from(*time))).await,
        }
    }
    seen
}

fn histories() -> impl Strategy<Value = Vec<(Own, Vec<Act>)>> {
    let own = prop_oneof![Just(Own::Load), any::<u8>().prop_map(Own::Set), (0..200_u16).prop_map(Own::Wait)];
    let acts = [
        Act::Set,
        Act::SetBad,
        Act::SetSecret,
        Act::Suspend,
        Act::Resume,
        Act::Deny,
        Act::Break,
        Act::Purge,
        Act::Load,
    ];
    prop::collection::vec((own, prop::collection::vec(prop::sample::select(acts.to_vec()), 0..3)), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn without_the_actions_of_another_tenant_one_sees_the_same(history in histories()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (with, without) = runtime.block_on(async { (seen(&history, true).await, seen(&history, false).await) });
        prop_assert_eq!(with, without);
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_loads_of_two_tenants_at_once_never_mix_them_up() {
    let world = World::with_hot_tenants(1).await;
    let loads: Vec<_> = (0..1_000)
        .map(|number| {
            let (loader, id) = (world.loader.clone(), if number % 2 == 0 { "acme" } else { "beta" });
            tokio::spawn(async move { (id, loader.load(&tenant(id)).await.unwrap()) })
        })
        .collect();
    for load in loads {
        let (id, config) = load.await.unwrap();
        assert_eq!((config.tenant().as_str(), config.persona.name.as_str()), (id, id));
        assert_eq!(config.odoo.as_ref().unwrap().password.expose(), canary(id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn loads_and_purges_on_many_threads_never_mix_tenants_up() {
    let world = World::unsettled(4).await;
    let ids: Vec<String> = (0..16).map(|number| format!("tenant-{number}")).collect();
    for id in &ids {
        world.create(id).await;
    }
    let workers: Vec<_> = (0..8)
        .map(|worker| {
            let (loader, ids) = (world.loader.clone(), ids.clone());
            tokio::spawn(async move {
                for turn in 0..500 {
                    let id = tenant(&ids[(worker * 7 + turn * 5) % ids.len()]);
                    if turn % 50 == worker {
                        loader.purge(&id);
                    }
                    let config = loader.load(&id).await.unwrap();
                    assert_eq!((config.tenant(), config.persona.name.as_str()), (&id, id.as_str()));
                    assert_eq!(config.odoo.as_ref().unwrap().password.expose(), canary(id.as_str()));
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let stats = world.loader.stats();
    assert_eq!(stats.hot_tenants, 4);
    assert!(stats.packed_tenants <= 12, "{stats:?}");
}
