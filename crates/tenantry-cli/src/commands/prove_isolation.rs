//! `tenantry prove-isolation`: who may read whose parameters and secrets on AWS, by the policies that are deployed there.

mod live;
mod matrix;
mod report;

use std::collections::BTreeSet;

use clap::Args;
use tenantry_core::scope::{Environment, TenantId};
use tenantry_store::StoreUrl;
use tenantry_store::aws::AwsUrl;
use tenantry_store::policy::Names;
use tenantry_store::policy::proof::{Judge, prove};

use self::live::Live;
use self::matrix::Matrix;
use self::report::Report;
use crate::cli::Global;
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use crate::session::{Session, open_options, store_url};

/// Prove who may read whose parameters and secrets on AWS
#[derive(Debug, Args)]
#[command(after_help = "\
Rows are those who ask: a session of each tenant, one of the operator's defaults (global), one
without a tag, and the function by itself. Columns are what there is to read. Every pair of all
tenants is judged, more than the table shows, and each tenant also against names that are easily
taken for its own: acme against acme-x and acm.

It is computed by an evaluator over the policies that deploy/ has. With --live, and a --store
whose URL has a tenant_role, the calls are made as well, of the first tenants each with each,
under sessions of that role. What they read is not kept, and no secret is read.

The exit code is 7 if anybody reads what it must not, or does not read what it must, by the
policies or by the live calls.

Examples:
  tenantry prove-isolation                         (the tenants of the store)
  tenantry prove-isolation acme beta --environment staging
  tenantry prove-isolation --output json
  tenantry prove-isolation --live --most 3 \\
    --store 'aws:?tenant_role=arn:aws:iam::123456789012:role/tenant'")]
pub(crate) struct ProveIsolation {
    /// The tenants, each by its id [default: those of the store]
    #[arg(value_name = "TENANT")]
    tenants: Vec<TenantId>,
    /// The account, twelve digits
    #[arg(long, value_name = "DIGITS", default_value = "123456789012", value_parser = account)]
    account: String,
    /// The region
    #[arg(
        long,
        value_name = "NAME",
        default_value = "eu-central-1",
        env = "AWS_REGION",
        hide_env_values = true,
        value_parser = word
    )]
    region: String,
    /// The partition of AWS: aws, aws-cn or aws-us-gov
    #[arg(long, value_name = "NAME", default_value = "aws", value_parser = word)]
    aws_partition: String,
    /// The environment [default: that of an aws: store, or else production]
    #[arg(long, value_name = "NAME")]
    environment: Option<Environment>,
    /// What the names of the tables begin with [default: as in an aws: store, or else nothing]
    #[arg(long, value_name = "PREFIX")]
    table_prefix: Option<String>,
    /// Try the calls on AWS as well
    #[arg(long)]
    live: bool,
    /// Of how many tenants each is tried with each
    #[arg(long, value_name = "NUMBER", default_value_t = 10, requires = "live")]
    most: usize,
}

impl ProveIsolation {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let url = self.url(global)?;
        let tenants = self.tenants(global).await?;
        let names = self.names(&url);
        let judge = Judge::new(&names);
        let proof = prove(&judge, &tenants)?;
        let matrix = Matrix::of(&judge, &tenants)?;
        let live = match &tenants[..self.most.min(tenants.len())] {
            first if self.live => Some(Live::of(&judge, &url, &open_options(global)?, first).await?),
            _ => None,
        };
        let report = Report { names, tenants, proof, live };
        Output::new(global.output).show(&report.document(), |output| report.text(&matrix, output))?;
        Ok(if report.holds() { Exit::Done } else { Exit::Store })
    }

    /// The store on AWS that it is about: the one that `--store` names, or one that the flags tell of.
    fn url(&self, global: &Global) -> anyhow::Result<AwsUrl> {
        let said = self.environment.is_some() || self.table_prefix.is_some();
        match store_url(global)? {
            StoreUrl::Aws(_) if said => {
                let told = "--environment and --table-prefix are for a store that is not on AWS";
                Err(Trouble::usage(told).help("the URL of this store says both: leave them out").into())
            }
            StoreUrl::Aws(url) => Ok(url),
            StoreUrl::Memory | StoreUrl::Sqlite(_) if self.live => {
                let told = "--live needs a store on AWS, under whose tenant role the calls are tried";
                Err(Trouble::usage(told).help("--store 'aws:?tenant_role=arn:aws:iam::ACCOUNT:role/NAME'").into())
            }
            StoreUrl::Memory | StoreUrl::Sqlite(_) => {
                let production = || Environment::parse("production").expect("this is an environment");
                let environment = self.environment.clone().unwrap_or_else(production);
                Ok(AwsUrl::new(environment, self.table_prefix.as_deref().unwrap_or_default())?)
            }
        }
    }

    /// The tenants to judge, each once, in order.
    async fn tenants(&self, global: &Global) -> anyhow::Result<Vec<TenantId>> {
        let tenants = match &self.tenants[..] {
            [] => Session::open(global).await?.service.tenant_ids().await?,
            given => given.to_vec(),
        };
        if tenants.is_empty() {
            let trouble = Trouble::new(Exit::NotFound, "the store has no tenant, so there is nobody to keep apart");
            return Err(trouble.help("name some: `tenantry prove-isolation acme beta`").into());
        }
        Ok(tenants.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
    }

    fn names(&self, url: &AwsUrl) -> Names {
        Names {
            partition: self.aws_partition.clone(),
            region: self.region.clone(),
            account: self.account.clone(),
            environment: url.environment().to_string(),
            table_prefix: url.table_prefix().to_owned(),
        }
    }
}

fn account(text: &str) -> Result<String, &'static str> {
    let fits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err("an account has twelve digits") }
}

/// A name without anything that a policy would take for a pattern.
fn word(text: &str) -> Result<String, &'static str> {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if !text.is_empty() && text.bytes().all(fits) { Ok(text.to_owned()) } else { Err("use a-z, 0-9 and '-'") }
}
