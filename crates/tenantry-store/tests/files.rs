//! Files that are no store, are not whole, or belong to somebody else: refused in one sentence, and not touched.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is a failing test, in the functions around them, too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tenantry_core::secret::SecretText;
use tenantry_store::contract::acts::{self, Draft, read_secret, scope, secret, texts};
use tenantry_store::{Created, OpenOptions, Severity, StoreError, StoreUrl, Stores, TokenUse};

fn url(path: &Path) -> StoreUrl {
    StoreUrl::Sqlite(path.to_owned())
}

/// A key that is given from outside.
fn with_key(pair: &str) -> OpenOptions {
    OpenOptions { master_key: Some(SecretText::new(pair.repeat(32))), ..OpenOptions::default() }
}

/// Makes a store with one tenant, closes it, and leaves its folder to be played with.
async fn store(options: &OpenOptions) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (stores, _) = Stores::create(&url(&path), options).await.unwrap();
    Draft::create("acme").set("a", 1).secret(None, &[("f", Some("s"))]).done(&stores).await;
    drop(stores);
    (folder, path)
}

/// Every file of a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap_or_default();
        (path, bytes)
    };
    fs::read_dir(folder).unwrap().map(read).collect()
}

/// Expects a refusal to open that says these words.
async fn refused(path: &Path, options: &OpenOptions, words: &[&str]) {
    let message = match Stores::open(&url(path), options).await {
        Err(StoreError::CannotOpen(message)) => message,
        other => panic!("{other:?}"),
    };
    assert!(message.contains("found"), "{message}");
    assert!(message.contains("expected"), "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is missing: {message}");
    }
}

#[tokio::test]
async fn a_missing_store_is_refused_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    refused(&folder.path().join("none.db"), &OpenOptions::default(), &["none.db", "tenantry init"]).await;
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn foreign_files_are_refused_untouched_and_nothing_is_made_beside_them() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".repeat(300);
    let cases: [(&str, &[u8], &str); 4] = [
        ("image.png", &png, "no SQLite database"),
        ("empty.db", b"", "an empty file"),
        ("notes.txt", b"A text.\n", "no SQLite database"),
        ("short.db", b"SQLite format 3\0", "no SQLite database"),
    ];
    for (name, bytes, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        refused(&path, &with_key("11"), &[name, words, "untouched"]).await;
        assert!(Stores::create(&url(&path), &OpenOptions::default()).await.is_err());
        assert_eq!(files(folder.path()), BTreeMap::from([(path, bytes.to_vec())]));
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_untouched() {
    for mode in ["DELETE", "WAL"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        let other = Connection::open(&path).unwrap();
        other.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(())).unwrap();
        other.execute_batch("CREATE TABLE scopes (x); INSERT INTO scopes VALUES (1)").unwrap();
        drop(other);
        let before = files(folder.path());
        refused(&path, &with_key("11"), &["another program", "untouched"]).await;
        assert_eq!(files(folder.path()), before, "{mode}");
    }
}

#[tokio::test]
async fn a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    refused(folder.path(), &with_key("11"), &["not a file"]).await;
}

#[tokio::test]
async fn a_cut_file_is_refused_wherever_it_was_cut() {
    let (folder, path) = store(&with_key("11")).await;
    let whole = fs::read(&path).unwrap();
    for length in [1, 16, 99, 100, 512, 4_095, 4_096, 8_192, whole.len() / 2, whole.len() - 4_096, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = Stores::open(&url(&path), &with_key("11")).await.unwrap_err();
        assert!(matches!(error, StoreError::CannotOpen(_) | StoreError::Corrupt { .. }), "{length}: {error:?}");
        assert!(error.to_string().contains("found"), "{length}: {error}");
        assert!(error.to_string().contains("expected"), "{length}: {error}");
        assert!(fs::read(&path).unwrap() == whole[..length], "{length}: touched");
    }
    fs::write(&path, &whole).unwrap();
    Stores::open(&url(&path), &with_key("11")).await.unwrap();
    drop(folder);
}

#[tokio::test]
async fn overwritten_pages_are_found_and_never_a_panic() {
    let (_folder, path) = store(&with_key("11")).await;
    let whole = fs::read(&path).unwrap();
    let mut found = 0;
    for page in 1..whole.len() / 4_096 {
        let mut damaged = whole.clone();
        damaged[page * 4_096..(page + 1) * 4_096].fill(0x5a);
        fs::write(&path, &damaged).unwrap();
        let Ok(stores) = Stores::open(&url(&path), &with_key("11")).await else {
            found += 1;
            continue;
        };
        let _ = stores.read(&scope("acme")).await;
        let _ = stores.read_secret(&scope("acme")).await;
        let findings = stores.check().await.unwrap();
        found += usize::from(findings.iter().any(|finding| finding.severity == Severity::Error));
    }
    assert_eq!(found, whole.len() / 4_096 - 1, "every damaged page is found");
}

