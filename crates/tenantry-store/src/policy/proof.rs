//! Proves by the policies who can read what: each session, and the function by itself, against everything there is to read.
//!
//! The law is [`ought`]; what the policies say is [`Judge::reads`]; [`prove`] compares the two for every pair.

use std::fmt;

use serde_json::Value;
use tenantry_core::scope::{Scope, TenantId};

use super::{ASKING, Answer, EvaluateError, Names, Request, evaluate, tag_of};

/// The partitions of the product that nobody reads to find out who asks.
const MANAGING: [&str; 2] = ["#tenants", "#intents"];
/// The calls that read a partition. A call of any other name is allowed to nobody, which the tests beside the policies show.
const READS: [&str; 2] = ["dynamodb:GetItem", "dynamodb:Query"];
/// The call that reads a table without telling of which partition.
const SCAN: &str = "dynamodb:Scan";
/// The call that reads a secret.
const READ_SECRET: &str = "secretsmanager:GetSecretValue";
/// ARNs of secrets end in a hyphen and six characters that nobody chooses.
const END_OF_ARN: &str = "-a1B2c3";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asker {
    /// A session of the tenant role, tagged for this scope.
    Session(Scope),
    /// A session of the tenant role without a tag.
    Untagged,
    /// The function's own role.
    Function,
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(scope) => f.write_str(tag_of(scope)),
            Self::Untagged => f.write_str("(no tag)"),
            Self::Function => f.write_str("(function)"),
        }
    }
}

/// What can be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// The parameters of a scope.
    Parameters(Scope),
    /// The secret of a scope: the version in force.
    Secret(Scope),
    /// A version of a scope's secret that has been replaced, by its id.
    ReplacedSecret(Scope),
    /// The history of a scope.
    History(Scope),
    /// A partition of the product, such as `#bindings`.
    Partition(&'static str),
    /// The secret with the master key.
    MasterKey,
    /// The table without a partition: a scan, and a query that names none.
    WholeTable,
}

impl Thing {
    /// What there is of a scope.
    pub fn of(scope: &Scope) -> [Self; 4] {
        [Self::Parameters, Self::Secret, Self::ReplacedSecret, Self::History].map(|of| of(scope.clone()))
    }

    /// What there is of no scope.
    pub fn of_the_product() -> Vec<Self> {
        let partitions = ASKING.into_iter().chain(MANAGING).map(Self::Partition);
        partitions.chain([Self::MasterKey, Self::WholeTable]).collect()
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameters(scope) => write!(f, "parameters of {}", tag_of(scope)),
            Self::Secret(scope) => write!(f, "secret of {}", tag_of(scope)),
            Self::ReplacedSecret(scope) => write!(f, "replaced secret of {}", tag_of(scope)),
            Self::History(scope) => write!(f, "history of {}", tag_of(scope)),
            Self::Partition(partition) => f.write_str(partition),
            Self::MasterKey => f.write_str("master key"),
            Self::WholeTable => f.write_str("whole table"),
        }
    }
}

/// Whether somebody is meant to read something: a session its own scope and the defaults, the function what tells who asks.
pub fn ought(asker: &Asker, thing: &Thing) -> bool {
    match (asker, thing) {
        (Asker::Session(session), Thing::Parameters(scope) | Thing::Secret(scope)) => {
            scope == session || *scope == Scope::Global
        }
        (Asker::Function, Thing::Partition(partition)) => ASKING.contains(partition),
        (Asker::Function, Thing::MasterKey) => true,
        (Asker::Session(_) | Asker::Untagged | Asker::Function, _) => false,
    }
}

/// Judges by the policies, as an evaluator of them does and not as AWS does.
#[derive(Clone, Debug)]
pub struct Judge {
    names: Names,
    tenant: Value,
    function: Value,
}

impl Judge {
    /// Judges by the policies that are deployed for these names.
    pub fn new(names: &Names) -> Self {
        let (role, log_group) = (names.role("tenant"), names.log_group("function"));
        Self {
            names: names.clone(),
            tenant: super::tenant_permissions(names),
            function: super::function_permissions(names, &role, &log_group),
        }
    }

