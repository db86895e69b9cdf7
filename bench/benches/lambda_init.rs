//! How long the Lambda function takes from the start of its process until it asks for its first event.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tenantry_bench::rounds::{Effort, Side, in_turns, with_criterion};
use tenantry_bench::table::{Row, Table, Target, Unit};
use tenantry_bench::tenant_file::TenantFile;
use tokio::runtime::Runtime;

/// A function that has not asked by then does not start.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() {
    let file = TenantFile::of(3, &Runtime::new().expect("a runtime starts"));
    let store = format!("sqlite:{}", file.path().display());
    let api = RuntimeApi::open();
    let (shipped, empty) = (shipped(), PathBuf::from(env!("CARGO_BIN_EXE_empty_function")));
    let mut sides = [
        Side::timed("bootstrap", 1, |()| api.first_question_of(Command::new(&shipped).env("TENANTRY_STORE", &store))),
        Side::timed("an empty Rust function", 1, |()| api.first_question_of(&mut Command::new(&empty))),
    ];
    let figures = in_turns(Effort::of_environment().choose(20, 200), || (), &mut sides);
    let mut table = Table::new("Lambda init");
    table.compare("from start to the first question for an event", &figures, 1, Target::AtMost(2.0));
    let [ours, theirs] = [&shipped, &empty].map(|program| size(program));
    table.row(Row {
        what: "size of the stripped program".to_owned(),
        ours,
        other: "an empty Rust function".to_owned(),
        theirs,
        ratio: ours / theirs,
        unit: Unit::Bytes,
        target: Target::None,
    });
    table.finish();
    with_criterion("lambda init", || (), &mut sides);
}

/// Builds the function as it is shipped, and says where it is.
fn shipped() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = here.join("target/shipped");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--package", "assistant", "--bin", "bootstrap", "--target-dir"])
        .arg(&target)
        .current_dir(here.join(".."))
        .status();
    assert!(built.expect("cargo runs").success(), "the function is built");
    target.join("release/bootstrap")
}

/// The part of Lambda's Runtime API that a starting function sees: it asks for an event, and there is none.
struct RuntimeApi(TcpListener);

impl RuntimeApi {
    fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a port is free"))
    }

    /// The time from starting a function until it asks. Then it is ended.
    fn first_question_of(&self, function: &mut Command) -> Duration {
        let address = self.0.local_addr().expect("it is bound").to_string();
        let environment = [
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ];
        function.envs(environment).stdout(Stdio::null()).stderr(Stdio::inherit());
        let start = Instant::now();
        let mut child = function.spawn().expect("the program can be started");
        let (connection, _) = self.0.accept().expect("the function connects");
        connection.set_read_timeout(Some(PATIENCE)).expect("a time can be set");
        let mut question = String::new();
        BufReader::new(connection).read_line(&mut question).expect("the function asks");
        let taken = start.elapsed();
        child.kill().and_then(|()| child.wait()).expect("it can be ended");
        assert!(question.starts_with("GET /2018-06-01/runtime/invocation/next "), "{question}");
        taken
    }
}

fn size(program: &Path) -> f64 {
    let length = program.metadata().expect("it was built").len();
    #[expect(clippy::cast_precision_loss, reason = "programs are small")]
    let bytes = length as f64;
    bytes
}
