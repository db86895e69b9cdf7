//! What may not be found in the files of a store: a secret in any spelling, and what was erased. And what must be found
//! in a copy of it.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is a failing test, in the functions around them, too")]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use tenantry_core::change::Difference;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;
use tenantry_store::contract::acts::{Draft, entry, key, read, read_secret, scope, tenant, texts, value};
use tenantry_store::{Action, OpenOptions, Severity, StoreError, StoreUrl, Stores};

fn url(path: &Path) -> StoreUrl {
    StoreUrl::Sqlite(path.to_owned())
}

async fn create(folder: &Path) -> Stores {
    Stores::create(&url(&folder.join("store.db")), &OpenOptions::default()).await.unwrap().0
}

fn canary(name: &str) -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).unwrap();
    format!("CANARY-{name}-{}", hex(&random))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A text in every spelling in which it may have leaked.
fn spellings(text: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![text.to_vec(), hex(text).into(), hex(text).to_uppercase().into()];
    for (alphabet, before) in [&STANDARD, &URL_SAFE].into_iter().flat_map(|a| (0..3).map(move |n| (a, n))) {
        // Base 64 looks different behind one or two other bytes; its edges mix with the neighbours.
        let padded = [vec![0; before], text.to_vec()].concat();
        let spelled = alphabet.encode(padded);
        all.push(spelled.as_bytes()[4..spelled.len() - 4].to_vec());
    }
    all
}

/// The files of a folder, but those of keys, in which a text is found in any spelling.
fn found_in(folder: &Path, text: &[u8]) -> Vec<PathBuf> {
    let contains = |file: &PathBuf| {
        let bytes = fs::read(file).unwrap();
        spellings(text).iter().any(|spelled| bytes.windows(spelled.len()).any(|window| window == spelled))
    };
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_none_or(|extension| extension != "key")).filter(contains).collect()
}

#[test]
fn the_search_finds_every_spelling() {
    let folder = tempfile::tempdir().unwrap();
    for (n, text) in ["xCANARY-1", "x43414e4152592d31", "eENBTkFSWS0xeA==", "AAECQ0FOQVJZLTE"].iter().enumerate() {
        fs::write(folder.path().join(n.to_string()), text).unwrap();
    }
    assert_eq!(found_in(folder.path(), b"CANARY-1").len(), 4);
}

#[tokio::test]
async fn no_secret_byte_is_in_the_file_its_logs_or_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let stores = create(folder.path()).await;
    let (first, second, operators) = (canary("acme"), canary("acme"), canary("global"));
    let committed = Draft::create("acme").secret(None, &[("odoo_password", Some(&first))]).done(&stores).await;
    let change = [("odoo_password", Some(&*second))];
    Draft::change(scope("acme"), 1).secret(committed.secret_version.as_ref(), &change).done(&stores).await;
    Draft::create_global().secret(None, &[("llm_key", Some(&operators))]).done(&stores).await;
    stores.back_up(&folder.path().join("copy.db")).await.unwrap();
    let look = |when: &str| {
        let master = fs::read_to_string(folder.path().join("store.db.key")).unwrap();
        let master: Vec<u8> =
            (0..64).step_by(2).map(|at| u8::from_str_radix(&master[at..at + 2], 16).unwrap()).collect();
        for text in [first.as_bytes(), second.as_bytes(), operators.as_bytes(), &master] {
            assert_eq!(found_in(folder.path(), text), [] as [PathBuf; 0], "{when}");
        }
        assert!(found_in(folder.path(), b"Company acme").len() >= 2, "what is no secret is found {when}");
    };
    look("while it is open");
    drop(stores);
    look("when it is closed");
}

#[tokio::test]
async fn an_erased_tenant_is_gone_from_the_bytes_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let stores = create(folder.path()).await;
    let erased = canary("acme");
    let told = Difference { key: key("a"), before: None, after: Some(Entry::Value(erased.as_str().into())) };
    Draft::create("beta").set("a", "stays").done(&stores).await;
    let draft = Draft::create("acme").set("a", erased.as_str()).because(&erased).telling(vec![told]);
    draft.take("slack:CANARY-acme-team").done(&stores).await;
    Draft::suspend("acme", 1).done(&stores).await;
    assert!(!found_in(folder.path(), erased.as_bytes()).is_empty());
    stores.erase(&tenant("acme"), Revision(2), entry(&scope("acme"), Action::Delete)).await.unwrap();
    for text in [erased.as_bytes(), b"CANARY-acme-team", b"Company acme"] {
        assert_eq!(found_in(folder.path(), text), [] as [PathBuf; 0]);
    }
    assert_eq!(value(&stores, &scope("beta"), "a").await, Some("stays".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_while_others_write_opens_and_is_of_one_state() {
    let folder = tempfile::tempdir().unwrap();
    let stores = create(folder.path()).await;
    Draft::create("acme").set("left", 1).set("right", 1).secret(None, &[("f", Some("1"))]).done(&stores).await;
    let (writer, stop) = (stores.clone(), std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let stopped = stop.clone();
    let writing = tokio::spawn(async move {
        let mut revision = 1;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let version = read_secret(&writer, &scope("acme")).await.version;
            let (number, text) = (i64::try_from(revision).unwrap() + 1, (revision + 1).to_string());
            let draft = Draft::change(scope("acme"), revision).set("left", number).set("right", number);
            draft.secret(Some(&version), &[("f", Some(&text))]).done(&writer).await;
            revision += 1;
        }
    });
    let key_file = Some(folder.path().join("store.db.key"));
    let options = OpenOptions { master_key_file: key_file, ..OpenOptions::default() };
    for copy in ["copy1.db", "copy2.db", "copy3.db"] {
        stores.back_up(&folder.path().join(copy)).await.unwrap();
        let copy = Stores::open(&url(&folder.path().join(copy)), &options).await.unwrap();
        let revision = read(&copy, &scope("acme")).await.head.revision.0;
        let number = Some(i64::try_from(revision).unwrap().into());
        assert_eq!(value(&copy, &scope("acme"), "left").await, number);
        assert_eq!(value(&copy, &scope("acme"), "right").await, number);
        assert_eq!(texts(&read_secret(&copy, &scope("acme")).await)["f"], revision.to_string());
        let findings = copy.check().await.unwrap();
        assert!(findings.iter().all(|finding| finding.severity < Severity::Error), "{findings:?}");
        // A copy is a store of its own: it takes writes.
        Draft::create("only-in-the-copy").done(&copy).await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writing.await.unwrap();
    assert!(stores.read(&scope("only-in-the-copy")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_backup_replaces_nothing_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let stores = create(folder.path()).await;
    Draft::create_global().done(&stores).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy.db");
    stores.back_up(&copy).await.unwrap();
    let names: Vec<_> = fs::read_dir(elsewhere.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names, [copy.as_path()]);
    let whole = fs::read(&copy).unwrap();
    for target in [&copy, &folder.path().join("store.db")] {
        let refused = stores.back_up(target).await;
        let Err(StoreError::CannotOpen(message)) = refused else { panic!("{refused:?}") };
        assert!(message.contains("expected a new file"), "{message}");
    }
    assert_eq!(fs::read(&copy).unwrap(), whole);
    let refused = stores.back_up(&elsewhere.path().join("no/such/folder/copy.db")).await;
    assert!(matches!(refused, Err(StoreError::CannotOpen(_))), "{refused:?}");
    assert!(stores.read(&Scope::Global).await.unwrap().is_some());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
