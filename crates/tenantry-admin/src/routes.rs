//! Every operation of the API on one page.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use tenantry::problem::Problem;
use tenantry::token::Tokens;

use crate::access::Permission::{ManageTenants, ManageTokens, Read, Use, Write, WriteSecrets};
use crate::api::{
    audit, behind, bindings, catalog, configuration, connections, health, ofrep, overrides, plan, prompts, revisions,
    secrets, tenants, tokens, watch,
};
use crate::application::Application;
use crate::error::Refused;
use crate::hot::{HOT_BYTES, Hot, LOOK_HOLDS};
use crate::idempotency::Answers;
use crate::limits::{Gate, Limits};
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::operation::{In, Operation, Place};
use crate::seats::Seats;
use crate::service::Service;
use crate::watchers::Watchers;

/// What the handlers work with. Cloning shares all of it.
#[derive(Clone, Debug)]
pub struct Api {
    /// The use cases.
    pub service: Service,
    /// Finds out who asks.
    pub tokens: Tokens,
    /// The application whose configuration is managed.
    pub application: Arc<dyn Application>,
    /// Accepts tokens of an identity provider, if there is one.
    pub oidc: Option<Oidc>,
    /// What is counted.
    pub metrics: Metrics,
    pub(crate) gate: Gate,
    pub(crate) answers: Answers,
    pub(crate) watchers: Watchers,
    /// For those who read much of a log at once.
    pub(crate) readers: Seats,
    pub(crate) hot: Hot,
}

/// For how long a configuration is served without looking whether it changed, from a store that cannot tell cheaply.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// How many of the companies' requests read their logs at once: each may hold some megabytes.
const MOST_READERS: usize = 100;
/// How many of them one company has.
const MOST_READERS_OF_ONE: usize = 8;

impl Api {
    /// What the handlers work with, under the usual limits.
    pub fn new(service: Service, tokens: Tokens, application: Arc<dyn Application>) -> Self {
        Self {
            service,
            tokens,
            application,
            oidc: None,
            metrics: Metrics::default(),
            gate: Gate::new(Limits::default()),
            answers: Answers::default(),
            watchers: Watchers::default(),
            readers: Seats::new(MOST_READERS, MOST_READERS_OF_ONE),
            hot: Hot::new(HOT_BYTES, FRESH_FOR, Duration::ZERO),
        }
    }

    /// The same that keeps so many bytes of configurations ready, and serves them for so long without looking whether they
    /// changed, from a store that cannot tell cheaply; for five seconds at the most, as long as what was revoked elsewhere may
    /// still hold.
    #[must_use]
    pub fn keeping(self, most_bytes: usize, fresh_for: Duration) -> Self {
        Self { hot: Hot::new(most_bytes, fresh_for, LOOK_HOLDS), ..self }
    }

    /// The same that accepts tokens of an identity provider, too.
    #[must_use]
    pub fn with_oidc(self, oidc: Oidc) -> Self {
        Self { oidc: Some(oidc), ..self }
    }

    /// Ends what would go on for as long as its caller stays, because the server stops.
    pub fn stop(&self) {
        self.watchers.stop();
    }

    /// The same under other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { gate: Gate::new(limits), ..self }
    }
}

/// What anybody may ask.
const OPEN: In = In::new(Place::Open);
/// What whoever has a credential may ask.
const CALLER: In = In::new(Place::Caller);
/// What is about the caller's own tenant.
const OWN: In = In::new(Place::Own);
/// What is about the tenant in the path.
const TENANT: In = In::new(Place::Tenant);
/// What is about the global scope, or the service as a whole.
const GLOBAL: In = In::new(Place::Global);

