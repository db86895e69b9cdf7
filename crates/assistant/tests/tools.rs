//! What tools look up for two companies at once: each in its own systems, with its own credentials.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use assistant::settings::{Settings, Tool};
use assistant::tools::{Systems, Tools, offered};
use jiff::Timestamp;
use serde_json::{Value, json};
use tenantry_core::key::Key;
use tenantry_core::settings::{LeftOut, WhyLeftOut};
use tenantry_emulators::providers::{
    Calendars, Class, ErpNext, ErpNextCompany, Fault, GoogleCalendar, Odoo, OdooCompany, Provider, Seen, Weaviate,
    WeaviateCluster,
};
use tenantry_integrations::bases::Bases;
use tenantry_integrations::egress::Egress;
use tenantry_integrations::llm::ToolCall;

/// The systems of two companies: acme has Odoo and a knowledge base, beta has ERPNext; both share Google's servers.
struct World {
    odoo: Odoo,
    erpnext: ErpNext,
    google: GoogleCalendar,
    weaviate: Weaviate,
    tools: Tools,
}

impl World {
    async fn start() -> Self {
        let handbook = Class::of_texts("Handbook", None, &[("Holidays", "Thirty days a year")]);
        let cluster = WeaviateCluster { api_key: "CANARY-acme-weaviate".to_owned(), classes: vec![handbook] };
        let odoo = Odoo::start(OdooCompany::new("acme", "CANARY-acme-odoo")).await;
        let erpnext = ErpNext::start(ErpNextCompany::new("beta", "CANARY-beta-key", "CANARY-beta-secret")).await;
        let google = GoogleCalendar::start(Calendars::new("acme-calendar", "CANARY-acme-google")).await;
        let weaviate = Weaviate::start(cluster).await;
        let origins = [odoo.origin(), erpnext.origin(), google.origin(), weaviate.origin()];
        let egress = origins.iter().fold(Egress::builder(), |egress, origin| egress.allow_origin(origin).unwrap());
        let bases = Bases::parse(&format!("google_calendar={}", google.origin())).unwrap();
        let tools = Tools::new(&egress.build(), &bases);
        Self { odoo, erpnext, google, weaviate, tools }
    }

    fn acme(&self) -> Settings {
        settings(json!({
            "company": {"timezone": "Europe/Berlin"},
            "odoo": {"url": self.odoo.origin(), "db": "acme", "login": "assistant@acme.example",
                     "password": "CANARY-acme-odoo"},
            "google": {"api_key": "CANARY-acme-google", "calendar_id": "acme-calendar"},
            "weaviate": {"url": self.weaviate.origin(), "api_key": "CANARY-acme-weaviate"},
        }))
    }

    fn beta(&self) -> Settings {
        settings(json!({
            "erpnext": {"url": self.erpnext.origin(), "api_key": "CANARY-beta-key", "api_secret": "CANARY-beta-secret"},
        }))
    }

    async fn told<'a>(&self, systems: impl Into<Systems<'a>>, tool: Tool, arguments: Value) -> Value {
        let systems = systems.into();
        let now: Timestamp = "2026-11-27T08:00:00Z".parse().unwrap();
        let arguments = arguments.to_string();
        let call = ToolCall { id: "call_1".to_owned(), name: tool.name().to_owned(), arguments };
        let told = self.tools.answer(systems, &offered(systems, &Tool::ALL), &call, now).await;
        assert!(!told.contains("CANARY") && !told.contains("127.0.0.1"), "{told}");
        serde_json::from_str(&told).unwrap()
    }
}

fn settings(json: Value) -> Settings {
    serde_json::from_value(json).unwrap()
}

/// Everything that reached a server, as one text.
fn heard(provider: &Provider) -> String {
    let shown = |seen: Seen| format!("{} {} {:?} {:?}\n", seen.path, seen.query, seen.headers, seen.body);
    provider.take_seen().into_iter().map(shown).collect()
}

