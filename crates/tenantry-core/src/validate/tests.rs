//! Tests of validation: what people read is kept as a snapshot.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::catalog::sample::catalog;
use crate::document::Document;
use crate::layer::{Revision, Tier};
use crate::resolve::resolve;
use crate::scope::Scope;
use crate::secret::{FingerprintKey, SecretMark};

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn validator() -> Validator {
    Validator::new(Arc::new(catalog()))
        .with_url_rule(|url| if url.starts_with("https://") { Ok(()) } else { Err("only https is allowed".to_owned()) })
}

fn lines(violations: &[Violation]) -> String {
    let line = |v: &Violation| format!("{}: {v}", v.code.code());
    violations.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn value(at: &str, json: &str) -> String {
    lines(&validator().check_value(&key(at), &Value::from_json(json).unwrap()))
}

fn secret(at: &str, text: &str) -> String {
    lines(&validator().check_secret(&key(at), &SecretText::new(text.to_owned())))
}

fn layer(tier: Tier, json: &str, secrets: &[&str]) -> Arc<Layer> {
    let Ok(Value::Table(table)) = Value::from_json(json) else { panic!("{json} is no table") };
    let print = FingerprintKey::new([0; 32]).fingerprint(&Scope::Global, "f", &SecretText::new("s".to_owned()));
    let mark = |at: &&str| (key(at), SecretMark { version: "v1".to_owned(), fingerprint: print });
    Arc::new(Layer::new(tier, Revision(1), Document::from_table(table).0).with_secrets(secrets.iter().map(mark)))
}

fn merged(layers: impl IntoIterator<Item = Arc<Layer>>) -> Resolved {
    let catalog = catalog();
    let layers = std::iter::once(catalog.defaults().clone()).chain(layers);
    resolve(layers.collect(), catalog.connections())
}

fn tenant(json: &str, secrets: &[&str]) -> Resolved {
    merged([layer(Tier::Tenant, json, secrets)])
}

#[test]
fn a_good_value_has_no_violation() {
    for (at, json) in [
        ("persona.name", r#""Ada""#),
        ("persona.language", r#""de-CH""#),
        ("persona.style", r#""formal""#),
        ("ai.default.temperature", "0.2"),
        ("limits.max_message_chars", "18446744073709551615"),
        ("routing.routes.sales", r#"{"prompt":"chitchat","tools":["calculate"]}"#),
        ("prompts.greeting", "\"Hello\\n\\t{{ persona.name }}\""),
        ("persona", "{}"),
    ] {
        assert_eq!(value(at, json), "", "{at} {json}");
    }
}

#[test]
fn a_wrong_value_is_answered_with_expected_and_found() {
    insta::assert_snapshot!(value("persona.language", "5"), @"wrong_type: persona.language: expected a string that matches ^[a-z]{2}(-[A-Z]{2})?$, found a number");
    insta::assert_snapshot!(value("ai.default.temperature", r#""warm""#), @r#"wrong_type: ai.default.temperature: expected a number between 0 and 2, found the string "warm""#);
    insta::assert_snapshot!(value("ai.default.temperature", "2.5"), @"out_of_range: ai.default.temperature: expected a number between 0 and 2, found 2.5");
    insta::assert_snapshot!(value("persona.style", r#""frendly""#), @r#"not_allowed: persona.style: expected one of "formal", "friendly", found the string "frendly""#);
    insta::assert_snapshot!(value("persona.style", "true"), @r#"wrong_type: persona.style: expected one of "formal", "friendly", found true"#);
    insta::assert_snapshot!(value("persona.name", r#""""#), @"out_of_range: persona.name: expected a string of 1 to 40 characters, found one of 0 characters");
    insta::assert_snapshot!(value("persona.language", r#""German, as it is spoken in the north of the country""#), @r#"pattern: persona.language: expected a string that matches ^[a-z]{2}(-[A-Z]{2})?$, found the string "German, as it is spoken in the north of …""#);
    insta::assert_snapshot!(value("routing.routes.s.tools", r#"["calculate","find","x"]"#), @r#"
    not_allowed: routing.routes.s.tools: item 2: expected one of "find_partner", "calculate", found the string "find"
    not_allowed: routing.routes.s.tools: item 3: expected one of "find_partner", "calculate", found the string "x"
    "#);
    insta::assert_snapshot!(value("routing.routes.s.tools", r#""calculate""#), @r#"wrong_type: routing.routes.s.tools: expected a list, each item one of "find_partner", "calculate", found the string "calculate""#);
    insta::assert_snapshot!(value("routing.routes.s.enabled", "[1]"), @"wrong_type: routing.routes.s.enabled: expected true or false, found a list");
}

#[test]
fn nearest_values_are_offered_for_a_choice() {
    let violations = validator().check_value(&key("persona.style"), &"frendly".into());
    assert_eq!(violations[0].nearest, ["friendly", "formal"]);
}

#[test]
fn an_integer_has_64_bits() {
    insta::assert_snapshot!(value("limits.monthly_tokens", "9223372036854775808"), @"out_of_range: limits.monthly_tokens: expected an integer between -9223372036854775808 and 9223372036854775807, found 9223372036854775808");
    insta::assert_snapshot!(value("limits.max_message_chars", "18446744073709551616"), @"out_of_range: limits.max_message_chars: expected an integer between 0 and 18446744073709551615, found 18446744073709551616");
    insta::assert_snapshot!(value("ai.default.max_output_tokens", "4294967296"), @"out_of_range: ai.default.max_output_tokens: expected an integer between 0 and 4294967295, found 4294967296");
    insta::assert_snapshot!(value("limits.monthly_tokens", "1.5"), @"wrong_type: limits.monthly_tokens: expected an integer, found 1.5");
    assert_eq!(value("limits.monthly_tokens", "-9223372036854775808"), "");
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest_ones() {
    insta::assert_snapshot!(value("persona.nmae", "1"), @"unknown_parameter: persona.nmae: there is no such parameter; nearest: persona.name, persona.style, persona.language");
    let violations = validator().check_value(&key("persona.nmae"), &1.into());
    assert_eq!(violations[0].nearest, ["persona.name", "persona.style", "persona.language"]);
}

#[test]
fn tables_and_values_are_not_taken_for_each_other() {
    insta::assert_snapshot!(value("persona", "5"), @"not_a_parameter: persona: expected a table of parameters, found a number");
    insta::assert_snapshot!(value("persona.style", r#"{"a":1}"#), @r#"wrong_type: persona.style: expected one of "formal", "friendly", found a table"#);
    insta::assert_snapshot!(value("persona.name.first", "1"), @"wrong_type: persona.name: expected a string of 1 to 40 characters, found a table");
}

#[test]
fn all_violations_of_a_table_come_at_once_in_key_order() {
    insta::assert_snapshot!(value("persona", r#"{"style":1,"name":2,"zzz":3}"#), @r#"
    wrong_type: persona.name: expected a string of 1 to 40 characters, found a number
    wrong_type: persona.style: expected one of "formal", "friendly", found 1
    unknown_parameter: persona.zzz: there is no such parameter; nearest: persona.name, persona.style, persona.language
    "#);
}

#[test]
fn what_looks_like_a_secret_is_refused_and_not_shown() {
    for token in ["sk-CANARY0123456789", "xoxb-CANARY-0123", "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"] {
        for at in ["persona.name", "persona.style", "ai.default.temperature"] {
            let violations = validator().check_value(&key(at), &token.into());
            assert_eq!(violations[0].code, ViolationCode::LooksLikeSecret);
            let all = format!("{violations:?} {}", serde_json::to_string(&violations).unwrap());
            assert!(!all.contains("CANARY") && !all.contains("AAEh"), "{all}");
        }
    }
    insta::assert_snapshot!(value("persona.name", r#""my sk-abcdef0123456789""#), @"looks_like_secret: persona.name: looks like an API key, and this parameter is not kept secret");
}

#[test]
fn control_characters_and_large_values_are_refused() {
    insta::assert_snapshot!(value("persona.name", r#""A\u0007da""#), @"control_character: persona.name: has the control character U+0007 at position 2");
    let large = format!("{:?}", "x".repeat(LARGEST_VALUE));
    insta::assert_snapshot!(value("prompts.x", &large), @"too_large: prompts.x: expected at most 65536 bytes, found 65538 bytes");
}

#[test]
fn a_secret_is_not_taken_as_a_plain_value_nor_the_other_way_round() {
    insta::assert_snapshot!(value("odoo.password", r#""CANARY""#), @"misplaced: odoo.password: is a secret, which is kept in the tenant's secret and not in the table");
    insta::assert_snapshot!(value("odoo.db", r#""x""#), @"misplaced: odoo.db: is a credential, which is kept in the tenant's secret and not in the table");
    insta::assert_snapshot!(secret("persona.name", "x"), @"misplaced: persona.name: is a plain parameter, which is kept in the table and not in the tenant's secret");
    insta::assert_snapshot!(secret("odoo.pasword", "x"), @"unknown_parameter: odoo.pasword: there is no such parameter; nearest: odoo.password, odoo.url, odoo.db");
}

#[test]
fn a_bad_secret_is_answered_with_the_expected_shape_alone() {
    insta::assert_snapshot!(secret("openai.api_key", " \n"), @r#"secret_blank: openai.api_key: expected a string that begins with "sk-", found a blank text"#);
    insta::assert_snapshot!(secret("openai.api_key", "sk-CANARY\n"), @"secret_whitespace: openai.api_key: begins or ends with white space or a new line");
    insta::assert_snapshot!(secret("openai.api_key", "CANARY"), @r#"pattern: openai.api_key: expected a string that begins with "sk-", found one of 6 characters"#);
    insta::assert_snapshot!(secret("openai.api_key", "sk-CAN\u{0}ARY"), @"control_character: openai.api_key: has the control character U+0000 at position 7");
    insta::assert_snapshot!(secret("openai.api_key", &"x".repeat(LARGEST_SECRET + 1)), @"too_large: openai.api_key: expected at most 61440 bytes, found 61441 bytes");
    assert_eq!(secret("openai.api_key", "sk-1"), "");
}

#[test]
fn urls_of_connections_obey_the_outbound_rule() {
    insta::assert_snapshot!(secret("odoo.url", "ftp://CANARY.example.com"), @"url_not_allowed: odoo.url: this URL is not allowed: only https is allowed");
    insta::assert_snapshot!(secret("odoo.url", "odoo"), @"pattern: odoo.url: expected a URL such as https://example.com, found one of 4 characters");
    assert_eq!(secret("odoo.url", "https://erp.example.com"), "");
}

#[test]
fn a_text_that_is_no_value_is_told_by_its_fault() {
    let said = |json: &str| lines(&[Violation::unreadable("persona.name", &Value::from_json(json).unwrap_err())]);
    assert!(said("null").starts_with("null: persona.name: "), "{}", said("null"));
    assert!(said("1e999").starts_with("out_of_range: "), "{}", said("1e999"));
    assert!(said("NaN").starts_with("wrong_type: "), "{}", said("NaN"));
}

#[test]
fn a_layer_is_checked_for_its_tier() {
    let stored = r#"{"limits":{"monthly_tokens":5},"storage":{"s3_buckets":{"a":"b"}},"odoo":{"url":"ftp://x","password":"CANARY"},"persona":{"language":1,"x":2}}"#;
    let check = |tier| lines(&validator().check_layer(&layer(tier, stored, &["persona.name"])));
    insta::assert_snapshot!(check(Tier::Tenant), @"
    operator_only: limits.monthly_tokens: can be set by the operator alone, for all tenants (tier tenant)
    misplaced: odoo.password: is a secret, which is kept in the tenant's secret and not in the table (tier tenant)
    url_not_allowed: odoo.url: this URL is not allowed: only https is allowed (tier tenant)
    wrong_type: persona.language: expected a string that matches ^[a-z]{2}(-[A-Z]{2})?$, found a number (tier tenant)
    misplaced: persona.name: is plain, but is stored as a secret that cannot be shown (tier tenant)
    unknown_parameter: persona.x: there is no such parameter; nearest: persona.name, persona.style, persona.language (tier tenant)
    ");
    let global = check(Tier::Global);
    assert!(global.contains("unique_globally: storage.s3_buckets.a: must be each tenant's own"), "{global}");
    assert!(!global.contains("operator_only"), "{global}");
}

#[test]
fn a_table_at_a_parameter_is_told_once() {
    let layer = layer(Tier::Tenant, r#"{"persona":{"name":{"first":1,"last":2}}}"#, &[]);
    assert_eq!(validator().check_layer(&layer).len(), 1);
}

#[test]
fn a_broken_link_is_named_from_end_to_end() {
    let routes = r#"{"sales":{"prompt":"sales","task":"sales","tools":["find_partner"]},"off":{"prompt":"none","enabled":false}}"#;
    let json =
        format!(r#"{{"routing":{{"fallback":"sale","routes":{routes}}},"ai":{{"default":{{"provider":"openai"}}}}}}"#);
    insta::assert_snapshot!(lines(&validator().check_links(&tenant(&json, &[]))), @r#"
    connection_missing: ai.default.provider -> the connection openai is not set, and "openai" needs it (tier tenant)
    broken_link: routing.fallback -> routing.routes.sale does not exist; nearest: routing.routes.sales, routing.routes.off (tier tenant)
    broken_link: routing.routes.sales.prompt -> prompts.sales does not exist; nearest: prompts.chitchat (tier tenant)
    broken_link: routing.routes.sales.task -> ai.tasks.sales does not exist; ai.tasks has no entries (tier tenant)
    connection_missing: routing.routes.sales.tools -> "find_partner" needs one of google, odoo, and none is set (tier tenant)
    "#);
}

#[test]
fn links_hold_once_their_ends_are_set() {
    let routes = r#"{"sales":{"prompt":"sales","task":"sales","tools":["find_partner","calculate"]}}"#;
    let json = format!(
        r#"{{"routing":{{"fallback":"sales","routes":{routes}}},"prompts":{{"sales":"x"}},
            "ai":{{"tasks":{{"sales":{{"provider":"openai"}}}}}},"odoo":{{"url":"u","db":"d"}}}}"#
    );
    let resolved = tenant(&json, &["odoo.password", "openai.api_key"]);
    assert_eq!(lines(&validator().check_links(&resolved)), "");
}

#[test]
fn an_own_endpoint_needs_an_own_key() {
    let global = layer(Tier::Global, "{}", &["openai.api_key"]);
    let own = layer(Tier::Tenant, r#"{"openai":{"base_url":"https://own.example.com"}}"#, &[]);
    let violations = validator().check_links(&merged([global, own]));
    insta::assert_snapshot!(lines(&violations), @"connection_incomplete: openai: the connection is set in part: openai.api_key is not set, and the global tier's is not used beside the tenant's own fields (tier tenant)");
    assert_eq!(violations[0].hint.as_deref(), Some("set your own key when you set your own endpoint"));
}

#[test]
fn a_template_is_linted_against_its_variables_and_the_prompt_that_it_hides() {
    let resolved = tenant(r#"{"prompts":{"chitchat":"You are {{ persona.nme }}.","other":"{{ x"}}"#, &[]);
    let violations = validator().check_templates(&resolved);
    let codes: Vec<_> = violations.iter().map(|v| (v.key.as_str(), v.code.code(), v.tier)).collect();
    let expected = |at| (at, "template_invalid", Some(Tier::Tenant));
    assert!(codes.contains(&expected("prompts.chitchat")) && codes.contains(&expected("prompts.other")), "{codes:?}");
    let said = lines(&violations);
    assert!(said.contains("line 1, column 12") && said.contains("persona.name"), "{said}");
    assert!(said.contains("safety"), "the locked block is missed: {said}");
}

#[test]
fn built_in_values_alone_have_no_violation() {
    assert_eq!(lines(&validator().check(&tenant("{}", &[]))), "");
}

#[test]
fn the_whole_check_is_that_of_layers_links_and_templates() {
    let resolved = tenant(r#"{"persona":{"style":1},"prompts":{"chitchat":"{{"},"routing":{"fallback":"x"}}"#, &[]);
    let violations = validator().check(&resolved);
    let codes: BTreeSet<_> = violations.iter().map(|violation| violation.code.code()).collect();
    assert_eq!(codes, BTreeSet::from(["broken_link", "template_invalid", "wrong_type"]));
}

/// What a change from one tenant's state to another is refused for.
fn refused(before: &Resolved, after: &Resolved, written: &[&str]) -> Vec<&'static str> {
    let validator = validator();
    let written = written.iter().map(|at| key(at)).collect();
    let refused = introduced(validator.catalog(), &validator.check(before), validator.check(after), &written);
    refused.iter().map(|violation| violation.code.code()).collect()
}

#[test]
fn only_what_a_change_makes_worse_is_its_fault() {
    let before = tenant(r#"{"persona":{"style":1}}"#, &[]);
    let after = tenant(r#"{"persona":{"style":1,"name":"Eve"}}"#, &[]);
    assert!(refused(&before, &after, &["persona.name"]).is_empty());
    let worse = tenant(r#"{"persona":{"style":1,"name":2}}"#, &[]);
    assert_eq!(refused(&before, &worse, &["persona.name"]), ["wrong_type"]);
}

#[test]
fn a_prompt_that_a_route_names_cannot_be_removed() {
    let route = r#""routing":{"routes":{"a":{"prompt":"p"}}}"#;
    let before = tenant(&format!(r#"{{{route},"prompts":{{"p":"x"}}}}"#), &[]);
    let after = tenant(&format!("{{{route}}}"), &[]);
    assert_eq!(refused(&before, &after, &[]), ["broken_link"]);
}

#[test]
fn a_leaked_key_can_always_be_removed() {
    let json = r#"{"ai":{"default":{"provider":"openai"}},"openai":{"base_url":"https://own.example.com"}}"#;
    let (before, after) = (tenant(json, &["openai.api_key"]), tenant(json, &[]));
    assert!(refused(&before, &after, &[]).is_empty());
    assert!(refused(&before, &after, &["openai.api_key"]).is_empty(), "even if the removed key counts as written");
    let global = || layer(Tier::Global, "{}", &["openai.api_key"]);
    let with = |secrets| merged([global(), layer(Tier::Tenant, json, secrets)]);
    assert!(refused(&with(&["openai.api_key"]), &with(&[]), &["openai.api_key"]).is_empty());
}

#[test]
fn a_provider_is_not_chosen_before_its_connection_is_set() {
    let after = tenant(r#"{"ai":{"default":{"provider":"openai"}}}"#, &[]);
    assert_eq!(refused(&tenant("{}", &[]), &after, &["ai.default.provider"]), ["connection_missing"]);
}

#[test]
fn a_connection_can_be_set_field_by_field() {
    let states = [tenant("{}", &[]), tenant(r#"{"odoo":{"url":"https://o.example.com"}}"#, &[])];
    assert!(refused(&states[0], &states[1], &["odoo.url"]).is_empty());
}

#[test]
fn an_own_endpoint_with_an_inherited_key_is_refused() {
    let global = || layer(Tier::Global, "{}", &["openai.api_key"]);
    let own = layer(Tier::Tenant, r#"{"openai":{"base_url":"https://own.example.com"}}"#, &[]);
    let (before, after) = (merged([global()]), merged([global(), own]));
    assert_eq!(refused(&before, &after, &["openai.base_url"]), ["connection_incomplete"]);
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z]{0,6}", ".{0,12}", Just("sk-0123456789".to_owned())];
    // As far as numbers go: 38 digits and an exponent of 87 stay below 1e126, behind which none can be stored.
    let number = prop_oneof![any::<i64>().prop_map(|n| n.to_string()), "[1-9][0-9]{0,37}(e[1-8]?[0-7])?"];
    let leaf = prop_oneof![
        text.prop_map(|text| Value::from(text.as_str())),
        number.prop_map(|number| Value::from_json(&number).unwrap()),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let names = "persona|name|style|prompts|chitchat|routing|routes|fallback|sales|prompt|tools|enabled|ai|odoo|url|x y|[.]";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::btree_map(names, inner, 0..4).prop_map(Value::Table),
        ]
    })
}

fn keys() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["persona", "persona.style", "prompts", "routing", "ai.tasks", "odoo", "x"])
}

fn kept_secret() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["odoo.password", "openai.api_key", "odoo.url", "odoo.db", "google.api_key"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_stored_value_is_checked_without_panic(stored in any_value(), at in keys()) {
        let validator = validator();
        let document = Document::from_items([(key(at), stored.clone())]).0;
        let layers = [Tier::Global, Tier::Tenant].map(|tier| Arc::new(Layer::new(tier, Revision(1), document.clone())));
        let violations = validator.check(&merged(layers));
        prop_assert!(violations.is_sorted_by(|a, b| a.key.split('.').cmp(b.key.split('.')).is_le()));
        validator.check_value(&key(at), &stored);
    }

    #[test]
    fn no_violation_of_a_secret_shows_its_text(text in "[!-~]{9,40}", at in kept_secret()) {
        let violations = validator().check_secret(&key(at), &SecretText::new(text.clone()));
        let said = format!("{violations:?}{}", lines(&violations));
        prop_assert!(!said.contains(&text), "{}", said);
    }
}

#[test]
fn a_route_is_not_switched_on_before_its_connection_is_set() {
    let route = |enabled| {
        let json = format!(
            r#"{{"prompts":{{"p":"x"}},"routing":{{"routes":{{"a":{{"prompt":"p","tools":["find_partner"],"enabled":{enabled}}}}}}}}}"#
        );
        tenant(&json, &[])
    };
    assert_eq!(refused(&route(false), &route(true), &["routing.routes.a.enabled"]), ["connection_missing"]);
    assert!(refused(&route(false), &route(true), &["prompts.p"]).is_empty(), "a switch of somebody else's");
}

#[test]
fn a_route_that_others_name_is_not_switched_off() {
    let fallback = |enabled| {
        let json = format!(
            r#"{{"prompts":{{"p":"x"}},"routing":{{"fallback":"a","routes":{{"a":{{"prompt":"p","enabled":{enabled}}}}}}}}}"#
        );
        tenant(&json, &[])
    };
    assert_eq!(refused(&fallback(true), &fallback(false), &["routing.routes.a.enabled"]), ["broken_link"]);
    let said = lines(&validator().check(&fallback(false)));
    assert!(said.contains("routing.fallback -> routing.routes.a is switched off"), "{said}");
}

#[test]
fn a_time_zone_is_one_of_the_data_base_and_a_switch_may_need_a_connection() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "zone": { "type": "string", "format": "iana-time-zone" },
            "notify": { "type": "boolean", "x-requires": { "true": ["slack"] } },
            "slack": {
                "type": "object",
                "x-connection": true,
                "properties": { "token": { "type": "string", "x-sensitivity": "secret" } }
            }
        }
    });
    let catalog = Arc::new(Catalog::from_schema(&schema).unwrap());
    let validator = Validator::new(Arc::clone(&catalog));
    assert!(validator.check_value(&key("zone"), &"Europe/Berlin".into()).is_empty());
    let wrong = lines(&validator.check_value(&key("zone"), &"Europe/Berln".into()));
    assert!(wrong.contains("Europe/Berlin"), "{wrong}");
    let links = |json: &str| {
        let layers = vec![Arc::clone(catalog.defaults()), layer(Tier::Tenant, json, &[])];
        lines(&validator.check_links(&resolve(layers, catalog.connections())))
    };
    assert_eq!(links(r#"{"notify":false}"#), "");
    assert!(links(r#"{"notify":true}"#).contains("the connection slack is not set"), "{}", links(r#"{"notify":true}"#));
}
