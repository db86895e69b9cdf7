//! The promises of the port, as tests that every store of conversations passes.
//!
//! A promise is a function whose name says it; [`conversations_contract!`] makes one test of each. The expression makes an
//! empty store, and beside it whatever must live as long (a temporary folder). Both tenants of a promise are in the same
//! table and file, and one's id begins with the other's: the place where mixing would be easiest.

use std::sync::Arc;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tenantry_core::scope::TenantId;

use super::{CLAIM_SECONDS, Claim, Conversations, Month, Place, REMEMBERED_SECONDS, Turn};

/// Makes a test of each promise, for the store that the expression makes.
macro_rules! conversations_contract {
    ($make:expr) => {
        conversations_contract! { $make;
            turns_come_back_oldest_first
            only_the_newest_turns_are_read
            turns_are_in_the_order_of_their_time_and_not_of_their_arrival
            turns_of_one_moment_are_all_kept
            a_conversation_that_never_was_has_no_turns
            conversations_with_odd_names_are_apart
            blank_and_odd_texts_come_back
            a_huge_text_is_kept_whole_or_cut_honestly
            turns_that_are_added_at_once_are_all_kept
            two_tenants_with_one_conversation_never_see_each_other
            two_tenants_with_one_month_count_apart
            two_tenants_with_one_event_both_act_on_it
            a_new_tenant_of_an_old_name_sees_nothing_of_the_old_one
            tokens_are_counted_by_month
            spends_at_once_are_all_counted
            a_huge_spend_neither_wraps_nor_fails
            of_claims_at_once_one_is_taken
            a_finished_event_is_done
            a_released_event_can_be_taken_at_once
            a_finished_event_stays_so_when_it_is_released
            an_abandoned_claim_can_be_taken_again_by_one
            a_finished_event_is_forgotten_in_the_end
            events_with_odd_names_are_apart
        }
    };
    ($make:expr; $($promise:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let (store, _guard) = $make.await;
                $crate::conversations::contract::$promise(store).await;
            }
        )+
    };
}

type Store = Arc<dyn Conversations>;

fn place(tenant: &str) -> Place {
    Place { tenant: TenantId::parse(tenant).unwrap(), incarnation: "i1".to_owned(), prefix: None }
}

fn acme() -> Place {
    place("acme")
}

/// The tenant whose id begins with that of the other one.
fn corp() -> Place {
    place("acme-corp")
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at + SignedDuration::from_secs(seconds)
}

fn turn(at: Timestamp, said: &str) -> Turn {
    Turn { at, said: said.to_owned(), answered: format!("answer to {said}") }
}

async fn said(store: &Store, place: &Place, conversation: &str) -> Vec<String> {
    let turns = store.turns(place, conversation, 100).await.unwrap();
    turns.into_iter().map(|turn| turn.said).collect()
}

async fn add(store: &Store, place: &Place, conversation: &str, said: &str) {
    store.add(place, conversation, &turn(Timestamp::now(), said)).await.unwrap();
}

pub(super) async fn turns_come_back_oldest_first(store: Store) {
    let (now, place) = (Timestamp::now(), acme());
    let turns: Vec<_> = (0..3).map(|n| turn(later(now, n), &format!("{n}"))).collect();
    for turn in &turns {
        store.add(&place, "slack:C1:1.0", turn).await.unwrap();
    }
    assert_eq!(store.turns(&place, "slack:C1:1.0", 10).await.unwrap(), turns);
}

pub(super) async fn only_the_newest_turns_are_read(store: Store) {
    let now = Timestamp::now();
    for n in 0..5 {
        store.add(&acme(), "c", &turn(later(now, n), &n.to_string())).await.unwrap();
    }
    let newest = |count| {
        let store = store.clone();
        async move { store.turns(&acme(), "c", count).await.unwrap().into_iter().map(|turn| turn.said).collect::<Vec<_>>() }
    };
    assert_eq!(newest(2).await, ["3", "4"]);
    assert!(newest(0).await.is_empty());
    assert_eq!(newest(u32::MAX).await.len(), 5);
}

