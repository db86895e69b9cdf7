//! `tenantry storage init`: the platform's table of conversations, and a tenant's own.

use crate::aws::OnAws;
use crate::program::Program;

#[tokio::test]
async fn the_platforms_table_is_made_once() {
    let on_aws = OnAws::new().await;
    let table = format!("{}-Conversations", on_aws.environment());
    assert_eq!(on_aws.run(&["storage", "init"]).ok().trim(), format!("table  {table} (new)"));
    let again = on_aws.run(&["storage", "init", "-o", "json"]);
    let again: serde_json::Value = serde_json::from_str(again.ok()).unwrap();
    assert_eq!(again, serde_json::json!({"table": table, "existed": true}));
}

#[tokio::test]
async fn a_tenants_table_is_under_its_own_prefix() {
    let on_aws = OnAws::new().await;
    on_aws.run(&["tenant", "create", "acme", "--name", "Acme Bakery"]).ok();
    let refused = on_aws.run(&["-t", "acme", "storage", "init"]).refused(3).to_owned();
    assert!(refused.contains("storage.dynamodb_table_prefix is not set"), "{refused}");
    let prefix = format!("{}-acme-", on_aws.environment());
    on_aws.run(&["-t", "acme", "set", "storage.dynamodb_table_prefix", &prefix]).ok();
    let made = on_aws.run(&["-t", "acme", "storage", "init"]);
    assert_eq!(made.ok().trim(), format!("table  {prefix}Conversations (new)"));
    on_aws.run(&["-t", "beta", "storage", "init"]).refused(3);
}

#[test]
fn a_store_in_one_file_needs_no_table() {
    let refused = Program::with_acme().run(&["storage", "init"]).refused(6).to_owned();
    assert!(refused.contains("beside it, and need no table"), "{refused}");
}
