//! What the catalog of the assistant must hold.

use super::*;

#[test]
fn the_defaults_are_what_an_empty_document_gives() {
    let settings: Settings = serde_json::from_str("{}").unwrap();
    assert_eq!(settings.persona.name, "Ada");
    assert_eq!(settings.prompts, Prompts::default());
    assert!(settings.openai.is_none());
}
#[test]
fn zz_print() {
    println!("{}", serde_json::to_string_pretty(&schemars::schema_for!(Settings)).unwrap());
}
