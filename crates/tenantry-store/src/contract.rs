//! The promises of the ports, as tests that every store passes.
//!
//! A promise is a function whose name says it. [`crate::store_contract!`] makes one test of each, for one store:
//!
//! ```
//! tenantry_store::store_contract!(memory, async {
//!     let store = tenantry_store::memory::MemoryStore::new();
//!     (tenantry_store::Stores::new(std::sync::Arc::new(store)), ())
//! });
//! ```
//!
//! The expression makes an empty store, and beside it whatever must live as long (a temporary folder). The crate that
//! uses the macro needs `tokio` with `macros` and `rt-multi-thread`. Nothing here leans on more than the ports say, so
//! a store that is made of two services can pass.

#![expect(missing_docs, reason = "the name of a promise says it; a sentence above it would say it again")]
#![expect(clippy::unwrap_used, reason = "these functions are tests, though they are compiled for other crates")]

pub mod acts;
pub mod batches;
pub mod bindings;
pub mod copies;
pub mod history;
pub mod isolation;
pub mod items;
pub mod limits;
#[cfg(feature = "aws")]
pub mod place;
pub mod scopes;
pub mod secrets;
pub mod tenants;
pub mod tokens;

/// Makes a module of tests: one for each promise, for the store that the expression makes.
#[macro_export]
macro_rules! store_contract {
    ($name:ident, $make:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "what the expression needs")]
            use super::*;

            $crate::store_promises! { $make;
                scopes:
                    an_unknown_scope_reads_as_none
                    a_created_scope_reads_back
                    creating_a_scope_again_is_a_conflict
                    changing_an_unknown_scope_is_a_conflict_at_revision_0
                    a_stale_write_is_refused_and_changes_nothing
                    a_conflict_tells_the_current_revision_its_author_and_its_time
                    one_of_sixteen_writers_with_one_expectation_wins
                    one_of_sixteen_creators_wins
                    each_commit_makes_the_next_revision
                    the_global_scope_is_kept_like_a_tenants
                    the_global_scope_has_no_status_name_or_bindings
                    a_log_entry_about_another_scope_is_refused
                    creating_and_expecting_must_agree
                    writers_of_different_scopes_all_succeed
                    a_healthy_store_checks_clean;
                batches:
                    commits_that_belong_together_are_all_made_and_answered_in_order
                    one_refused_commit_of_several_leaves_all_scopes_as_they_were
                    a_conflict_among_several_names_the_scope_that_moved
                    a_binding_moves_from_one_tenant_to_another_in_whatever_order
                    two_of_several_that_take_one_binding_are_refused
                    a_scope_that_several_commits_name_is_refused
                    a_scope_is_renamed_together_with_its_values
                    no_commits_change_nothing
                    of_batches_over_the_same_scopes_one_wins_whole;
                items:
                    values_of_every_kind_come_back_as_written
                    numbers_keep_38_digits
                    texts_of_60_kib_in_any_language_come_back
                    items_come_back_in_the_order_of_their_keys
                    an_item_tells_who_wrote_it_when_and_over_which_default
                    an_item_that_is_not_written_keeps_its_note
                    an_unset_item_is_gone
                    unsetting_what_is_not_set_is_no_error
                    a_key_named_twice_is_refused;
                history:
                    each_revision_has_the_entry_of_its_commit
                    an_entry_comes_back_as_written
                    history_is_newest_first_and_of_one_scope
                    pages_are_complete_without_duplicates_while_others_write
                    a_page_ends_where_its_entries_are_large
                    a_revision_is_found_by_its_number
                    the_log_of_all_scopes_holds_every_entry
                    a_recorded_event_makes_no_revision
                    a_cursor_of_another_listing_is_refused;
                tenants:
                    an_empty_store_lists_no_tenants
                    tenants_are_listed_by_id_page_by_page
                    outlines_say_of_every_tenant_what_its_scope_says
                    a_stamp_is_another_one_after_every_change_and_the_same_without
                    a_suspended_tenant_keeps_its_values_and_is_resumed
                    a_tenant_is_renamed
                    only_a_suspended_tenant_is_erased
                    erasing_at_another_revision_is_a_conflict
                    an_unknown_tenant_cannot_be_erased
                    an_erased_tenant_leaves_nothing_readable
                    a_tenant_created_again_is_another_incarnation_with_later_revisions
                    a_new_tenant_does_not_see_the_history_of_an_erased_one
                    revocations_are_listed_in_order
                    only_revocations_are_listed_as_such
                    a_foreign_revocation_cursor_is_refused;
                bindings:
                    a_binding_leads_to_its_tenant
                    a_taken_binding_is_refused_without_naming_its_tenant
                    a_released_binding_is_free_for_others
                    taking_what_one_has_changes_nothing
                    releasing_what_another_has_changes_nothing
                    one_of_many_takers_gets_a_binding
                    an_erased_tenants_bindings_are_free;
                tokens:
                    a_token_comes_back_as_written
                    tokens_are_listed_newest_first_of_one_scope_or_all
                    a_revoked_token_stays_revoked
                    a_used_token_tells_when
                    an_unknown_token_cannot_be_revoked
                    a_token_id_is_given_once
                    a_token_needs_its_tenant;
                copies:
                    a_scope_taken_over_reads_like_the_original
                    a_scope_that_is_here_is_not_taken_over
                    a_scope_is_taken_over_once
                    a_taken_over_scope_goes_on_with_the_next_revision
                    a_copied_secret_has_a_version_that_its_history_does_not_name
                    a_copy_with_a_taken_binding_changes_nothing
                    a_suspended_tenant_stays_suspended
                    the_global_scope_is_taken_over
                    a_taken_over_tenant_is_listed_with_others
                    history_pages_of_a_copy_are_whole
                    revisions_are_found_by_number_in_a_copy
                    a_thousand_items_are_taken_over_at_once
                    an_item_without_a_note_is_taken_over_without_one
                    a_copy_that_makes_no_sense_is_refused
                    no_revision_of_an_erased_tenant_is_given_to_a_copy
                    a_copy_in_the_place_of_an_erased_tenant_is_a_revocation
                    taken_over_tokens_read_back
                    a_token_that_is_here_is_passed_over
                    taken_over_tokens_need_their_tenants;
                secrets:
                    a_scope_without_a_secret_reads_as_none
                    a_secret_comes_back_as_written
                    a_secret_write_at_another_version_is_refused
                    fields_that_are_not_named_are_kept
                    a_removed_field_is_gone
                    every_write_makes_a_version_that_never_was
                    other_scopes_secrets_are_left_alone
                    parameters_and_secret_change_in_one_commit
                    a_commit_with_a_stale_secret_changes_no_parameter
                    a_stale_commit_changes_no_secret
                    marks_in_the_log_tell_the_new_version
                    one_of_sixteen_secret_writers_wins
                    a_blank_secret_is_refused
                    no_secret_shows_in_debug_output_or_log
                    the_derived_keys_stay_the_same;
                limits:
                    a_value_over_64_kib_is_refused
                    a_scope_over_1000_items_is_refused
                    a_secret_over_60_kib_is_refused
                    a_change_set_over_97_items_is_refused;
                isolation:
                    another_tenants_acts_change_nothing_that_a_tenant_sees;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_history_with_others_looks_like_one_without_them() {
                let (alone, _kept) = $make.await;
                let (crowded, _also_kept) = $make.await;
                $crate::contract::isolation::a_history_with_others_looks_like_one_without_them(alone, crowded).await;
            }
        }
    };
}

/// Makes one test of each promise named. Part of [`crate::store_contract!`].
#[doc(hidden)]
#[macro_export]
macro_rules! store_promises {
    ($make:expr; $($group:ident: $($promise:ident)*;)*) => {$($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            let (stores, _kept) = $make.await;
            $crate::contract::$group::$promise(stores).await;
        }
    )*)*};
}

#[cfg(test)]
mod tests {
    /// Every public function of the groups is a promise, so each must be named by the macro.
    #[test]
    fn no_promise_is_forgotten() {
        let groups = [
            include_str!("contract/bindings.rs"),
            include_str!("contract/copies.rs"),
            include_str!("contract/history.rs"),
            include_str!("contract/isolation.rs"),
            include_str!("contract/items.rs"),
            include_str!("contract/limits.rs"),
            include_str!("contract/scopes.rs"),
            include_str!("contract/secrets.rs"),
            include_str!("contract/tenants.rs"),
            include_str!("contract/tokens.rs"),
        ];
        let named: Vec<&str> = include_str!("contract.rs").split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for group in groups {
            for promise in group.split("\npub async fn ").skip(1) {
                let name = promise.split('(').next().unwrap();
                assert!(named.contains(&name), "{name} is no test");
            }
        }
    }
}