#[tokio::test]
async fn a_newer_format_is_refused_untouched() {
    let (folder, path) = store(&with_key("11")).await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = files(folder.path());
    refused(&path, &with_key("11"), &["format 99", "at most 1", "newer program"]).await;
    assert_eq!(files(folder.path()), before);
}

#[tokio::test]
async fn a_newer_format_that_is_still_in_the_log_is_refused() {
    let (_folder, path) = store(&with_key("11")).await;
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    refused(&path, &with_key("11"), &["format 99"]).await;
}

#[tokio::test]
async fn a_store_that_a_newer_program_took_over_is_not_written_to() {
    let (_folder, path) = store(&with_key("11")).await;
    let stores = Stores::open(&url(&path), &with_key("11")).await.unwrap();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = Draft::change(scope("acme"), 1).send(&stores).await;
    assert!(matches!(refused, Err(StoreError::CannotOpen(_))), "{refused:?}");
}

#[tokio::test]
async fn a_wrong_master_key_is_refused_untouched() {
    let (folder, path) = store(&with_key("11")).await;
    let before = files(folder.path());
    refused(&path, &with_key("22"), &["another master key", "untouched"]).await;
    assert_eq!(files(folder.path())[&path], before[&path]);
    Stores::open(&url(&path), &with_key("11")).await.unwrap();
}

#[tokio::test]
async fn a_malformed_master_key_is_refused_and_not_shown() {
    let (_folder, path) = store(&with_key("11")).await;
    for text in ["CANARY", &"g".repeat(64), &"1".repeat(63)] {
        let options = OpenOptions { master_key: Some(secret(text)), ..OpenOptions::default() };
        let error = Stores::open(&url(&path), &options).await.unwrap_err();
        assert!(error.to_string().contains("64 hexadecimal digits"), "{error}");
        assert!(!format!("{error} {error:?} {options:?}").contains(text));
    }
}

#[tokio::test]
async fn a_missing_master_key_file_is_refused() {
    let (folder, path) = store(&OpenOptions::default()).await;
    fs::remove_file(folder.path().join("store.db.key")).unwrap();
    refused(&path, &OpenOptions::default(), &["no master key", "store.db.key"]).await;
    let elsewhere = OpenOptions { master_key_file: Some(folder.path().join("elsewhere")), ..OpenOptions::default() };
    refused(&path, &elsewhere, &["no master key", "elsewhere"]).await;
    let created = Stores::create(&url(&folder.path().join("new.db")), &elsewhere).await;
    assert!(matches!(created, Err(StoreError::CannotOpen(_))), "{created:?}");
    assert!(!folder.path().join("new.db").exists());
}

#[tokio::test]
#[cfg(unix)]
async fn a_master_key_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = store(&OpenOptions::default()).await;
    let key = folder.path().join("store.db.key");
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        refused(&path, &OpenOptions::default(), &["permissions", "chmod 600"]).await;
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    Stores::open(&url(&path), &OpenOptions::default()).await.unwrap();
}

#[tokio::test]
#[cfg(unix)]
async fn every_file_of_a_store_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/store.db");
    let (stores, _) = Stores::create(&url(&path), &OpenOptions::default()).await.unwrap();
    Draft::create("acme").done(&stores).await;
    let found = files(path.parent().unwrap());
    assert_eq!(found.len(), 4, "the store, its two logs and the key: {:?}", found.keys());
    for file in found.keys() {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn creating_tells_what_it_made_and_changes_nothing_the_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let key = folder.path().join("store.db.key");
    let (stores, created) = Stores::create(&url(&path), &OpenOptions::default()).await.unwrap();
    assert_eq!(created, Created { master_key_file: Some(key), ..Created::default() });
    Draft::create("acme").secret(None, &[("f", Some("s"))]).done(&stores).await;
    drop(stores);
    let before = files(folder.path());
    let (stores, created) = Stores::create(&url(&path), &OpenOptions::default()).await.unwrap();
    assert_eq!(created, Created { existed: true, ..Created::default() });
    assert_eq!(texts(&read_secret(&stores, &scope("acme")).await)["f"], "s");
    drop(stores);
    assert_eq!(files(folder.path()), before);
}

