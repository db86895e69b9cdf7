//! Odoo, by both of its APIs.

use serde_json::{Value, json};
use tenantry_core::secret::SecretText;
use tenantry_emulators::providers::{Fault, Odoo as Server, OdooCompany};
use tenantry_integrations::call::CallError;
use tenantry_integrations::erp::{MOST_RECORDS, Partner};
use tenantry_integrations::odoo::{Odoo, OdooClient};
use tenantry_integrations::verify::Identity;

use crate::site::{SECRET, Site, failed, secret};

fn section(site: &Site) -> Odoo {
    Odoo {
        url: site.endpoint(""),
        db: "acme".to_owned(),
        login: "assistant@acme.example".to_owned(),
        password: secret(),
    }
}

pub(crate) async fn verify(site: Site) -> Result<Identity, CallError> {
    OdooClient::new(site.egress.clone()).verify(&section(&site)).await
}

pub(crate) async fn find_partner(site: Site) -> Result<Vec<Partner>, CallError> {
    OdooClient::new(site.egress.clone()).find_partner(&section(&site), "hotel").await
}

/// Odoo before 19 of the same company.
fn older() -> OdooCompany {
    OdooCompany { has_json2: false, ..OdooCompany::new("acme", SECRET) }
}

fn both() -> [OdooCompany; 2] {
    [OdooCompany::new("acme", SECRET), older()]
}

struct Asked {
    server: Server,
    client: OdooClient,
    odoo: Odoo,
}

async fn asking(company: OdooCompany) -> Asked {
    let server = Server::start(company).await;
    let site = Site::of(&server);
    Asked { client: OdooClient::new(site.egress.clone()), odoo: section(&site), server }
}

fn rejected(status: u16, reason: &str) -> CallError {
    CallError::Rejected { status, reason: reason.to_owned() }
}

#[tokio::test]
async fn a_connection_is_verified_by_either_api() {
    for (company, notes) in both().into_iter().zip([0, 1]) {
        let asked = asking(company).await;
        let identity = asked.client.verify(&asked.odoo).await.unwrap();
        assert_eq!(identity.whom, "assistant@acme.example (user 7) in the database acme");
        assert_eq!(identity.notes.len(), notes, "the older API is noted");
    }
}

#[tokio::test]
async fn a_key_of_another_user_is_noted() {
    let asked = asking(OdooCompany::new("acme", SECRET)).await;
    let odoo = Odoo { login: "boss@acme.example".to_owned(), ..asked.odoo };
    let identity = asked.client.verify(&odoo).await.unwrap();
    assert_eq!(identity.whom, "assistant@acme.example (user 7) in the database acme");
    assert_eq!(identity.notes.len(), 1);
}

#[tokio::test]
async fn a_user_who_may_not_read_users_is_known_all_the_same() {
    let asked = asking(OdooCompany::new("acme", SECRET)).await;
    asked.server.fail_next(Fault::Status(200, json!({"lang": "en_US", "tz": false})));
    let identity = asked.client.verify(&asked.odoo).await.unwrap();
    assert_eq!(identity, Identity::new("the owner of the key in the database acme"));
}

#[tokio::test]
async fn a_wrong_credential_is_unauthorized() {
    for company in both() {
        let asked = asking(company).await;
        let odoo = Odoo { password: SecretText::new("CANARY-wrong".to_owned()), ..asked.odoo };
        assert_eq!(failed(asked.client.verify(&odoo).await), CallError::Unauthorized);
        assert_eq!(failed(asked.client.find_partner(&odoo, "hotel").await), CallError::Unauthorized);
    }
}

#[tokio::test]
async fn a_wrong_credential_is_unauthorized_where_there_is_no_json_rpc() {
    let asked = asking(OdooCompany { has_json_rpc: false, ..OdooCompany::new("acme", SECRET) }).await;
    let odoo = Odoo { password: SecretText::new("CANARY-wrong".to_owned()), ..asked.odoo };
    assert_eq!(failed(asked.client.verify(&odoo).await), CallError::Unauthorized);
}