/// The operations.
#[rustfmt::skip] // One operation a line, so that they can be compared.
pub(crate) fn operations() -> Vec<Operation> {
    vec![
        OPEN.get("/healthz", Read, health::alive).is("health", "alive", "Is the process alive?"),
        OPEN.get("/readyz", Read, health::ready).is("health", "ready", "Can the process do its work?"),
        OPEN.get("/openapi.json", Read, health::openapi).is("health", "openapi", "Get this document"),
        GLOBAL.get("/metrics", Read, health::metrics).is("health", "metrics", "Get the counts of the server (OpenMetrics)"),

        CALLER.get("/v1/catalog", Read, catalog::show).is("catalog", "show", "List all parameters"),
        CALLER.get("/v1/catalog/schema", Read, catalog::schema).is("catalog", "schema", "Get the catalog as a JSON Schema"),
        CALLER.get("/v1/catalog/parameters/{key}", Read, catalog::parameter).is("catalog", "parameter", "Show a parameter"),

        GLOBAL.get("/v1/tenants", ManageTenants, tenants::list).is("tenants", "list", "List tenants"),
        GLOBAL.post("/v1/tenants", ManageTenants, tenants::create).is("tenants", "create", "Create a tenant")
            .detail("Empty, or with the plain values of another tenant (`like`), such as one that is a template."),
        TENANT.get("/v1/tenants/{tenant_id}", Read, tenants::show).is("tenants", "show", "Show a tenant"),
        TENANT.patch("/v1/tenants/{tenant_id}", ManageTenants, tenants::change).if_match().is("tenants", "rename", "Rename a tenant"),
        TENANT.delete("/v1/tenants/{tenant_id}", ManageTenants, tenants::delete).if_match().is("tenants", "delete", "Erase a suspended tenant for good")
            .detail("Its values, secrets, bindings and tokens are erased, and the values in its log. Suspend it first."),
        TENANT.post("/v1/tenants/{tenant_id}/suspend", ManageTenants, tenants::suspend).is("tenants", "suspend", "Stop serving a tenant")
            .detail("Its values stay. Suspending a suspended tenant changes nothing."),
        TENANT.post("/v1/tenants/{tenant_id}/resume", ManageTenants, tenants::resume).is("tenants", "resume", "Serve a tenant again"),
        TENANT.get("/v1/tenants/{tenant_id}/completeness", Read, tenants::completeness).is("tenants", "completeness", "Tell what is wrong or lacking"),

        TENANT.looking_itself().get("/v1/tenants/{tenant_id}/configuration", Read, configuration::show).is("configuration", "show", "Show what a tenant gets")
            .detail("Built-in defaults, then global values, then the tenant's own. Secrets are told by version and fingerprint. The ETag is of the content: poll with If-None-Match."),
        TENANT.looking_itself().get("/v1/tenants/{tenant_id}/configuration/{key}", Read, configuration::one).is("configuration", "one", "Show one value, or a section"),
        GLOBAL.get("/v1/global/configuration", Read, configuration::show).is("configuration", "show-global", "Show what a tenant without values of its own gets"),

        TENANT.get("/v1/tenants/{tenant_id}/overrides", Read, overrides::show).is("overrides", "show", "Show what a tenant sets itself"),
        TENANT.patch("/v1/tenants/{tenant_id}/overrides", Write, overrides::change).if_match().is("overrides", "change", "Change what a tenant sets")
            .detail(PATCH),
        GLOBAL.get("/v1/global/overrides", Read, overrides::show).is("overrides", "show-global", "Show the operator's defaults"),
        GLOBAL.patch("/v1/global/overrides", Write, overrides::change).if_match().is("overrides", "change-global", "Change the operator's defaults")
            .detail(PATCH),

        TENANT.get("/v1/tenants/{tenant_id}/behind", Read, behind::review).is("overrides", "behind", "List overrides whose default has moved on, or that say what it says")
            .detail("With base, new default and own value, and for texts both changes put together line by line."),
        TENANT.post("/v1/tenants/{tenant_id}/behind/{key}", Write, behind::settle).if_match().is("overrides", "settle", "Keep an override that is behind, take the default, or merge both"),
        GLOBAL.get("/v1/global/overridden", Read, behind::overridden).is("defaults", "overridden", "List the defaults that most tenants override"),
        GLOBAL.only_looking().post("/v1/global/plan", Write, plan::plan).is("defaults", "plan", "Tell what a change of the defaults would do to every tenant")
            .detail(PLAN),
        GLOBAL.only_looking().post("/v1/global/plan/stream", Write, plan::stream).is("defaults", "plan-stream", "The same, a line a tenant, as soon as it is known")
            .detail(PLAN),
        GLOBAL.post("/v1/global/apply", Write, plan::apply).is("defaults", "apply", "Make a change that was planned")
            .detail("Refused (412) if anything moved since, and (409) if it would leave tenants with a configuration that is wrong, unless that is meant."),

        TENANT.get("/v1/tenants/{tenant_id}/secrets", Read, secrets::list).is("secrets", "list", "List the secrets that a tenant sets")
            .detail("By fingerprint, version and age. No secret is ever shown."),
        TENANT.put("/v1/tenants/{tenant_id}/secrets/{key}", WriteSecrets, secrets::set).if_match().is("secrets", "set", "Set a secret"),
        TENANT.delete("/v1/tenants/{tenant_id}/secrets/{key}", WriteSecrets, secrets::unset).if_match().is("secrets", "unset", "Unset a secret"),
        GLOBAL.get("/v1/global/secrets", Read, secrets::list).is("secrets", "list-global", "List the operator's secrets"),
        GLOBAL.put("/v1/global/secrets/{key}", WriteSecrets, secrets::set).if_match().is("secrets", "set-global", "Set a secret of the operator"),
        GLOBAL.delete("/v1/global/secrets/{key}", WriteSecrets, secrets::unset).if_match().is("secrets", "unset-global", "Unset a secret of the operator"),

        TENANT.get("/v1/tenants/{tenant_id}/revisions", Read, revisions::list).is("revisions", "list", "List a tenant's revisions"),
        TENANT.get("/v1/tenants/{tenant_id}/revisions/{revision}", Read, revisions::show).is("revisions", "show", "Show a revision"),
        TENANT.get("/v1/tenants/{tenant_id}/revisions/{revision}/diff", Read, revisions::diff).is("revisions", "diff", "Compare two revisions"),
        TENANT.post("/v1/tenants/{tenant_id}/revisions/{revision}/restore", Write, revisions::restore).if_match().is("revisions", "restore", "Make an old revision's values the newest")
            .detail(RESTORE),
        GLOBAL.get("/v1/global/revisions", Read, revisions::list).is("revisions", "list-global", "List the revisions of the operator's defaults"),
        GLOBAL.get("/v1/global/revisions/{revision}", Read, revisions::show).is("revisions", "show-global", "Show a revision of the operator's defaults"),
        GLOBAL.get("/v1/global/revisions/{revision}/diff", Read, revisions::diff).is("revisions", "diff-global", "Compare two revisions of the operator's defaults"),
        GLOBAL.post("/v1/global/revisions/{revision}/restore", Write, revisions::restore).if_match().is("revisions", "restore-global", "Make old defaults the newest")
            .detail(RESTORE),

        TENANT.get("/v1/tenants/{tenant_id}/bindings", Read, bindings::list).is("bindings", "list", "List what is bound to a tenant"),
        TENANT.post("/v1/tenants/{tenant_id}/bindings", WriteSecrets, bindings::add).is("bindings", "add", "Bind an outside identity")
            .detail("A Slack team or a Telegram bot; e-mail addresses and hosts are bound by the operator."),
        TENANT.delete("/v1/tenants/{tenant_id}/bindings/{binding}", WriteSecrets, bindings::remove).is("bindings", "remove", "Release an outside identity"),

        TENANT.post("/v1/tenants/{tenant_id}/prompts/{key}/render", Read, prompts::render).is("prompts", "render", "Render a prompt as the tenant gets it"),
        TENANT.only_looking().post("/v1/tenants/{tenant_id}/connections/verify", Write, connections::verify).is("connections", "verify", "Ask providers whether connections work")
            .detail("Saved, or with values that are not saved: those need the permission write-secrets, because an address that is tried gets the secret that is saved."),

        TENANT.get("/v1/tenants/{tenant_id}/audit", Read, audit::search).is("audit", "search", "Search a tenant's log"),
        TENANT.get("/v1/tenants/{tenant_id}/audit/export", Read, audit::export).is("audit", "export", "Export a tenant's log, a line an entry"),
        TENANT.get("/v1/tenants/{tenant_id}/watch", Read, watch::watch).is("watch", "tenant", "Be told when a tenant's configuration changes")
            .detail(WATCH),

        GLOBAL.get("/v1/audit", Read, audit::search_all).is("audit", "search-all", "Search the log of all scopes"),
        GLOBAL.get("/v1/audit/export", Read, audit::export_all).is("audit", "export-all", "Export the log of all scopes"),

        TENANT.get("/v1/tenants/{tenant_id}/tokens", ManageTokens, tokens::list).is("tokens", "list", "List a tenant's tokens"),
        TENANT.post("/v1/tenants/{tenant_id}/tokens", ManageTokens, tokens::create).is("tokens", "create", "Make a token of a tenant")
            .detail("Its text is in the answer, and never shown again."),
        TENANT.delete("/v1/tenants/{tenant_id}/tokens/{token}", ManageTokens, tokens::revoke).is("tokens", "revoke", "Revoke a token"),
        GLOBAL.get("/v1/global/tokens", ManageTokens, tokens::list).is("tokens", "list-global", "List the operator's tokens"),
        GLOBAL.post("/v1/global/tokens", ManageTokens, tokens::create).is("tokens", "create-global", "Make a token of the operator"),
        GLOBAL.delete("/v1/global/tokens/{token}", ManageTokens, tokens::revoke).is("tokens", "revoke-global", "Revoke a token of the operator"),

        OWN.looking_itself().post("/ofrep/v1/evaluate/flags", Use, ofrep::all).is("ofrep", "all", "Evaluate all flags (OpenFeature)").detail(OFREP),
        OWN.looking_itself().post("/ofrep/v1/evaluate/flags/{flag}", Use, ofrep::one).is("ofrep", "one", "Evaluate a flag (OpenFeature)").detail(OFREP),
    ]
}