#[tokio::test]
async fn a_given_master_key_makes_no_key_file() {
    let (folder, path) = store(&with_key("Af")).await;
    assert_eq!(files(folder.path()).into_keys().collect::<Vec<_>>(), [path]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creators_at_the_same_moment_share_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let create = |_| {
        let url = url(&path);
        tokio::spawn(async move { Stores::create(&url, &OpenOptions::default()).await.unwrap() })
    };
    let tasks: Vec<_> = (0..8).map(create).collect();
    let (mut made, mut hashes) = (0, Vec::new());
    for task in tasks {
        let (stores, created) = task.await.unwrap();
        made += usize::from(!created.existed);
        hashes.push(stores.keys().await.unwrap().token.hash("id", "random"));
    }
    assert_eq!(made, 1);
    hashes.dedup();
    assert_eq!(hashes.len(), 1);
    let left = files(folder.path()).into_keys().filter(|file| file.to_str().unwrap().contains(".new-")).count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn odd_names_are_names_of_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:x?mode=memory", "a b#c%20d?e", "ü 日本", "'quoted'"] {
        let path = folder.path().join(name);
        let (stores, _) = Stores::create(&url(&path), &with_key("11")).await.unwrap();
        Draft::create("acme").done(&stores).await;
        assert!(path.is_file(), "{name}");
        drop(stores);
        let again = Stores::open(&url(&path), &with_key("11")).await.unwrap();
        assert!(again.read(&scope("acme")).await.unwrap().is_some());
    }
}

#[tokio::test]
#[cfg(unix)]
async fn a_file_that_was_replaced_or_removed_under_an_open_store_is_noticed() {
    let (folder, path) = store(&with_key("11")).await;
    let copy = folder.path().join("copy.db");
    let stores = Stores::open(&url(&path), &with_key("11")).await.unwrap();
    stores.back_up(&copy).await.unwrap();
    stores.revocations(None).await.unwrap();
    fs::rename(&path, folder.path().join("old.db")).unwrap();
    for (word, replace) in [("removed", false), ("replaced", true)] {
        if replace {
            fs::copy(&copy, &path).unwrap();
        }
        let refusals = [
            stores.revocations(None).await.map(drop).unwrap_err(),
            stores.token("id").await.map(drop).unwrap_err(),
            stores.tokens(None).await.map(drop).unwrap_err(),
            stores.touch_tokens(&[TokenUse { id: "id".to_owned(), at: acts::at(0) }]).await.unwrap_err(),
            Draft::change(scope("acme"), 1).set("a", 2).send(&stores).await.map(drop).unwrap_err(),
            stores.back_up(&folder.path().join("more.db")).await.unwrap_err(),
        ];
        for refused in refusals {
            assert!(refused.is_transient(), "{refused:?}");
            let cause = std::error::Error::source(&refused).unwrap().to_string();
            assert!(cause.contains(word) && cause.contains("restart this program"), "{cause}");
        }
    }
    let again = Stores::open(&url(&path), &with_key("11")).await.unwrap();
    assert!(again.read(&scope("acme")).await.unwrap().is_some());
}

#[cfg(unix)]
mod read_only {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    /// The user `nobody`, by the number that it has nearly everywhere; only root may become it.
    const NOBODY: u32 = 65_534;

    /// The other process: it may read the store's folder, but not write to it.
    #[tokio::test]
    #[ignore = "is the other process that the test beside it starts"]
    async fn the_other_process() {
        let folder = PathBuf::from(std::env::var("FOLDER").expect("this is started by another test, which sets it"));
        refused(&folder.join("store.db"), &with_key("11"), &["closed to this user", "permissions"]).await;
        let created = Stores::create(&url(&folder.join("new.db")), &with_key("11")).await;
        let Err(StoreError::CannotOpen(message)) = created else { panic!("{created:?}") };
        assert!(message.contains("expected a file in a folder that this user may write to"), "{message}");
    }

    #[tokio::test]
    async fn a_folder_that_may_not_be_written_to_is_refused() {
        let (folder, path) = store(&with_key("11")).await;
        // The test itself may be root, whom no permission stops: the process that tries is somebody else then. A copy
        // of the program, because the folder that it was built in may be closed to others.
        let program = folder.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut other = Command::new(&program);
        if fs::metadata(&path).unwrap().uid() == 0 {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            other.uid(NOBODY).gid(NOBODY);
        }
        let before = fs::read(&path).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let done = other
            .args(["--ignored", "--exact", "read_only::the_other_process"])
            .env("FOLDER", folder.path())
            .current_dir("/")
            .output()
            .unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        assert!(String::from_utf8_lossy(&done.stdout).contains("1 passed"));
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
