//! `init` and `tenant`: the store and its companies.

use crate::program::{Program, Ran, snapshot};

#[test]
fn init_makes_a_store_and_changes_nothing_the_second_time() {
    let program = Program::without_store();
    let first = program.run(&["init"]);
    first.ok();
    snapshot("init", &program.redact(&first.all()));
    let before = std::fs::read(program.path("tenantry.db")).unwrap();
    let second = program.run(&["init"]);
    assert!(second.ok().contains("was there already"), "{second:?}");
    assert!(!second.all().contains("warning"), "no new key was made: {second:?}");
    assert_eq!(std::fs::read(program.path("tenantry.db")).unwrap(), before);
}

#[test]
fn without_a_flag_the_store_is_in_the_users_data_directory() {
    let program = Program::without_store();
    let data = program.path("data");
    Ran::of(program.command(&["init"]).env_remove("TENANTRY_STORE").env("XDG_DATA_HOME", &data)).ok();
    assert!(data.join("tenantry/tenantry.db").is_file());
}

#[test]
fn a_master_key_of_ones_own_leaves_no_key_file() {
    let program = Program::without_store();
    let key = "ab".repeat(32);
    Ran::of(program.command(&["init"]).env("TENANTRY_MASTER_KEY", &key)).ok();
    assert!(!program.path("tenantry.db.key").exists());
    let listed = Ran::of(program.command(&["tenant", "list"]).env("TENANTRY_MASTER_KEY", &key));
    assert_eq!(listed.ok(), "there are no tenants yet: `tenantry tenant create ID --name NAME`\n");
    let wrong = Ran::of(program.command(&["tenant", "list"]).env("TENANTRY_MASTER_KEY", "cd".repeat(32)));
    assert!(wrong.refused(7).contains("master key"), "{wrong:?}");
    assert!(!wrong.all().contains("cdcd"), "a key is never shown");
}

#[test]
fn a_store_that_is_not_there_or_not_ours_is_refused_with_the_next_step() {
    let program = Program::without_store();
    let missing = program.run(&["tenant", "list"]);
    assert!(missing.refused(7).contains("tenantry init"), "{missing:?}");
    assert!(!program.path("tenantry.db").exists(), "looking makes nothing");
    std::fs::write(program.path("tenantry.db"), "not a database, but long enough to look like one").unwrap();
    program.run(&["tenant", "list"]).refused(7);
    let strange = program.run(&["--store", "postgres://x", "tenant", "list"]);
    assert!(strange.refused(7).contains("sqlite:PATH"), "{strange:?}");
}

#[test]
fn a_tenant_lives_from_creation_to_deletion() {
    let program = Program::with_acme();
    program.run(&["tenant", "create", "beta", "--name", "Beta GmbH"]).ok();
    program.run(&["tenant", "rename", "acme", "--name", "Acme Bakeries"]).ok();
    snapshot("tenant_list", &program.redact(program.run(&["tenant", "list"]).ok()));
    snapshot("tenant_show", &program.redact(program.run(&["tenant", "show", "acme"]).ok()));
    assert!(program.run(&["tenant", "delete", "acme", "--yes"]).refused(6).contains("suspend"));
    program.run(&["tenant", "suspend", "acme", "--reason", "unpaid"]).ok();
    assert_eq!(program.run(&["tenant", "show", "acme", "-o", "json"]).json()["status"], "suspended");
    program.run(&["tenant", "resume", "acme"]).ok();
    program.run(&["tenant", "suspend", "acme"]).ok();
    assert!(program.run(&["tenant", "delete", "acme"]).refused(6).contains("--yes"), "nobody can be asked here");
    program.run(&["tenant", "delete", "acme", "--yes"]).ok();
    program.run(&["tenant", "show", "acme"]).refused(3);
    let left = program.run(&["tenant", "list", "-o", "json"]).json();
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[test]
fn a_tenant_that_is_there_or_missing_or_badly_named_is_refused() {
    let program = Program::with_acme();
    assert!(program.run(&["tenant", "create", "acme", "--name", "x"]).refused(5).contains("already"));
    for command in ["show", "suspend", "resume"] {
        assert!(program.run(&["tenant", command, "nobody"]).refused(3).contains("tenant list"));
    }
    for id in ["", "Acme", "acme/../beta", "acme%2fbeta", "аcme", "ac\u{200b}me", "*", "${aws:username}", "global"] {
        program.run(&["tenant", "create", id, "--name", "x"]).refused(2);
    }
    program.run(&["tenant", "create", &"x".repeat(64), "--name", "x"]).refused(2);
    program.run(&["tenant", "create", "blank", "--name", " "]).refused(2);
}

#[test]
fn bindings_belong_to_one_tenant_alone() {
    let program = Program::with_acme();
    program.run(&["tenant", "create", "beta", "--name", "Beta"]).ok();
    program.run(&["-t", "acme", "binding", "add", "slack:T01"]).ok();
    assert_eq!(program.run(&["-t", "acme", "binding", "list"]).ok(), "slack:T01\n");
    let taken = program.run(&["-t", "beta", "binding", "add", "slack:T01"]);
    assert!(!taken.refused(5).contains("acme"), "whose it is, is not said: {taken:?}");
    program.run(&["-t", "acme", "binding", "add", "fax:1"]).refused(2);
    program.run(&["--global", "binding", "list"]).refused(2);
    program.run(&["-t", "acme", "binding", "remove", "slack:T01"]).ok();
    program.run(&["-t", "beta", "binding", "add", "slack:T01"]).ok();
}

#[test]
fn doctor_finds_a_new_store_in_order_and_backup_copies_it() {
    let program = Program::with_acme();
    snapshot("doctor", &program.redact(program.run(&["doctor"]).ok()));
    program.run(&["backup", "copy.db"]).ok();
    assert!(program.run(&["backup", "copy.db"]).refused(5).contains("not overwritten"));
    let key = program.path("tenantry.db.key").display().to_string();
    let copy = program.run(&["--store", "sqlite:copy.db", "--master-key-file", &key, "tenant", "list"]);
    assert!(copy.ok().contains("Acme Bakery"));
}

#[test]
fn a_backup_tells_how_it_is_opened_and_without_its_key_it_says_which_flag_is_missing() {
    let program = Program::with_acme();
    let made = program.run(&["backup", "copy.db"]);
    made.ok();
    let key = format!("{}.key", program.path("tenantry.db").display());
    assert!(made.stderr.contains(&format!("--master-key-file {key}")), "{made:?}");
    let lost = program.run(&["--store", "sqlite:copy.db", "tenant", "list"]);
    assert!(lost.refused(7).contains("--master-key-file") && lost.stderr.contains("TENANTRY_MASTER_KEY"), "{lost:?}");
    program.run(&["--store", "sqlite:copy.db", "--master-key-file", &key, "tenant", "list"]).ok();
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_that_takes_no_file_is_named_as_such() {
    let program = Program::without_store();
    for arguments in [&["--store", "sqlite:/proc/q.db", "init"][..], &["demo", "--once", "--dir", "/proc/q"]] {
        let ran = program.run(arguments);
        let said = ran.refused(7);
        assert!(
            said.contains("cannot be made") && !said.contains("tenantry init") && !said.contains("help:"),
            "{said}"
        );
    }
}