#[tokio::test]
async fn a_password_that_is_no_key_does_where_there_is_json_rpc() {
    let asked = asking(OdooCompany { api_key: "another".to_owned(), ..OdooCompany::new("acme", SECRET) }).await;
    assert!(asked.client.verify(&asked.odoo).await.is_ok());
    assert_eq!(asked.client.find_partner(&asked.odoo, "hotel").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_wrong_login_is_unauthorized() {
    let asked = asking(older()).await;
    let odoo = Odoo { login: "boss@acme.example".to_owned(), ..asked.odoo };
    assert_eq!(failed(asked.client.verify(&odoo).await), CallError::Unauthorized);
}

#[tokio::test]
async fn an_absent_database_is_rejected() {
    for company in both() {
        let asked = asking(company).await;
        let odoo = Odoo { db: "beta".to_owned(), ..asked.odoo };
        let expected = rejected(404, "connection to server failed: FATAL: database \"beta\" does not exist");
        assert_eq!(failed(asked.client.verify(&odoo).await), expected);
    }
}

#[tokio::test]
async fn an_address_without_an_odoo_is_rejected() {
    let asked = asking(OdooCompany { has_json_rpc: false, ..older() }).await;
    let expected = rejected(404, "there is no Odoo at this address");
    assert_eq!(failed(asked.client.verify(&asked.odoo).await), expected);
    assert_eq!(failed(asked.client.stock(&asked.odoo, "flour").await), expected);
}

#[tokio::test]
async fn what_the_user_may_not_read_is_rejected_with_the_reason() {
    for company in both() {
        let asked = asking(OdooCompany { forbidden: vec!["account.move".to_owned()], ..company }).await;
        let error = failed(asked.client.open_invoices(&asked.odoo, None).await);
        assert_eq!(error, rejected(403, "You are not allowed to access 'account.move' records."));
    }
}

#[tokio::test]
async fn a_module_that_is_not_installed_is_rejected_with_the_reason() {
    for mut company in both() {
        company.records.remove("account.move");
        let asked = asking(company).await;
        let error = failed(asked.client.open_invoices(&asked.odoo, None).await);
        assert_eq!(error, rejected(404, "The model 'account.move' does not exist"));
    }
}

#[tokio::test]
async fn a_database_that_does_not_work_is_unreachable() {
    let asked = asking(older()).await;
    asked.server.fail_next(Fault::Status(404, json!("no such page")));
    let data = json!({"name": "psycopg2.OperationalError", "message": "could not connect to server"});
    asked.server.fail_next(Fault::Status(200, json!({"jsonrpc": "2.0", "error": {"code": 200, "data": data}})));
    let error = failed(asked.client.verify(&asked.odoo).await);
    assert_eq!(error, CallError::Unreachable { reason: "its database does not work".to_owned() });
}

#[tokio::test]
async fn an_error_of_json_rpc_that_echoes_the_credential_is_scrubbed() {
    let asked = asking(older()).await;
    asked.server.fail_next(Fault::Status(404, Value::Null));
    let fault = json!({"code": 200, "message": "Odoo Server Error", "data": {"message": format!("args: {SECRET}")}});
    asked.server.fail_next(Fault::Status(200, json!({"error": fault})));
    assert_eq!(failed(asked.client.verify(&asked.odoo).await), rejected(400, "args: ***"));
}

#[tokio::test]
async fn an_envelope_with_nothing_in_it_is_malformed() {
    let asked = asking(older()).await;
    asked.server.fail_next(Fault::Status(404, Value::Null));
    asked.server.fail_next(Fault::Status(200, json!({"jsonrpc": "2.0"})));
    assert!(matches!(failed(asked.client.verify(&asked.odoo).await), CallError::Malformed { .. }));
}

#[tokio::test]
async fn partners_are_found_by_name_or_address() {
    for company in both() {
        let asked = asking(company).await;
        for query in ["hotel", "KITCHEN@"] {
            let found = asked.client.find_partner(&asked.odoo, query).await.unwrap();
            let expected = json!([{
                "name": "Hotel acme", "email": "kitchen@hotel-acme.example", "phone": "+49 761 1234", "city": "Freiburg",
            }]);
            assert_eq!(serde_json::to_value(found).unwrap(), expected, "{query}");
        }
        assert!(asked.client.find_partner(&asked.odoo, "nobody").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn open_invoices_are_posted_and_not_paid() {
    for company in both() {
        let asked = asking(company).await;
        let all = asked.client.open_invoices(&asked.odoo, None).await.unwrap();
        let numbers: Vec<_> = all.iter().map(|invoice| invoice.number.as_str()).collect();
        assert_eq!(numbers, ["INV/2026/00041", "INV/2026/00042", "INV/2026/00045"]);

        let of_hotel = asked.client.open_invoices(&asked.odoo, Some("hotel")).await.unwrap();
        assert_eq!(of_hotel.len(), 2);
        let expected = json!({
            "number": "INV/2026/00042", "partner": "Hotel acme", "open_amount": 90.55, "currency": "EUR",
            "due": "2026-10-31",
        });
        assert_eq!(serde_json::to_value(&of_hotel[1]).unwrap(), expected);
    }
}

#[tokio::test]
async fn stock_is_found_by_code_or_name() {
    for company in both() {
        let asked = asking(company).await;
        let flour = asked.client.stock(&asked.odoo, "fl-630").await.unwrap();
        let expected = json!([{"item": "[FL-630] Spelt flour", "quantity": 125.5, "unit": "kg"}]);
        assert_eq!(serde_json::to_value(flour).unwrap(), expected);
        assert_eq!(asked.client.stock(&asked.odoo, "flour").await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_long_list_is_cut() {
    let mut company = OdooCompany::new("acme", SECRET);
    let partner = company.records["res.partner"][0].clone();
    company.records["res.partner"] = Value::Array(vec![partner; 100]);
    let asked = asking(company).await;
    assert_eq!(asked.client.find_partner(&asked.odoo, "hotel").await.unwrap().len(), MOST_RECORDS as usize);
}

#[tokio::test]
async fn the_credential_goes_where_each_api_wants_it_and_nowhere_else() {
    let asked = asking(OdooCompany::new("acme", SECRET)).await;
    asked.client.find_partner(&asked.odoo, "hotel").await.unwrap();
    let [seen] = &asked.server.take_seen()[..] else { panic!("one request") };
    assert_eq!(seen.path, "/json/2/res.partner/search_read");
    assert_eq!(seen.header("authorization"), format!("bearer {SECRET}"));
    assert_eq!(seen.header("x-odoo-database"), "acme");
    assert!(!String::from_utf8_lossy(&seen.body).contains("CANARY") && seen.query.is_empty());

    let asked = asking(older()).await;
    asked.client.find_partner(&asked.odoo, "hotel").await.unwrap();
    let [_, login, search] = &asked.server.take_seen()[..] else { panic!("three requests") };
    for seen in [login, search] {
        assert_eq!(seen.path, "/jsonrpc");
        assert_eq!(seen.json()["params"]["args"][2], SECRET);
        assert_eq!(seen.header("authorization"), "");
    }
}