    /// Whether the policies let somebody read something.
    pub fn reads(&self, asker: &Asker, thing: &Thing) -> Result<bool, EvaluateError> {
        let (policy, asking) = match asker {
            Asker::Session(scope) => (&self.tenant, tagged(tag_of(scope))),
            Asker::Untagged => (&self.tenant, Request::default()),
            Asker::Function => (&self.function, Request::default()),
        };
        for request in self.requests(&asking, thing) {
            if evaluate(policy, &request)? == Answer::Allowed {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The calls of which each alone would read it.
    fn requests(&self, asking: &Request, thing: &Thing) -> Vec<Request> {
        let (table, log) = (self.names.table(), self.names.log_table());
        match thing {
            Thing::Parameters(scope) => reads(asking, &table, partition_of(scope)),
            Thing::History(scope) => reads(asking, &log, partition_of(scope)),
            Thing::Partition(partition) => reads(asking, &table, partition),
            Thing::Secret(scope) => vec![in_force(&self.secret_of(asking, scope))],
            Thing::ReplacedSecret(scope) => replaced(&self.secret_of(asking, scope)),
            Thing::MasterKey => vec![in_force(&self.secret(asking, "keys", None))],
            Thing::WholeTable => READS.into_iter().chain([SCAN]).map(|action| asking.asking(action, &table)).collect(),
        }
    }

    fn secret_of(&self, asking: &Request, scope: &Scope) -> Request {
        let name = scope.tenant().map_or_else(|| "global".to_owned(), |tenant| format!("tenant/{tenant}"));
        self.secret(asking, &name, Some(tag_of(scope)))
    }

    fn secret(&self, asking: &Request, name: &str, tag: Option<&str>) -> Request {
        let arn = self.names.secret(&format!("{name}{END_OF_ARN}"));
        let request = asking.asking(READ_SECRET, &arn).with("aws:ResourceTag/environment", &[&self.names.environment]);
        match tag {
            Some(tag) => request.with("aws:ResourceTag/tenant_id", &[tag]),
            None => request,
        }
    }
}

/// Asks for the version in force.
fn in_force(secret: &Request) -> Request {
    secret.with("secretsmanager:VersionStage", &[super::IN_FORCE])
}

/// Asks for a version by its id, and by the label that the one before the newest has.
fn replaced(secret: &Request) -> Vec<Request> {
    let by_id = secret.with("secretsmanager:VersionId", &["EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE"]);
    vec![by_id, secret.with("secretsmanager:VersionStage", &["AWSPREVIOUS"])]
}

fn tagged(tag: &str) -> Request {
    Request::default().with("aws:PrincipalTag/tenant_id", &[tag])
}

fn reads(asking: &Request, table: &str, partition: &str) -> Vec<Request> {
    let read = |action| asking.asking(action, table).with("dynamodb:LeadingKeys", &[partition]);
    READS.into_iter().map(read).collect()
}

fn partition_of(scope: &Scope) -> &str {
    scope.tenant().map_or("#global", TenantId::as_str)
}

/// What was judged, and what is not as it ought to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// How many pairs of somebody who asks and a scope, or a thing of the product, were judged.
    pub pairs: usize,
    /// What each of those who ask reads.
    pub rows: Vec<Row>,
    /// Every answer of the policies that is not the one that ought to be.
    pub wrong: Vec<Wrong>,
}

/// What somebody reads of all that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who asks.
    pub asker: Asker,
    /// What the policies let it read.
    pub reads: Vec<Thing>,
}

/// An answer that is not the one that ought to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Who asks.
    pub asker: Asker,
    /// For what.
    pub thing: Thing,
    /// What the policies say.
    pub allowed: bool,
}

/// Names that are easily taken for a tenant's: one letter less, and one that goes on behind a hyphen.
pub fn near(tenant: &TenantId) -> Vec<TenantId> {
    let shorter = &tenant.as_str()[..tenant.as_str().len() - 1];
    let near = [format!("{tenant}-x"), shorter.to_owned()];
    near.iter().filter_map(|id| TenantId::parse(id).ok()).collect()
}

/// Judges every pair: each tenant, the defaults, nobody and the function against each tenant, the defaults and the product's
/// own; and each tenant against its near names, both ways. Tenants must each be given once.
pub fn prove(judge: &Judge, tenants: &[TenantId]) -> Result<Proof, EvaluateError> {
    let scopes: Vec<_> = tenants.iter().cloned().map(Scope::Tenant).chain([Scope::Global]).collect();
    let sessions = scopes.iter().cloned().map(Asker::Session);
    let mut proof = Proof::default();
    for asker in sessions.chain([Asker::Untagged, Asker::Function]) {
        let mut reads = Vec::new();
        for scope in &scopes {
            reads.extend(proof.pair(judge, &asker, &Thing::of(scope))?);
        }
        for thing in Thing::of_the_product() {
            reads.extend(proof.pair(judge, &asker, &[thing])?);
        }
        proof.rows.push(Row { asker, reads });
    }
    for tenant in tenants {
        proof.near(judge, tenant, tenants)?;
    }
    Ok(proof)
}

impl Proof {
    /// Whether everything is as it ought to be.
    pub fn holds(&self) -> bool {
        self.wrong.is_empty()
    }

    /// Judges one pair, and answers what of it can be read.
    fn pair(&mut self, judge: &Judge, asker: &Asker, things: &[Thing]) -> Result<Vec<Thing>, EvaluateError> {
        self.pairs += 1;
        let mut reads = Vec::new();
        for thing in things {
            let allowed = judge.reads(asker, thing)?;
            if allowed != ought(asker, thing) {
                self.wrong.push(Wrong { asker: asker.clone(), thing: thing.clone(), allowed });
            }
            if allowed {
                reads.push(thing.clone());
            }
        }
        Ok(reads)
    }