#[tokio::test]
async fn the_same_question_is_answered_from_each_companys_own_system() {
    let world = World::start().await;
    let (acme, beta) = (world.acme(), world.beta());
    let ask = async |settings: &Settings| {
        let partner = world.told(settings, Tool::FindPartner, json!({"query": "hotel"})).await;
        let invoices = world.told(settings, Tool::ListOpenInvoices, json!({"partner": "hotel"})).await;
        let stock = world.told(settings, Tool::GetStock, json!({"item": "spelt"})).await;
        (partner["found"][0]["name"].clone(), invoices["found"][0]["number"].clone(), stock["found"][0]["item"].clone())
    };
    let (acmes, betas) = tokio::join!(ask(&acme), ask(&beta));
    assert_eq!(acmes, (json!("Hotel acme"), json!("INV/2026/00041"), json!("[FL-630] Spelt flour")));
    assert_eq!(betas, (json!("Hotel beta"), json!("ACC-SINV-2026-00042"), json!("FL-630")));

    let (at_odoo, at_erpnext) = (heard(&world.odoo), heard(&world.erpnext));
    assert!(at_odoo.contains("CANARY-acme-odoo") && !at_odoo.contains("beta"), "{at_odoo}");
    assert!(at_erpnext.contains("CANARY-beta-secret") && !at_erpnext.contains("acme"), "{at_erpnext}");
}

#[tokio::test]
async fn calendar_and_knowledge_are_those_of_the_company_that_has_them() {
    let world = World::start().await;
    let (acme, beta) = (world.acme(), world.beta());
    let days = json!({"from": "2026-11-27", "to": "2026-11-30"});
    let events = world.told(&acme, Tool::ListEvents, days.clone()).await;
    assert_eq!(events["found"].as_array().unwrap().len(), 2);
    let passages = world.told(&acme, Tool::SearchKnowledge, json!({"query": "holidays"})).await;
    assert_eq!(passages["found"][0]["texts"]["body"], "Thirty days a year");
    assert!(heard(&world.google).contains("timeMin=2026-11-26T23%3A00%3A00Z"), "days are the company's");
    assert!(heard(&world.weaviate).contains("CANARY-acme-weaviate"));

    for (tool, arguments) in [(Tool::ListEvents, days), (Tool::SearchKnowledge, json!({"query": "holidays"}))] {
        let told = world.told(&beta, tool, arguments).await;
        assert!(told["error"].as_str().unwrap().starts_with("there is no such tool"), "{told}");
    }
    assert_eq!(heard(&world.google) + &heard(&world.weaviate), "", "nothing is asked for a company without them");
}

#[tokio::test]
async fn odoo_is_asked_where_both_systems_are_set() {
    let world = World::start().await;
    let both = Settings { odoo: world.acme().odoo, ..world.beta() };
    let told = world.told(&both, Tool::FindPartner, json!({"query": "hotel"})).await;
    assert_eq!(told["found"][0]["name"], "Hotel acme");
    assert_eq!(heard(&world.erpnext), "");
}

#[tokio::test]
async fn while_odoo_cannot_be_asked_no_other_system_answers_for_it() {
    let world = World::start().await;
    let key = |text: &str| Key::parse(text).unwrap();
    let left_out = [LeftOut { section: key("odoo"), why: WhyLeftOut::SecretUnavailable(key("odoo.password")) }];
    let beta = world.beta();
    let systems = Systems { settings: &beta, left_out: &left_out };
    for (tool, arguments) in [(Tool::FindPartner, json!({"query": "hotel"})), (Tool::GetStock, json!({"item": "rye"}))]
    {
        let told = world.told(systems, tool, arguments).await;
        assert!(told["error"].as_str().unwrap().starts_with("the business system cannot be asked for now"), "{told}");
    }
    assert_eq!(heard(&world.erpnext), "");
}

#[tokio::test]
async fn a_system_that_fails_is_told_to_the_model_in_a_sentence() {
    let world = World::start().await;
    let acme = world.acme();
    world.odoo.fail_next(Fault::Status(503, json!({"message": "CANARY-acme-odoo is down"})));
    let told = world.told(&acme, Tool::GetStock, json!({"item": "flour"})).await;
    let expected = "the business system gave no answer: the provider cannot be reached: it answered with status 503";
    assert!(told["error"].as_str().unwrap().starts_with(expected), "{told}");
    let told = world.told(&acme, Tool::GetStock, json!({})).await;
    assert_eq!(told["error"], "item is missing: give a text");
}
