//! What every store of files promises, and what each does by itself.

use tempfile::tempdir;

use super::*;

fn place(tenant: &str, bucket: Option<&str>) -> FilePlace {
    FilePlace { tenant: TenantId::parse(tenant).unwrap(), bucket: bucket.map(str::to_owned) }
}

fn file(name: &str, bytes: &[u8]) -> Attachment {
    Attachment { name: name.to_owned(), media_type: "text/plain".to_owned(), bytes: bytes.to_vec() }
}

/// Both tenants are told the same bucket, which the rules of configurations forbid: the place where mixing would be easiest.
async fn keeps_each_tenants_files_apart(files: &dyn Files, bucket: Option<&str>) {
    let (acme, corp, now) = (place("acme", bucket), place("acme-corp", bucket), Timestamp::now());
    let bytes: Vec<u8> = (0..=255).collect();
    let key = files.keep(&acme, Some("http:../acme-corp"), &file("../../a.txt", &bytes), now).await.unwrap().unwrap();
    assert_eq!(files.read(&acme, &key).await.unwrap(), Some(bytes.clone()));
    assert_eq!(files.read(&corp, &key).await.unwrap(), None);
    let theirs = files.keep(&corp, Some("http:../acme-corp"), &file("../../a.txt", b"CANARY-corp"), now).await.unwrap();
    let theirs = theirs.unwrap();
    for wrong in [theirs.clone(), format!("acme/../{theirs}"), format!("../{key}"), String::new(), "acme".to_owned()] {
        assert_eq!(files.read(&acme, &wrong).await.unwrap(), None, "{wrong}");
    }
    let again = files.keep(&acme, Some("http:../acme-corp"), &file("../../a.txt", &bytes), now).await.unwrap();
    assert_eq!(again, Some(key), "the same file at the same time");
    let single = files.keep(&acme, None, &file("b", b""), now).await.unwrap().unwrap();
    assert_eq!(files.read(&acme, &single).await.unwrap(), Some(vec![]));
    assert!(!format!("{files:?}").contains("CANARY"));
}

#[tokio::test]
async fn memory_keeps_each_tenants_files_apart() {
    keeps_each_tenants_files_apart(&MemoryFiles::default(), None).await;
}

#[tokio::test]
async fn a_folder_keeps_each_tenants_files_apart_and_inside() {
    let folder = tempdir().unwrap();
    let inside = FolderFiles::beside(&folder.path().join("tenantry.db"));
    keeps_each_tenants_files_apart(&FolderFiles::new(&inside), None).await;
    let names = |path: &std::path::Path| {
        let mut names: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(folder.path()), ["tenantry.attachments"]);
    assert_eq!(names(&inside), ["acme", "acme-corp"]);
    assert_eq!(names(&inside.join("acme")), ["=http%3A%2E%2E%2Facme-corp", "~single"]);
}

#[tokio::test]
#[cfg(unix)]
async fn the_owner_alone_can_read_a_folders_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    let inside = folder.path().join("attachments");
    let key = FolderFiles::new(&inside).keep(&place("acme", None), None, &file("a", b"x"), Timestamp::now()).await;
    let path = inside.join(key.unwrap().unwrap());
    for path in path.ancestors().take_while(|path| *path != folder.path()) {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
}

#[tokio::test]
async fn a_folder_that_is_none_is_refused_and_the_message_is_told_so() {
    let folder = tempdir().unwrap();
    let taken = folder.path().join("attachments");
    std::fs::write(&taken, "a file").unwrap();
    let files = FolderFiles::new(taken.join("below"));
    let error = files.keep(&place("acme", None), None, &file("a", b"CANARY"), Timestamp::now()).await.unwrap_err();
    assert!(matches!(error, FilesError::Refused(_)), "{error:?}");
    let told = keep_all(&files, &place("acme", None), None, &[file("a", b"CANARY")], Timestamp::now()).await;
    let note = Some("not kept: the store of files took nothing".to_owned());
    assert_eq!(told, [Kept { name: "a".to_owned(), key: None, note }]);
}

#[cfg(feature = "aws")]
mod in_buckets {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::Duration;

    use tenantry_core::secret::SecretText;
    use tenantry_emulators::{Answer, Calls, Fault, Proxy, shared};
    use tenantry_integrations::aws::{Aws, AwsOptions, unique};
    use tenantry_integrations::s3::Buckets;

    use super::*;

    async fn files() -> (BucketFiles, Proxy) {
        let proxy = Proxy::before(shared().await.moto.url()).await;
        let options = AwsOptions {
            s3_url: Some(proxy.url().to_owned()),
            // The one in which a bucket can be made without saying so.
            region: Some("us-east-1".to_owned()),
            attempt: Some(Duration::from_secs(30)),
            access_key: Some(("AKIATEST".to_owned(), SecretText::new("CANARY-secret".to_owned()))),
            ..AwsOptions::default()
        };
        (BucketFiles::new(Buckets::new(Aws::open(options).await.unwrap())), proxy)
    }

    /// Makes a bucket as another program does.
    async fn bucket() -> String {
        let name = format!("t{}", &unique()[..16]);
        let host = shared().await.moto.url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let signed =
            "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00";
        let head = format!("host: {host}\r\nconnection: close\r\ncontent-length: 0\r\nauthorization: {signed}");
        write!(stream, "PUT /{name} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        name
    }

    #[tokio::test]
    async fn a_bucket_keeps_each_tenants_files_apart() {
        let (files, _proxy) = files().await;
        let bucket = bucket().await;
        keeps_each_tenants_files_apart(&files, Some(&bucket)).await;
    }

    #[tokio::test]
    async fn without_a_bucket_nothing_is_kept_and_the_message_is_told_so() {
        let (files, proxy) = files().await;
        let told = keep_all(&files, &place("acme", None), None, &[file("a", b"x")], Timestamp::now()).await;
        let note = Some("not kept: storage.s3_buckets.attachments is not set".to_owned());
        assert_eq!(told, [Kept { name: "a".to_owned(), key: None, note }]);
        assert!(proxy.calls().is_empty());
    }

    #[tokio::test]
    async fn refusals_name_the_bucket_and_outages_pass() {
        let (files, proxy) = files().await;
        let acme = place("acme", Some("nobodys-bucket"));
        let error = files.keep(&acme, None, &file("a", b"CANARY"), Timestamp::now()).await.unwrap_err();
        assert!(
            error.to_string().contains("bucket nobodys-bucket: ") && !error.to_string().contains("CANARY"),
            "{error}"
        );
        proxy.on(Calls::all(), Fault::Answer(Answer::text(503, "<Error><Code>SlowDown</Code></Error>")));
        let error = files.keep(&acme, None, &file("a", b"CANARY"), Timestamp::now()).await.unwrap_err();
        assert!(matches!(error, FilesError::Unavailable(_)), "{error:?}");
    }
}
