//! Asking a server for a tenant's configuration over HTTP, beside a bare server that answers as many bytes.
//!
//! Both servers and all callers share the machine: what is compared is what a caller gets.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tenantry::token::{TokenText, Tokens};
use tenantry_admin::access::Role;
use tenantry_admin::application::{Application, Verdict};
use tenantry_admin::service::{Candidate, Context, Service};
use tenantry_admin::{Api, HOT_BYTES, MOST_CONNECTIONS, framed, router, serve};
use tenantry_bench::rounds::{Effort, Side, in_turns};
use tenantry_bench::table::{Table, Target};
use tenantry_bench::tenant_file::TenantFile;
use tenantry_bench::workload::{Draw, Settings, tenant};
use tenantry_core::catalog::Catalog;
use tenantry_core::resolve::Resolved;
use tenantry_core::scope::Scope;
use tenantry_core::template::Context as Template;
use tenantry_core::validate::Validator;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// How many callers ask at the same time, each over a connection of its own that stays open.
const CALLERS: usize = 16;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let effort = Effort::of_environment();
    let runtime = Runtime::new().expect("a runtime starts");
    let tenants = effort.choose(2_000, 100_000);
    let file = TenantFile::of_many(tenants, &runtime);
    let (ours, token) = runtime.block_on(ours(&file));
    // Each is asked for once, as by a fleet that was just started; and the bare server answers as many bytes.
    let size = runtime.block_on(ask_all(ours, &token, tenants));
    let bare = runtime.block_on(bare(size));

    let per_caller = effort.choose(200, 2_000);
    let operations = u32::try_from(CALLERS * per_caller).expect("it is a small number");
    let mut draw = Draw::new(5);
    let mut prepare = || -> Vec<Vec<usize>> {
        (0..CALLERS).map(|_| (0..per_caller).map(|_| draw.below(tenants)).collect()).collect()
    };
    let mut sides = [
        Side::timed("GET …/configuration", operations, |asked: &Vec<Vec<usize>>| {
            timed(|| runtime.block_on(load(ours, &token, asked)))
        }),
        Side::timed("a constant body of the same size from hyper", operations, |asked: &Vec<Vec<usize>>| {
            timed(|| runtime.block_on(load(bare, &token, asked)))
        }),
    ];
    let figures = in_turns(effort.choose(5, 20), &mut prepare, &mut sides);
    let mut table = Table::new("configuration over HTTP");
    // 85 % of the other's throughput.
    table.compare(&format!("{tenants} tenants at random, {size} bytes"), &figures, 1, Target::AtMost(1.0 / 0.85));
    table.finish();
}

/// The API as it is served, and an operator's token for it.
async fn ours(file: &TenantFile) -> (SocketAddr, String) {
    let catalog = Arc::new(Catalog::of::<Settings>().expect("the settings are a catalog"));
    let service = Service::open(file.stores.clone(), catalog.clone(), Validator::new(catalog)).await;
    let service = service.expect("the store has its keys");
    let context = Context { actor: "operator".to_owned(), reason: None, at: Timestamp::now() };
    let random = TokenText::from_random(&[7; TokenText::RANDOM_BYTES]);
    let made = service.create_token(&Scope::Global, Role::Operator, "bench", 1, random, &context).await;
    let token = made.expect("a token can be made").text.expose().to_owned();
    let tokens = Tokens::open(&file.stores).await.expect("the store has its keys");
    let api = Api::new(service, tokens, Arc::new(Nothing)).keeping(HOT_BYTES, Duration::from_secs(2));
    let app = framed(&api, router(api.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    tokio::spawn(serve(listener, app, MOST_CONNECTIONS, std::future::pending()));
    (address, token)
}

/// A server that does nothing but answer.
async fn bare(size: usize) -> SocketAddr {
    let body = Bytes::from(vec![b'x'; size]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let body = body.clone();
            tokio::spawn(async move {
                let answer = service_fn(move |_: Request<Incoming>| {
                    let response = Response::new(Full::new(body.clone()));
                    async move { Ok::<_, Infallible>(response) }
                });
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    address
}

/// Asks for every tenant once, and tells how many bytes an answer has.
async fn ask_all(address: SocketAddr, token: &str, tenants: usize) -> usize {
    let asked: Vec<Vec<usize>> = (0..CALLERS).map(|caller| (caller..tenants).step_by(CALLERS).collect()).collect();
    load(address, token, &asked).await
}

/// Lets the callers ask, each one request after the other.
async fn load(address: SocketAddr, token: &str, asked: &[Vec<usize>]) -> usize {
    let mut callers = Vec::new();
    for numbers in asked {
        let (numbers, token) = (numbers.clone(), format!("Bearer {token}"));
        callers.push(tokio::spawn(async move {
            let stream = TcpStream::connect(address).await.expect("the server listens");
            stream.set_nodelay(true).expect("a socket");
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
            tokio::spawn(connection);
            let mut size = 0;
            for number in numbers {
                let request = Request::get(format!("/v1/tenants/{}/configuration", tenant(number)))
                    .header("host", "bench")
                    .header("authorization", &token)
                    .body(Full::<Bytes>::default())
                    .expect("a request");
                let response = sender.send_request(request).await.expect("an answer");
                assert_eq!(response.status(), 200);
                size = response.into_body().collect().await.expect("a body").to_bytes().len();
            }
            size
        }));
    }
    let mut size = 0;
    for caller in callers {
        size = caller.await.expect("a caller ends");
    }
    size
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// An application without prompts and connections.
#[derive(Debug)]
struct Nothing;

#[async_trait::async_trait]
impl Application for Nothing {
    fn prompt_context(&self, _: &Resolved, _: &std::collections::BTreeMap<String, String>) -> Result<Template, String> {
        Ok(Template::new())
    }

    fn sections(&self) -> &[&'static str] {
        &[]
    }

    async fn verify(&self, _: &Candidate, _: &[&str]) -> Vec<Verdict> {
        Vec::new()
    }
}