pub(super) async fn turns_are_in_the_order_of_their_time_and_not_of_their_arrival(store: Store) {
    let now = Timestamp::now().round(jiff::Unit::Second).unwrap();
    // A whole second and parts of it: as text these would be in another order.
    let moments = [500_000_000, 0, 1_000_000_000, 50, 7_000_000].map(|part| now + SignedDuration::from_nanos(part));
    for at in moments {
        store.add(&acme(), "c", &turn(at, &at.to_string())).await.unwrap();
    }
    let mut expected = moments;
    expected.sort();
    let found = store.turns(&acme(), "c", 10).await.unwrap();
    assert_eq!(found.iter().map(|turn| turn.at).collect::<Vec<_>>(), expected);
}

pub(super) async fn turns_of_one_moment_are_all_kept(store: Store) {
    let now = Timestamp::now();
    for text in ["a", "b", "b"] {
        store.add(&acme(), "c", &turn(now, text)).await.unwrap();
    }
    let mut found = said(&store, &acme(), "c").await;
    found.sort();
    assert_eq!(found, ["a", "b", "b"]);
}

pub(super) async fn a_conversation_that_never_was_has_no_turns(store: Store) {
    assert!(said(&store, &acme(), "never").await.is_empty());
    assert_eq!(store.spent(&acme(), &Month::of(Timestamp::now())).await.unwrap(), 0);
}

/// Names that a store might take for one another, or for something else.
fn odd_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        " ",
        "a",
        "A",
        "a ",
        "a#b",
        "#",
        "a/../b",
        "'; DROP TABLE turns; --",
        "%",
        "_",
        "=a",
        "~a",
        "ü",
        "u\u{308}",
    ]
    .map(str::to_owned)
    .into();
    // Far beyond what a key of DynamoDB can hold, and different at the very end alone.
    let huge = "x".repeat(5000);
    names.extend([format!("{huge}1"), format!("{huge}2"), "é".repeat(1500)]);
    names
}

pub(super) async fn conversations_with_odd_names_are_apart(store: Store) {
    for name in odd_names() {
        add(&store, &acme(), &name, &name).await;
    }
    for name in odd_names() {
        assert_eq!(said(&store, &acme(), &name).await, std::slice::from_ref(&name), "{name:.20?}");
    }
}

pub(super) async fn blank_and_odd_texts_come_back(store: Store) {
    let texts = ["", " \n\t", "\0", "'\"\\;--", "日本語 🎉 العربية", "\u{feff}\u{200b}", "{\"S\": \"x\"}", "${a}"];
    let now = Timestamp::now();
    for (text, n) in texts.iter().zip(0..) {
        let turn = Turn { at: later(now, n), said: (*text).to_owned(), answered: (*text).to_owned() };
        store.add(&acme(), "c", &turn).await.unwrap();
        assert_eq!(store.turns(&acme(), "c", 1).await.unwrap(), [turn]);
    }
}

pub(super) async fn a_huge_text_is_kept_whole_or_cut_honestly(store: Store) {
    // Three bytes a character, and no limit falls between two of them.
    let huge = format!("a{}", "語".repeat(300_000));
    let turn = Turn { at: Timestamp::now(), said: huge.clone(), answered: huge.clone() };
    store.add(&acme(), "c", &turn).await.unwrap();
    let found = store.turns(&acme(), "c", 1).await.unwrap();
    for text in [&found[0].said, &found[0].answered] {
        if *text == huge {
            continue;
        }
        let (kept, note) = text.rsplit_once(" [").expect("what was cut says so");
        assert!(huge.starts_with(kept) && kept.len() > 100_000, "{} bytes", kept.len());
        assert_eq!(note, "cut: the whole text had 300001 characters]");
    }
}

pub(super) async fn turns_that_are_added_at_once_are_all_kept(store: Store) {
    let texts: Vec<_> = (0..16).map(|n| n.to_string()).collect();
    let acme = acme();
    join_all(texts.iter().map(|text| add(&store, &acme, "c", text))).await;
    assert_eq!(said(&store, &acme, "c").await.len(), 16);
}

