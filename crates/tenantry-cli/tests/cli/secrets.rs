//! Secrets come in by standard input, files and prompts, and never come out.

use std::fmt::Write as _;
use std::path::Path;

use crate::program::{Program, Ran};

/// A secret that is searched for in everything that a test wrote.
const CANARY: &str = "sk-CANARY-acme-3f9a1c07d2b84e65a0917b6cfe28d413";

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Base64 of a text at each of the three places that it may have in a longer one, without the edges.
fn base64(text: &str) -> Vec<String> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |bytes: &[u8]| -> String {
        let group = |group: &[u8]| {
            let bits = group.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
            [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]))
        };
        bytes.chunks_exact(3).flat_map(group).collect()
    };
    (0..3).map(|skip| encode(&text.as_bytes()[skip..])).collect()
}

fn forms() -> Vec<String> {
    let percent = CANARY.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    });
    [vec![CANARY.to_owned(), hex(CANARY), percent], base64(CANARY)].concat()
}

#[track_caller]
fn assert_clean(ran: &Ran) {
    for form in forms() {
        assert!(!ran.all().contains(&form), "a secret was shown: {ran:?}");
    }
}

/// Searches all files of a folder, and those below it.
fn assert_folder_clean(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_folder_clean(&path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for form in forms() {
            let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
            assert!(!found, "a secret stands in {}", path.display());
        }
    }
}

#[test]
fn a_secret_in_an_argument_is_refused_and_not_repeated() {
    let program = Program::with_acme();
    for arguments in [
        vec!["-t", "acme", "set", "openai.api_key", CANARY],
        vec!["-t", "acme", "set", "openai_api_key", CANARY],
        vec!["-t", "acme", "set", "persona.name", CANARY],
        vec!["-t", "acme", "set", CANARY, "persona.name"],
        vec!["-t", "acme", "set", "odoo.password", "CANARY"],
        vec!["-t", "acme", "get", CANARY],
        vec!["token", "revoke", CANARY],
        vec![CANARY],
        vec!["-t", "acme", "get", "persona.name", CANARY],
        vec!["-t", CANARY, "get"],
        vec!["-t", "acme", "set", "openai.api_key", "-sk-CANARY-acme-3f9a1c07d2b84e65"],
    ] {
        let ran = program.run(&arguments);
        ran.refused(6);
        assert_clean(&ran);
        assert!(!ran.all().contains("CANARY"), "{ran:?}");
    }
    let told = program.run(&["-t", "acme", "set", "openai.api_key", CANARY]);
    assert!(told.stderr.contains("arguments are visible to other users"), "{told:?}");
    assert_folder_clean(program.folder());
}

#[test]
fn a_stored_secret_shows_in_no_output_and_in_no_file() {
    let program = Program::with_acme();
    program.set_secret("acme", "openai.api_key", CANARY);
    for format in ["table", "json", "yaml"] {
        for arguments in [
            vec!["get"],
            vec!["get", "openai.api_key"],
            vec!["explain"],
            vec!["explain", "openai"],
            vec!["diff"],
            vec!["history"],
            vec!["history", "2"],
            vec!["log"],
            vec!["validate"],
            vec!["export"],
            vec!["tenant", "show", "acme"],
            vec!["doctor"],
            vec!["render", "chitchat"],
            vec!["--verbose", "get"],
            vec!["unset", "persona.name"],
        ] {
            let arguments = [vec!["-t", "acme", "-o", format], arguments].concat();
            let ran = program.run(&arguments);
            ran.ok();
            assert_clean(&ran);
        }
    }
    let shown = program.run(&["-t", "acme", "get", "openai.api_key"]);
    assert!(shown.ok().starts_with("set (v1, fingerprint "), "{shown:?}");
    program.run(&["backup", "copy.db"]).ok();
    assert_folder_clean(program.folder());
}

