//! Tests of the catalog.

use proptest::prelude::*;
use serde_json::json;

use super::sample::catalog;
use super::*;
use crate::document::Document;

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn refusal(schema: &serde_json::Value) -> String {
    Catalog::from_schema(schema).unwrap_err().to_string()
}

#[test]
fn the_most_exact_declaration_is_found_by_key() {
    let catalog = catalog();
    assert_eq!(catalog.parameter(&key("prompts.anything")).unwrap().pattern.as_str(), "prompts.*");
    assert_eq!(
        catalog.parameter(&key("routing.routes.sales.prompt")).unwrap().pattern.as_str(),
        "routing.routes.*.prompt"
    );
    assert!(catalog.parameter(&key("persona")).is_none());
    assert!(catalog.is_section(&key("persona")) && catalog.is_section(&key("routing.routes.sales")));
    assert!(!catalog.is_section(&key("persona.name")) && !catalog.is_section(&key("persona.name.x")));
}
