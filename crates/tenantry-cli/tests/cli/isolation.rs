//! `prove-isolation`: what the policies say, and what the calls that are tried live show.

use bytes::Bytes;
use tenantry_emulators::{Call, Calls, Fault, Proxy, shared};

use crate::aws::OnAws;
use crate::program::{Program, Ran, snapshot};

const ROLE: &str = "arn:aws:iam::123456789012:role/tenantry-tenant";

#[test]
fn the_table_shows_who_reads_what_with_the_names_that_are_near() {
    let proved = Program::without_store().run(&["prove-isolation", "acme", "beta"]);
    snapshot("prove_isolation", proved.ok());
}

#[test]
fn programs_get_what_each_session_reads_and_what_it_rests_on() {
    let program = Program::with_acme();
    program.run(&["tenant", "create", "acme-corp", "--name", "Acme Corporation"]).ok();
    let document = program.run(&["prove-isolation", "--environment", "staging", "-o", "json"]).json();
    assert_eq!(document["holds"], true);
    assert_eq!(document["environment"], "staging");
    assert_eq!(document["tenants"], serde_json::json!(["acme", "acme-corp"]));
    assert_eq!(document["wrong"], serde_json::json!([]));
    assert!(document["basis"].as_str().unwrap().ends_with("no live IAM confirmed it"), "{document}");
    let rows = document["rows"].as_array().unwrap();
    let reads = |session: &str| &rows.iter().find(|row| row["session"] == session).unwrap()["reads"];
    let own = ["parameters of acme-corp", "secret of acme-corp", "parameters of global", "secret of global"];
    assert_eq!(reads("acme-corp"), &serde_json::json!(own));
    assert_eq!(reads("(no tag)"), &serde_json::json!([]));
    assert!(reads("(function)").as_array().unwrap().contains(&"#tokens".into()));
}

#[test]
fn all_tenants_are_judged_although_the_table_is_cut() {
    let ids: Vec<_> = (0..40).map(|at| format!("tenant-{at:02}")).collect();
    let arguments: Vec<_> = std::iter::once("prove-isolation").chain(ids.iter().map(String::as_str)).collect();
    let proved = Program::without_store().run(&arguments);
    // 43 who ask, of 41 scopes and 8 things of the product, and one near name before and one behind, both ways.
    let expected = 43 * (41 + 8) + near_pairs(&ids);
    assert!(proved.ok().contains(&format!("{},{:03} pairs", expected / 1000, expected % 1000)), "{proved:?}");
    assert!(proved.stdout.contains("tenants more, judged as well, not shown"));
    assert!(proved.stdout.lines().next().unwrap().split_whitespace().count() <= 14, "{proved:?}");
}

/// `tenant-07-x` and `tenant-0`, each both ways.
fn near_pairs(ids: &[String]) -> usize {
    ids.len() * 2 * 2
}

#[test]
fn what_cannot_be_judged_is_refused_with_the_next_step() {
    let program = Program::new();
    let told = |arguments: &[&str], code: i32, what: &str| {
        let ran = program.run(&[&["prove-isolation"], arguments].concat());
        assert!(ran.refused(code).contains(what), "{what}: {ran:?}");
    };
    told(&[], 3, "prove-isolation acme beta");
    told(&["acme", "--account", "1"], 2, "twelve digits");
    told(&["acme", "--region", "*"], 2, "a-z, 0-9");
    told(&["acme", "--live"], 2, "tenant_role=");
    told(&["acme", "--store", "aws:", "--environment", "x"], 2, "leave them out");
    told(&["acme", "--store", "aws:", "--live", "--region", "eu-central-1"], 7, "add tenant_role=ARN");
}

/// Two tenants with a secret each, on AWS behind proxies that refuse or do not.
struct World {
    aws: OnAws,
    dynamodb: Proxy,
    others: Proxy,
}

impl World {
    async fn new() -> Self {
        let shared = shared().await;
        let (dynamodb, others) = (Proxy::before(shared.dynamo.url()).await, Proxy::before(shared.moto.url()).await);
        let aws = OnAws::behind(dynamodb.url(), others.url());
        aws.run(&["init"]).ok();
        for id in ["acme", "beta"] {
            aws.run(&["tenant", "create", id, "--name", id]).ok();
            aws.run_with(&["-t", id, "set", "openai.api_key", "-"], "sk-CANARY-123456").ok();
        }
        Self { aws, dynamodb, others }
    }