    /// Judges a tenant and its near names, those aside that are tenants themselves.
    fn near(&mut self, judge: &Judge, tenant: &TenantId, tenants: &[TenantId]) -> Result<(), EvaluateError> {
        let own = Scope::Tenant(tenant.clone());
        for near in near(tenant).into_iter().filter(|near| !tenants.contains(near)).map(Scope::Tenant) {
            self.pair(judge, &Asker::Session(own.clone()), &Thing::of(&near))?;
            self.pair(judge, &Asker::Session(near), &Thing::of(&own))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names() -> Names {
        let text = str::to_owned;
        Names {
            partition: text("aws"),
            region: text("eu-central-1"),
            account: text("123456789012"),
            environment: text("production"),
            table_prefix: text("Acme-"),
        }
    }

    fn ids(ids: &[&str]) -> Vec<TenantId> {
        ids.iter().map(|id| TenantId::parse(id).unwrap()).collect()
    }

    fn session(id: &str) -> Asker {
        Asker::Session(Scope::parse(id).unwrap())
    }

    /// The proof over policies of which one statement was changed.
    fn changed(change: impl FnOnce(&mut Judge)) -> Proof {
        let mut judge = Judge::new(&names());
        change(&mut judge);
        prove(&judge, &ids(&["acme", "beta"])).unwrap()
    }

    fn told(proof: &Proof) -> Vec<String> {
        proof.wrong.iter().map(|wrong| format!("{} {} {}", wrong.asker, wrong.thing, wrong.allowed)).collect()
    }

    #[test]
    fn the_policies_let_each_tenant_read_itself_and_the_defaults_and_nothing_else() {
        let proof = prove(&Judge::new(&names()), &ids(&["acme", "acme-corp", "acm", "beta", "b"])).unwrap();
        assert!(proof.holds(), "{:?}", told(&proof));
        let acme = proof.rows.iter().find(|row| row.asker == session("acme")).unwrap();
        let reads: Vec<_> = acme.reads.iter().map(ToString::to_string).collect();
        assert_eq!(reads, ["parameters of acme", "secret of acme", "parameters of global", "secret of global"]);
        let reads = |asker| proof.rows.iter().find(|row| row.asker == asker).unwrap().reads.len();
        assert_eq!((reads(Asker::Untagged), reads(Asker::Function)), (0, ASKING.len() + 1));
    }

    #[test]
    fn every_pair_is_judged() {
        let proof = prove(&Judge::new(&names()), &ids(&["acme", "beta"])).unwrap();
        let product = Thing::of_the_product().len();
        // Two tenants, the defaults, nobody and the function; two near names for each tenant, both ways.
        assert_eq!(proof.pairs, 5 * (3 + product) + 2 * 2 * 2);
    }

    #[test]
    fn a_pattern_that_takes_a_longer_name_is_found_by_the_near_names() {
        let proof = changed(|judge| {
            judge.tenant["Statement"][1]["Resource"] = names().secret("tenant/${aws:PrincipalTag/tenant_id}-*").into();
            judge.tenant["Statement"][1]["Condition"].as_object_mut().unwrap().remove("StringEquals");
        });
        assert_eq!(told(&proof), ["acme secret of acme-x true", "beta secret of beta-x true"]);
    }

    #[test]
    fn a_lost_condition_is_found_at_every_place_that_it_opens() {
        let proof = changed(|judge| {
            judge.tenant["Statement"][0]["Condition"]["Null"] = json!({});
        });
        let opened = ["acme whole table", "beta whole table", "global whole table"];
        let opened = opened.into_iter().chain(["(no tag) parameters of global", "(no tag) whole table"]);
        assert_eq!(told(&proof), opened.map(|open| format!("{open} true")).collect::<Vec<_>>());
    }

    #[test]
    fn a_session_that_may_name_any_version_is_found() {
        let proof = changed(|judge| {
            judge.tenant["Statement"][1]["Condition"].as_object_mut().unwrap().remove("ForAnyValue:StringEquals");
        });
        assert_eq!(told(&proof), ["acme replaced secret of acme true", "beta replaced secret of beta true"]);
    }

    #[test]
    fn what_ought_to_be_read_and_cannot_is_wrong_as_well() {
        let proof = changed(|judge| {
            judge.function["Statement"][2]["Effect"] = "Deny".into();
            judge.tenant["Statement"].as_array_mut().unwrap().remove(2);
        });
        assert!(told(&proof).contains(&"(function) master key false".to_owned()));
        assert!(told(&proof).contains(&"beta secret of global false".to_owned()));
    }

    #[test]
    fn a_policy_that_the_evaluator_does_not_know_proves_nothing() {
        let mut judge = Judge::new(&names());
        judge.tenant["Statement"][0]["NotResource"] = "*".into();
        assert!(prove(&judge, &ids(&["acme"])).is_err());
    }

    #[test]
    fn near_names_are_such_as_a_tenant_can_have() {
        let check = |id: &str, expected: &[&str]| assert_eq!(near(&ids(&[id])[0]), ids(expected), "{id}");
        check("acme", &["acme-x", "acm"]);
        check("a", &["a-x"]);
        check("a-b", &["a-b-x"]);
        check("alls", &["alls-x"]);
        check(&"a".repeat(62), &[&"a".repeat(61)]);
    }
}