#[test]
fn a_secret_comes_from_standard_input_or_a_file() {
    let program = Program::with_acme();
    let fingerprint = |program: &Program| {
        let shown = program.run(&["-t", "acme", "get", "openai.api_key", "-o", "json"]).json();
        shown["secret"]["fingerprint"].as_str().unwrap().to_owned()
    };
    program.run_with(&["-t", "acme", "set", "openai.api_key", "-"], &format!("{CANARY}\n")).ok();
    let by_input = fingerprint(&program);
    program.set_secret("acme", "openai.api_key", "sk-another-1234567890");
    assert_ne!(fingerprint(&program), by_input);
    let file = program.file("key", &format!("{CANARY}\n"));
    program.run(&["-t", "acme", "set", "openai.api_key", "--from-file", &file]).ok();
    assert_eq!(fingerprint(&program), by_input, "one line break is the file's");
    std::fs::remove_file(file).unwrap();
    assert_folder_clean(program.folder());
}

#[test]
fn a_secret_that_is_blank_or_has_line_breaks_or_another_shape_is_refused() {
    let program = Program::with_acme();
    for (key, secret) in [
        ("openai.api_key", ""),
        ("openai.api_key", " \n"),
        ("openai.api_key", "sk-CANARY-12345678\n\n"),
        ("slack.bot_token", "xoxp-CANARY-12345678"),
        ("telegram.bot_token", "CANARY"),
    ] {
        let ran = program.run_with(&["-t", "acme", "set", key, "-"], secret);
        assert!(ran.refused(4).contains(key), "{ran:?}");
        assert!(!ran.all().contains("CANARY"), "{ran:?}");
    }
    let no_text = program.run(&["-t", "acme", "set", "openai.api_key"]);
    assert!(no_text.refused(2).contains("no terminal"), "{no_text:?}");
}

#[test]
fn a_secret_in_a_plain_parameter_is_refused_wherever_it_comes_from() {
    let program = Program::with_acme();
    let by_input = program.run_with(&["-t", "acme", "set", "company.description", "-"], CANARY);
    by_input.refused(4);
    assert_clean(&by_input);
    let bundle = format!("tenants: [{{tenant_id: acme, values: {{company: {{description: 'key {CANARY}'}}}}}}]");
    let by_file = program.run_with(&["apply", "-f", "-"], &bundle);
    by_file.refused(4);
    assert_clean(&by_file);
    assert_folder_clean(program.folder());
}

#[test]
fn the_secrets_of_a_bundle_are_stored_and_not_exported() {
    let program = Program::new();
    let bundle = format!("tenants: [{{tenant_id: acme, display_name: A, secrets: {{openai_api_key: {CANARY}}}}}]");
    assert_clean(&program.run_with(&["apply", "-f", "-"], &bundle));
    let export = program.run(&["export", "--all"]);
    assert!(export.ok().contains("secrets_not_exported") && export.stdout.contains("openai.api_key"));
    assert!(export.stderr.contains("not exported"));
    assert_clean(&export);
    assert_folder_clean(program.folder());
}

#[test]
fn no_secret_is_taken_or_repeated_where_people_write_names_and_reasons() {
    let program = Program::with_acme();
    for (arguments, code) in [
        (&["-t", "acme", "--reason", CANARY, "set", "persona.name", "Ada"][..], 4),
        (&["-t", "acme", "binding", "add", "slack:xoxb-CANARY-acme-1"], 4),
        (&["-t", "acme", "token", "create", "--name", CANARY], 4),
        (&["tenant", "create", "beta", "--name", CANARY], 4),
        (&["-t", "acme", "render", CANARY], 6),
        (&["-t", "acme", "set", "company.facts", &format!(r#"{{"{CANARY}": "x"}}"#)], 6),
    ] {
        let ran = program.run(arguments);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(!ran.all().contains("CANARY"), "{ran:?}");
    }
    let bundle = format!(
        r#"{{"tenants":[{{"tenant_id":"acme","values":{{"company":{{"facts":{{"{CANARY}":"x"}}}},"{CANARY}":1}}}}]}}"#
    );
    let file = program.file("bundle.json", &bundle);
    let applied = program.run(&["apply", "-f", &file]);
    assert!(!applied.refused(4).contains("CANARY"), "{applied:?}");
    for member in [format!(r#""{CANARY}":1"#), format!(r#""secrets":{{"odoo":{{"{CANARY}":5}}}}"#)] {
        let file = program.file("form.json", &format!(r#"{{"tenants":[{{"tenant_id":"acme",{member}}}]}}"#));
        let applied = program.run(&["apply", "-f", &file]);
        assert!(!applied.refused(4).contains("CANARY"), "{applied:?}");
    }
}
