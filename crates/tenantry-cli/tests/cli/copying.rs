//! `copy`: whole tenants from one store to another, verified, and never over what is there.

use std::process::Stdio;

use rusqlite::Connection;

use crate::aws::OnAws;
use crate::program::{Program, Ran, snapshot};

const COMPANIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/companies.yaml");
const TENANTS: [&str; 3] = ["brightwell", "sonnkorn", "sonrisa"];

/// The sample companies with some history, and an empty store beside it.
fn with_companies() -> Program {
    let program = Program::new();
    program.run(&["apply", "-f", COMPANIES, "--reason", "first customers"]).ok();
    program.run(&["-t", "sonrisa", "set", "persona.name", "Luz", "--reason", "our voice"]).ok();
    program.set_secret("sonrisa", "openai.api_key", "sk-CANARY-sonrisa-0123456789");
    program.run(&["-t", "sonrisa", "binding", "add", "slack:T0123"]).ok();
    program.run(&["tenant", "suspend", "brightwell", "--reason", "unpaid"]).ok();
    other(&program, &["init"]).ok();
    program
}

/// The URL of the store beside the program's own.
fn other_url(program: &Program) -> String {
    format!("sqlite:{}", program.path("other.db").display())
}

/// Runs the program on the other store.
fn other(program: &Program, arguments: &[&str]) -> Ran {
    let mut command = program.command(arguments);
    Ran::of(command.env("TENANTRY_STORE", other_url(program)))
}

fn copy(program: &Program, arguments: &[&str]) -> Ran {
    let (from, to) = (program.url(), other_url(program));
    program.run(&[&["copy", "--from", &from, "--to", &to], arguments].concat())
}

#[test]
fn the_sample_companies_answer_the_same_from_the_copy() {
    let program = with_companies();
    let dry = copy(&program, &["--dry-run"]);
    snapshot("copy_dry_run", dry.ok());
    assert_eq!(other(&program, &["tenant", "list", "-o", "json"]).json().as_array().unwrap().len(), 0);
    let copied = copy(&program, &[]);
    snapshot("copy", copied.ok());
    assert_eq!(copied.stderr, "");
    for arguments in [&["export"][..], &["render", "chitchat"], &["binding", "list"], &["validate"]] {
        for tenant in TENANTS {
            let arguments = [&["-t", tenant], arguments].concat();
            let (here, there) = (program.run(&arguments), other(&program, &arguments));
            // Fingerprints and versions of secrets alone are each store's own.
            let (here_said, there_said) = (program.redact(&here.stdout), program.redact(&there.stdout));
            assert!(here.code == there.code && here_said == there_said, "{arguments:?}");
        }
    }
    for tenant in TENANTS {
        let values = |ran: Ran| ran.json()["values"].to_string();
        let arguments = ["-t", tenant, "get", "-o", "json"];
        assert!(values(program.run(&arguments)) == values(other(&program, &arguments)), "{tenant}");
    }
    for scope in [&["--global"][..], &["-t", "brightwell"], &["-t", "sonnkorn"], &["-t", "sonrisa"]] {
        let arguments = [scope, &["history"]].concat();
        assert_eq!(program.run(&arguments).ok(), other(&program, &arguments).ok());
        other(&program, &[scope, &["drift"]].concat()).ok();
    }
    other(&program, &["doctor"]).ok();
    snapshot("copy_again", copy(&program, &[]).ok());
    snapshot("copy_verified", copy(&program, &["--verify-only"]).ok());
    let document = copy(&program, &["-o", "json"]).json();
    assert_eq!((document["good"].as_bool(), document["scopes"][3]["outcome"].as_str()), (Some(true), Some("same")));
    other(&program, &["-t", "sonrisa", "restore", "1"]).ok();
}

#[test]
fn one_tenant_is_copied_and_the_rest_goes_on_later() {
    let program = with_companies();
    assert!(copy(&program, &["-t", "sonnkorn"]).ok().starts_with("copied     1 scope (sonnkorn)"));
    let missing = copy(&program, &["--verify-only"]);
    assert_eq!((missing.code, missing.stdout.contains("missing    3 scopes")), (5, true), "{missing:?}");
    let rest = copy(&program, &[]);
    assert!(rest.ok().contains("copied     3 scopes") && rest.stdout.contains("the same   1 scope"), "{rest:?}");
    let nobody = copy(&program, &["-t", "ghost"]);
    assert_eq!((nobody.code, nobody.stdout.as_str()), (5, "✗ ghost: there is no such tenant\n"));
}

