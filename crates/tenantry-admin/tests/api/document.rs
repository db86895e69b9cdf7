//! The document of the API: committed, fresh, and true to what the types say.

use std::path::Path;

use serde_json::Value;

#[test]
fn the_document_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&tenantry_admin::openapi::document()).unwrap());
    if std::env::var_os("TENANTRY_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "docs/openapi.json is stale: make bless rewrites it");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = tenantry_admin::openapi::document();
    let mut seen = 0;
    visit(&document, &mut |value| {
        if let Some(reference) = value["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
            seen += 1;
        }
    });
    assert!(seen > 50, "{seen}");
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_who_may_ask() {
    let document = tenantry_admin::openapi::document();
    let mut names = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} stands twice");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
            let is_open = operation["security"] == serde_json::json!([]);
            assert_ne!(is_open, operation["x-permission"].is_string(), "{method} {path}");
        }
    }
}

fn visit(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, look)),
        Value::Object(members) => members.values().for_each(|member| visit(member, look)),
        _ => {}
    }
}