pub(super) async fn two_tenants_with_one_conversation_never_see_each_other(store: Store) {
    add(&store, &acme(), "slack:C1:1.0", "CANARY-acme").await;
    assert!(said(&store, &corp(), "slack:C1:1.0").await.is_empty());
    add(&store, &corp(), "slack:C1:1.0", "CANARY-corp").await;
    assert_eq!(said(&store, &acme(), "slack:C1:1.0").await, ["CANARY-acme"]);
    assert_eq!(said(&store, &corp(), "slack:C1:1.0").await, ["CANARY-corp"]);
    // A conversation whose name would lead from one tenant's partition to the other's, if names were only put in a row.
    for name in ["-corp#slack:C1:1.0", "#slack:C1:1.0", "../acme-corp/slack:C1:1.0"] {
        assert!(said(&store, &acme(), name).await.is_empty(), "{name}");
    }
}

pub(super) async fn two_tenants_with_one_month_count_apart(store: Store) {
    let month = Month::of(Timestamp::now());
    store.spend(&acme(), &month, 10).await.unwrap();
    assert_eq!(store.spent(&corp(), &month).await.unwrap(), 0);
    assert_eq!(store.spend(&corp(), &month, 5).await.unwrap(), 5);
    assert_eq!(store.spent(&acme(), &month).await.unwrap(), 10);
}

pub(super) async fn two_tenants_with_one_event_both_act_on_it(store: Store) {
    let now = Timestamp::now();
    assert_eq!(store.claim(&acme(), "slack:Ev1", now).await.unwrap(), Claim::Taken);
    store.finish(&acme(), "slack:Ev1", now).await.unwrap();
    assert_eq!(store.claim(&corp(), "slack:Ev1", now).await.unwrap(), Claim::Taken);
    store.release(&corp(), "slack:Ev1").await.unwrap();
    assert_eq!(store.claim(&acme(), "slack:Ev1", now).await.unwrap(), Claim::Done);
}

pub(super) async fn a_new_tenant_of_an_old_name_sees_nothing_of_the_old_one(store: Store) {
    let now: Timestamp = Timestamp::now();
    let (old, new) = (acme(), Place { incarnation: "i2".to_owned(), ..acme() });
    store.add(&old, "slack:C1:1.0", &turn(now, "CANARY")).await.unwrap();
    store.spend(&old, &Month::of(now), 7).await.unwrap();
    store.claim(&old, "slack:Ev1", now).await.unwrap();
    store.finish(&old, "slack:Ev1", now).await.unwrap();
    assert!(store.turns(&new, "slack:C1:1.0", 10).await.unwrap().is_empty());
    assert_eq!(store.spent(&new, &Month::of(now)).await.unwrap(), 0);
    assert_eq!(store.claim(&new, "slack:Ev1", now).await.unwrap(), Claim::Taken);
    assert_eq!(store.turns(&old, "slack:C1:1.0", 10).await.unwrap().len(), 1);
}

pub(super) async fn tokens_are_counted_by_month(store: Store) {
    let now = Timestamp::now();
    let (month, next) = (Month::of(now), Month::of(later(now, 40 * 24 * 3600)));
    assert_eq!(store.spend(&acme(), &month, 0).await.unwrap(), 0);
    assert_eq!(store.spend(&acme(), &month, 7).await.unwrap(), 7);
    assert_eq!(store.spend(&acme(), &month, 5).await.unwrap(), 12);
    assert_eq!(store.spend(&acme(), &next, 1).await.unwrap(), 1);
    assert_eq!(store.spent(&acme(), &month).await.unwrap(), 12);
}

pub(super) async fn spends_at_once_are_all_counted(store: Store) {
    let (place, month) = (acme(), Month::of(Timestamp::now()));
    let totals = join_all((0..16).map(|_| store.spend(&place, &month, 3))).await;
    let mut totals: Vec<_> = totals.into_iter().map(Result::unwrap).collect();
    totals.sort_unstable();
    // Each sees itself counted: no two see the same.
    assert_eq!(totals, (1..=16).map(|n| n * 3).collect::<Vec<_>>());
    assert_eq!(store.spent(&place, &month).await.unwrap(), 48);
}