#[test]
fn a_copy_that_was_killed_goes_on_where_it_was() {
    let program = Program::new();
    let tenant = |n: u32| format!("- {{tenant_id: t{n:03}, display_name: T{n}, values: {{persona.name: Ada{n}}}}}\n");
    let file = program.file("many.yaml", &format!("tenants:\n{}", (0..150).map(tenant).collect::<String>()));
    program.run(&["apply", "-f", &file]).ok();
    other(&program, &["init"]).ok();
    let (from, to) = (program.url(), other_url(&program));
    let mut killed = program.command(&["copy", "--from", &from, "--to", &to]);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let seen = Connection::open(program.path("other.db")).unwrap();
    let copied = || seen.query_row("SELECT count(*) FROM scopes", [], |row| row.get::<_, u32>(0)).unwrap_or_default();
    while copied() < 3 && killed.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = copied();
    assert!((3..=150).contains(&before), "{before}");
    let document = copy(&program, &["-o", "json"]).json();
    let outcomes: Vec<_> = document["scopes"].as_array().unwrap().iter().map(|row| row["outcome"].as_str()).collect();
    let count = |outcome| outcomes.iter().filter(|found| **found == Some(outcome)).count();
    assert_eq!((count("same"), count("copied")), (before as usize, 150 - before as usize));
    copy(&program, &["--verify-only"]).ok();
    other(&program, &["doctor"]).ok();
}

#[test]
fn what_differs_is_told_and_left_while_others_are_copied() {
    let program = with_companies();
    copy(&program, &["-t", "sonrisa"]).ok();
    other(&program, &["-t", "sonrisa", "set", "persona.name", "Sol"]).ok();
    other(&program, &["tenant", "create", "thief", "--name", "Thief"]).ok();
    other(&program, &["-t", "thief", "set", "storage.s3.bucket", "sonnkorn-files"]);
    let ran = copy(&program, &[]);
    assert_eq!(ran.code, 5, "{ran:?}");
    snapshot("copy_different", &ran.all());
    assert_eq!(other(&program, &["-t", "sonrisa", "get", "persona.name"]).ok(), "Sol\n");
    let document: serde_json::Value = serde_json::from_str(&copy(&program, &["-o", "json"]).stdout).unwrap();
    assert_eq!(document["good"], false);
    let sonrisa = document["scopes"].as_array().unwrap().iter().find(|row| row["scope"] == "sonrisa").unwrap();
    assert_eq!((&sonrisa["outcome"], &sonrisa["differs_in"][0]), (&"different".into(), &"head".into()));
}

/// What `docs/operations.md` says of a company that was deleted, step by step.
#[test]
fn a_deleted_company_is_brought_back_from_a_backup_beside_the_others() {
    let program = with_deleted_sonrisa();
    let backup = |arguments: &[&str]| {
        let store = format!("sqlite:{}", program.path("backup.db").display());
        let key = program.path("tenantry.db.key").display().to_string();
        program.run(&[&["--store", &store, "--master-key-file", &key, "-t", "sonrisa"], arguments].concat())
    };
    let exported = backup(&["export"]);
    let bindings = backup(&["binding", "list"]);
    assert_eq!(bindings.ok().trim(), "slack:T0123");
    let file = program.file("sonrisa.yaml", exported.ok());
    program.run(&["apply", "-f", &file, "--reason", "back from the backup"]).ok();
    assert!(exported.ok().contains("- openai.api_key"), "the export names the secrets that it has not");
    program.set_secret("sonrisa", "openai.api_key", "sk-CANARY-sonrisa-0123456789");
    program.run(&["-t", "sonrisa", "binding", "add", bindings.ok().trim()]).ok();
    program.run(&["-t", "sonrisa", "token", "create", "--role", "tenant-admin", "--name", "console"]).ok();
    program.run(&["-t", "sonrisa", "validate"]).ok();
    let values = |ran: Ran| ran.json()["values"].to_string();
    let get = ["get", "persona", "-o", "json"];
    assert_eq!(values(program.run(&[&["-t", "sonrisa"], &get[..]].concat())), values(backup(&get)));

    // As the page says, to copy it is no way.
    let (from, to) = (format!("sqlite:{}", program.path("backup.db").display()), program.url());
    let key = program.path("tenantry.db.key").display().to_string();
    program.run(&["tenant", "suspend", "sonrisa"]).ok();
    program.run(&["tenant", "delete", "sonrisa", "--yes"]).ok();
    let refused = program.run(&["copy", "-t", "sonrisa", "--from", &from, "--to", &to, "--from-master-key-file", &key]);
    assert_ne!(refused.code, 0, "{refused:?}");
}