const PATCH: &str = "A JSON Merge Patch (RFC 7396): null removes an override, tables merge, lists replace. Keys may be dotted. \
    The fields of connections need the permission write-secrets, because whoever decides where a connection leads decides \
    where its secret goes. All that is wrong is told at once, and nothing is changed then.";

const WATCH: &str = "Server-sent events: `changed` with the revisions that there are now, at the beginning and within a few seconds \
    of each change of the tenant's values, its secret or the defaults; `gone` where the tenant is not served any more. The stream \
    ends when the token does not hold any more.";

const PLAN: &str = "A merge patch of the defaults, which is not made: what each tenant will get, what it does not notice because it \
    sets its own, connections and routes that would break, and prompts that read what would not be set any more. The hash stands \
    for all that was looked at.";

const RESTORE: &str = "As a new revision, checked by today's catalog. Secrets stay as they are: old ones are not kept.";

const OFREP: &str = "OpenFeature's remote evaluation protocol: a flag is a parameter of the token's tenant. The operator's token \
    names the tenant in the header x-tenant-id. The evaluation context changes nothing.";

/// Builds the API.
pub fn router(api: Api) -> Router {
    let add = |router: Router<Api>, operation: Operation| router.route(operation.path, operation.serve);
    operations()
        .into_iter()
        .fold(Router::new(), add)
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(no_such_path)
        .with_state(api)
}

async fn no_such_path(uri: Uri) -> Refused {
    let problem = Problem::not_found();
    if uri.path().starts_with("/v1/") {
        problem.into()
    } else {
        problem.with_hint("GET /openapi.json lists what there is").into()
    }
}

async fn method_not_allowed() -> Refused {
    let detail = "this path does not take that method: the Allow header lists those that it takes";
    Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into()
}