pub(super) async fn a_huge_spend_neither_wraps_nor_fails(store: Store) {
    let month = Month::of(Timestamp::now());
    for tokens in [u64::MAX, u64::MAX, 5] {
        assert!(store.spend(&acme(), &month, tokens).await.unwrap() >= i64::MAX as u64);
    }
    assert!(store.spent(&acme(), &month).await.unwrap() >= i64::MAX as u64);
}

async fn claims_at_once(store: &Store, now: Timestamp) -> Vec<Claim> {
    let place = acme();
    let claims = join_all((0..8).map(|_| store.claim(&place, "slack:Ev1", now))).await;
    claims.into_iter().map(Result::unwrap).collect()
}

fn assert_one_is_taken(claims: &[Claim]) {
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::Taken).count(), 1, "{claims:?}");
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::InProgress).count(), claims.len() - 1, "{claims:?}");
}

pub(super) async fn of_claims_at_once_one_is_taken(store: Store) {
    assert_one_is_taken(&claims_at_once(&store, Timestamp::now()).await);
}

pub(super) async fn a_finished_event_is_done(store: Store) {
    let now = Timestamp::now();
    assert_eq!(store.claim(&acme(), "e", now).await.unwrap(), Claim::Taken);
    assert_eq!(store.claim(&acme(), "e", now).await.unwrap(), Claim::InProgress);
    store.finish(&acme(), "e", now).await.unwrap();
    assert_eq!(store.claim(&acme(), "e", now).await.unwrap(), Claim::Done);
    assert_eq!(store.claim(&acme(), "e", later(now, CLAIM_SECONDS + 1)).await.unwrap(), Claim::Done);
    store.finish(&acme(), "never claimed", now).await.unwrap();
    assert_eq!(store.claim(&acme(), "never claimed", now).await.unwrap(), Claim::Done);
}

pub(super) async fn a_released_event_can_be_taken_at_once(store: Store) {
    let now = Timestamp::now();
    store.release(&acme(), "e").await.unwrap();
    assert_eq!(store.claim(&acme(), "e", now).await.unwrap(), Claim::Taken);
    store.release(&acme(), "e").await.unwrap();
    assert_eq!(store.claim(&acme(), "e", now).await.unwrap(), Claim::Taken);
}

pub(super) async fn a_finished_event_stays_so_when_it_is_released(store: Store) {
    let now = Timestamp::now();
    store.finish(&acme(), "e", now).await.unwrap();
    store.release(&acme(), "e").await.unwrap();
    assert_eq!(store.claim(&acme(), "e", now).await.unwrap(), Claim::Done);
}

pub(super) async fn an_abandoned_claim_can_be_taken_again_by_one(store: Store) {
    let now = Timestamp::now();
    assert_eq!(store.claim(&acme(), "slack:Ev1", now).await.unwrap(), Claim::Taken);
    let almost = later(now, CLAIM_SECONDS - 1);
    assert_eq!(store.claim(&acme(), "slack:Ev1", almost).await.unwrap(), Claim::InProgress);
    assert_one_is_taken(&claims_at_once(&store, later(now, CLAIM_SECONDS)).await);
}

pub(super) async fn a_finished_event_is_forgotten_in_the_end(store: Store) {
    let now = Timestamp::now();
    store.finish(&acme(), "e", now).await.unwrap();
    assert_eq!(store.claim(&acme(), "e", later(now, REMEMBERED_SECONDS - 1)).await.unwrap(), Claim::Done);
    assert_eq!(store.claim(&acme(), "e", later(now, REMEMBERED_SECONDS)).await.unwrap(), Claim::Taken);
}

pub(super) async fn events_with_odd_names_are_apart(store: Store) {
    for name in odd_names() {
        assert_eq!(store.claim(&acme(), &name, Timestamp::now()).await.unwrap(), Claim::Taken, "{name:.20?}");
    }
}