/// What `docs/operations.md` says for when its secrets and its history must come along.
#[test]
fn a_deleted_company_is_brought_back_whole_in_a_new_store() {
    let program = with_deleted_sonrisa();
    let key = program.path("tenantry.db.key").display().to_string();
    let url = |name: &str| format!("sqlite:{}", program.path(name).display());
    let new = |arguments: &[&str]| {
        program.run(&[&["--store", &url("new.db"), "--master-key-file", &key], arguments].concat())
    };
    new(&["init"]).ok();
    let copy = |from: &str, tenant: &[&str]| {
        let places = ["--from", &url(from), "--to", &url("new.db")];
        let keys = ["--from-master-key-file", &key, "--master-key-file", &key];
        program.run(&[&["copy"], tenant, &places, &keys].concat()).ok();
    };
    copy("backup.db", &["-t", "sonrisa"]);
    copy("tenantry.db", &[]);
    let ids = |ran: Ran| -> Vec<String> {
        let listed = ran.json();
        listed.as_array().unwrap().iter().map(|tenant| tenant["tenant_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(new(&["tenant", "list", "-o", "json"])), TENANTS);
    let history = new(&["-t", "sonrisa", "history"]);
    assert!(history.ok().contains("our voice"), "{history:?}");
    let secret = new(&["-t", "sonrisa", "get", "openai.api_key"]);
    assert!(secret.ok().contains("fingerprint"), "{secret:?}");
    new(&["doctor"]).ok();
}

/// The sample companies, of which one was deleted after a backup.
fn with_deleted_sonrisa() -> Program {
    let program = with_companies();
    program.run(&["backup", "backup.db"]).ok();
    program.run(&["tenant", "suspend", "sonrisa"]).ok();
    program.run(&["tenant", "delete", "sonrisa", "--yes"]).ok();
    program
}

#[test]
fn tokens_go_along_to_a_backup_alone() {
    let program = Program::with_acme();
    program.run(&["backup", "backup.db"]).ok();
    let token = program.run(&["-t", "acme", "token", "create", "--name", "till", "-o", "json"]).json();
    other(&program, &["init"]).ok();
    let left = copy(&program, &[]);
    assert!(left.ok().starts_with("copied     1 scope (acme)"), "{left:?}");
    assert!(left.stderr.contains("1 API token was left: the other store has other keys"), "{left:?}");
    let key = program.path("tenantry.db.key").display().to_string();
    let to = format!("sqlite:{}", program.path("backup.db").display());
    let erased = Connection::open(program.path("backup.db")).unwrap();
    for table in ["items", "log", "scopes"] {
        erased.execute(&format!("DELETE FROM {table}"), []).unwrap();
    }
    drop(erased);
    let ran = program.run(&["copy", "--from", &program.url(), "--to", &to, "--master-key-file", &key]);
    assert!(ran.ok().contains("API tokens 1 copied"), "{ran:?}");
    let list = program.run(&["--store", &to, "--master-key-file", &key, "token", "list", "-o", "json"]).json();
    assert_eq!(list[0]["id"], token["id"]);
}

#[test]
fn stores_that_cannot_be_used_are_refused_with_the_next_step() {
    let program = with_companies();
    let (from, to) = (program.url(), other_url(&program));
    let none = format!("sqlite:{}", program.path("none.db").display());
    let same = format!("sqlite:{}/./tenantry.db", program.folder().display());
    let wrong = program.file("wrong.key", &"0a".repeat(32));
    std::os::unix::fs::symlink(program.path("tenantry.db"), program.path("link.db")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&wrong, mode).unwrap();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["--from", &from, "--to", &same], 2, "name the same store"),
        (&["--from", &from, "--to", "sqlite:link.db"], 2, "name the same store"),
        (&["--from", &from, "--to", &none], 7, "init`"),
        (&["--from", &none, "--to", &to], 7, "no store at sqlite:"),
        (&["--from", "postgres://u:CANARY@host/db", "--to", &to], 7, "\"postgres\" is no kind of store"),
        (&["--from", &from, "--to", &to, "--from-master-key-file", &wrong], 7, "--from-master-key-file or"),
        (&["--from", &from, "--to", &to, "--master-key-file", &wrong], 7, "name the key's file with --master-key-file"),
        (&["--from", &from], 2, "--to"),
    ];
    for (arguments, code, told) in cases {
        let ran = program.run(&[&["copy"], arguments].concat());
        assert!(ran.refused(code).contains(told) && !ran.all().contains("CANARY"), "{arguments:?}: {ran:?}");
    }
    Connection::open(program.path("other.db")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let newer = copy(&program, &[]);
    assert!(newer.refused(7).contains("format 99"), "{newer:?}");
}

#[test]
fn no_secret_is_said_while_copying() {
    let program = with_companies();
    for arguments in [&["--dry-run"][..], &["--verbose"], &["-o", "json"], &["--verify-only", "-o", "yaml"]] {
        let ran = copy(&program, arguments);
        assert!(!ran.all().contains("CANARY") && !ran.all().contains("sk-"), "{ran:?}");
    }
    let there = std::fs::read(program.path("other.db")).unwrap();
    assert!(!there.windows(6).any(|window| window == b"CANARY"), "sealed there, too");
}

#[tokio::test]
async fn companies_move_to_aws_and_back_and_answer_the_same() {
    let (file, aws) = (with_companies(), OnAws::new().await);
    let (here, there) = (file.url(), aws.url().to_string());
    let key = file.path("tenantry.db.key").display().to_string();
    let to_aws = ["copy", "--from", &here, "--from-master-key-file", &key, "--to", &there];
    assert!(aws.run(&to_aws).ok().starts_with("copied     4 scopes"));
    assert!(aws.run(&to_aws).ok().starts_with("the same   4 scopes"), "it can be made again");
    let back = aws.program.path("back.db").display().to_string();
    let back = format!("sqlite:{back}");
    aws.program.run(&["--store", &back, "init"]).ok();
    let copied = aws.run(&["copy", "--from", &there, "--to", &back]);
    assert!(copied.ok().starts_with("copied     4 scopes"), "{copied:?}");
    for arguments in [&["export"][..], &["history"], &["render", "chitchat"], &["binding", "list"], &["validate"]] {
        for tenant in TENANTS {
            let arguments = [&["-t", tenant], arguments].concat();
            let said = |ran: &Ran| (ran.code, file.redact(&ran.stdout));
            let expected = said(&file.run(&arguments));
            assert!(said(&aws.run(&arguments)) == expected, "{arguments:?} on AWS");
            let again = aws.program.run(&[&["--store", &back], arguments.as_slice()].concat());
            assert!(said(&again) == expected, "{arguments:?} in the file again");
        }
    }
    for tenant in TENANTS {
        let values = |ran: Ran| ran.json()["values"].to_string();
        let arguments = ["-t", tenant, "get", "-o", "json"];
        assert!(values(file.run(&arguments)) == values(aws.run(&arguments)), "{tenant}");
    }
    assert!(aws.run(&["drift", "--all"]).code == 0);
    aws.run(&["-t", "sonrisa", "set", "persona.name", "Sol"]).ok();
    let differs = aws.run(&to_aws);
    assert!(differs.code == 5 && differs.stdout.contains("✗ sonrisa: differs in head, values"), "{differs:?}");
}
