//! `plan` and `behind`: defaults that change, and what becomes of those who set their own.

use crate::program::{Program, snapshot};

fn world() -> Program {
    let program = Program::with_acme();
    program.run(&["tenant", "create", "beta", "--name", "Beta"]).ok();
    program.run(&["--global", "set", "prompts.greet", "Say hello.", "persona.name", "Ada"]).ok();
    program.run(&["-t", "acme", "set", "persona.name", "Ann of acme"]).ok();
    program.run(&["-t", "beta", "set", "routing.routes.hello", r#"{"prompt": "greet", "task": "chitchat"}"#]).ok();
    program
}

#[test]
fn a_plan_tells_who_gets_what_and_who_would_break_and_changes_nothing() {
    let program = world();
    let plan = program.run(&["plan", "persona.name", "Eve", "--unset", "prompts.greet"]);
    assert_eq!(plan.code, 4, "{plan:?}");
    snapshot("plan", &plan.stdout);
    assert_eq!(program.run(&["--global", "get", "persona.name"]).ok().trim(), "Ada");
    let document = program.run(&["plan", "persona.name", "Eve", "-o", "json"]).json();
    assert_eq!(document["counts"]["overridden"], 1, "{document}");
    assert_eq!(document["tenants"][1]["tenant_id"], "beta");
}

#[test]
fn a_plan_is_applied_and_one_that_breaks_somebody_only_if_that_is_meant() {
    let program = world();
    let refused = program.run(&["plan", "--unset", "prompts.greet", "--apply"]);
    assert!(refused.refused(6).contains("--despite-findings"), "{refused:?}");
    program.run(&["plan", "persona.name", "Eve", "--apply"]).ok();
    assert_eq!(program.run(&["-t", "beta", "get", "persona.name"]).ok().trim(), "Eve");
    program.run(&["plan", "--unset", "prompts.greet", "--apply", "--despite-findings"]).ok();
    assert_eq!(program.run(&["-t", "acme", "plan", "persona.name", "X"]).code, 2);
    assert_eq!(program.run(&["plan"]).code, 2);
}

#[test]
fn an_override_that_is_behind_is_shown_kept_taken_and_merged() {
    let program = world();
    let (base, new) = ("Be kind.\nBe short.\nBe true.", "Be kind.\nBe short.\nBe true, always.");
    program.run(&["--global", "set", "prompts.rule", base]).ok();
    program.run(&["-t", "acme", "set", "prompts.rule", "Be very kind.\nBe short.\nBe true."]).ok();
    program.run(&["--global", "set", "prompts.rule", new, "persona.name", "Eve"]).ok();
    let listed = program.run(&["-t", "acme", "behind"]);
    snapshot("behind", listed.ok());
    program.run(&["-t", "acme", "behind", "persona.name", "--keep"]).ok();
    assert_eq!(program.run(&["-t", "acme", "get", "persona.name"]).ok().trim(), "Ann of acme");
    program.run(&["-t", "acme", "behind", "prompts.rule", "--merge"]).ok();
    let merged = "Be very kind.\nBe short.\nBe true, always.";
    assert_eq!(program.run(&["-t", "acme", "get", "prompts.rule"]).ok().trim(), merged);
    assert!(program.run(&["-t", "acme", "behind"]).ok().contains("nothing is behind"));
    assert_eq!(program.run(&["-t", "acme", "behind", "persona.name", "--take"]).code, 3);
}