    /// Judges as the policies do: each session has a key of its own, and reads its scope and the defaults alone.
    fn enforce(&self) {
        for session in ["acme", "beta", "global"] {
            let key = format!("ASIA{}", session.to_uppercase());
            self.others.on(Calls::to("AssumeRole").when(begins(session)), with_key(key.clone()));
            let foreign = |part: &str, global: &str| {
                let (own, global, key) = (format!("\"{part}{session}\""), format!("\"{global}\""), key.clone());
                move |call: &Call| {
                    let body = String::from_utf8_lossy(&call.body).into_owned();
                    call.access_key.as_ref() == Some(&key) && !body.contains(&own) && !body.contains(&global)
                }
            };
            let refused = || Fault::error(400, "AccessDeniedException", "not authorized");
            self.dynamodb.on(Calls::to("GetItem").when(foreign("", "#global")), refused());
            let environment = self.aws.environment();
            let foreign = foreign(&format!("{environment}/tenant/"), &format!("{environment}/global"));
            self.others.on(Calls::to("GetSecretValue").when(foreign), refused());
        }
    }

    fn prove(&self, more: &[&str]) -> Ran {
        let store = format!("{}&tenant_role={ROLE}", self.aws.url());
        self.aws.run(&[&["prove-isolation", "--live", "--store", &store], more].concat())
    }
}

/// Whether a call begins the session of this tag.
fn begins(session: &str) -> impl Fn(&Call) -> bool + Send + Sync + 'static {
    let name = format!("Tags.member.1.Value={session}");
    move |call| String::from_utf8_lossy(&call.body).split('&').any(|field| field == name)
}

/// A session with this access key.
fn with_key(key: String) -> Fault {
    Fault::rewrite(move |body| {
        let text = String::from_utf8(body.to_vec()).unwrap();
        let (before, rest) = text.split_once("<AccessKeyId>").unwrap();
        let (_, after) = rest.split_once("</AccessKeyId>").unwrap();
        Bytes::from(format!("{before}<AccessKeyId>{key}</AccessKeyId>{after}"))
    })
}

#[tokio::test]
async fn where_every_call_is_let_through_the_lack_of_isolation_is_told() {
    let world = World::new().await;
    let proved = world.prove(&[]);
    assert_eq!(proved.code, 7, "{proved:?}");
    assert!(proved.stdout.contains("every one was ALLOWED, so isolation is NOT enforced there"), "{proved:?}");
    assert!(proved.stdout.contains("the calls that were tried live do not confirm it"), "{proved:?}");
    assert!(!proved.all().contains("CANARY"));
}

#[tokio::test]
async fn where_each_session_is_kept_to_its_own_the_live_calls_confirm_what_was_computed() {
    let world = World::new().await;
    world.enforce();
    let proved = world.prove(&["-o", "json"]).json();
    assert_eq!((&proved["holds"], &proved["live"]["verdict"]), (&true.into(), &"as_computed".into()), "{proved}");
    let tries = proved["live"]["tries"].as_array().unwrap();
    assert_eq!(tries.len(), 3 * 3 * 2);
    let refused = tries.iter().filter(|tried| tried["live"] == "refused").count();
    assert_eq!(refused, 2 * (2 + 2), "acme and beta of each other, and the defaults of both");
    let asked = |call: &Call| String::from_utf8_lossy(&call.body).contains("TENANTRY-PROBE");
    assert!(world.others.calls().iter().any(asked), "a version that there is not, so that no secret is read");
    let text = world.prove(&["--most", "1"]);
    assert!(text.ok().contains("8 calls tried live: each was answered as computed"), "{text:?}");
}

#[tokio::test]
async fn one_door_that_is_open_and_one_call_that_fails_are_told() {
    let world = World::new().await;
    let open =
        |call: &Call| call.access_key.as_deref() == Some("ASIAACME") && call.json()["Key"]["tenant_id"]["S"] == "beta";
    // The rule that is given first counts.
    world.dynamodb.on(Calls::to("GetItem").when(open), Fault::rewrite(|body| body));
    world.enforce();
    world.others.on(Calls::to("GetSecretValue"), Fault::error(400, "ExpiredTokenException", "expired"));
    let proved = world.prove(&["acme", "beta"]);
    assert_eq!(proved.code, 7, "{proved:?}");
    let line = |what: &str| {
        proved.stdout.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(what))
    };
    assert!(line("acme parameters of beta refused allowed !"), "{proved:?}");
    assert!(line("acme secret of acme allowed failed: access to the store is denied"), "{proved:?}");
    assert!(
        proved.stdout.contains("18 calls tried live: 6 failed, or were answered otherwise than computed"),
        "{proved:?}"
    );
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_a_failure_and_no_proof_of_isolation() {
    let world = World::new().await;
    world
        .others
        .on(Calls::to("AssumeRole"), Fault::error(403, "AccessDenied", "not authorized to perform sts:AssumeRole"));
    let proved = world.prove(&["acme", "beta"]);
    assert_eq!(proved.code, 7, "{proved:?}");
    assert!(proved.stdout.contains("18 calls tried live: 18 failed"), "{proved:?}");
    assert!(proved.stdout.contains("sts:AssumeRole"), "{proved:?}");
}
