//! ERPNext, by the REST API of Frappe.

use serde_json::{Value, json};
use tenantry_core::secret::SecretText;
use tenantry_emulators::providers::{ErpNext as Server, ErpNextCompany};
use tenantry_integrations::call::CallError;
use tenantry_integrations::erp::{MOST_RECORDS, Partner};
use tenantry_integrations::erpnext::{ErpNext, ErpNextClient};
use tenantry_integrations::verify::Identity;

use crate::site::{SECRET, Site, failed, secret};

fn section(site: &Site) -> ErpNext {
    ErpNext { url: site.endpoint(""), api_key: SecretText::new("CANARY-key".to_owned()), api_secret: secret() }
}

pub(crate) async fn verify(site: Site) -> Result<Identity, CallError> {
    ErpNextClient::new(site.egress.clone()).verify(&section(&site)).await
}

pub(crate) async fn find_partner(site: Site) -> Result<Vec<Partner>, CallError> {
    ErpNextClient::new(site.egress.clone()).find_partner(&section(&site), "hotel").await
}

fn company() -> ErpNextCompany {
    ErpNextCompany::new("acme", "CANARY-key", SECRET)
}

struct Asked {
    server: Server,
    client: ErpNextClient,
    erpnext: ErpNext,
}

async fn asking(company: ErpNextCompany) -> Asked {
    let server = Server::start(company).await;
    let site = Site::of(&server);
    Asked { client: ErpNextClient::new(site.egress.clone()), erpnext: section(&site), server }
}

#[tokio::test]
async fn a_connection_is_verified() {
    let asked = asking(company()).await;
    assert_eq!(asked.client.verify(&asked.erpnext).await.unwrap(), Identity::new("assistant@acme.example"));
    let [seen] = &asked.server.take_seen()[..] else { panic!("one request") };
    assert_eq!(seen.header("authorization"), format!("token CANARY-key:{SECRET}"));
    assert_eq!((seen.path.as_str(), seen.query.as_str()), ("/api/method/frappe.auth.get_logged_user", ""));
}

#[tokio::test]
async fn a_wrong_credential_is_unauthorized() {
    let asked = asking(company()).await;
    let erpnext = ErpNext { api_secret: SecretText::new("CANARY-wrong".to_owned()), ..asked.erpnext };
    assert_eq!(failed(asked.client.verify(&erpnext).await), CallError::Unauthorized);
    assert_eq!(failed(asked.client.stock(&erpnext, "flour").await), CallError::Unauthorized);
}

#[tokio::test]
async fn a_guest_is_unauthorized() {
    let asked = asking(ErpNextCompany { welcomes_guests: true, api_key: "another".to_owned(), ..company() }).await;
    assert_eq!(failed(asked.client.verify(&asked.erpnext).await), CallError::Unauthorized);
}

#[tokio::test]
async fn what_the_user_may_not_read_is_rejected_with_the_reason() {
    let asked = asking(ErpNextCompany { forbidden: vec!["Sales Invoice".to_owned()], ..company() }).await;
    let CallError::Rejected { status: 403, reason } = failed(asked.client.open_invoices(&asked.erpnext, None).await)
    else {
        panic!("it is forbidden")
    };
    assert!(reason.starts_with("frappe.exceptions.PermissionError: User assistant@acme.example"), "{reason}");
}

#[tokio::test]
async fn a_document_type_that_is_not_there_is_rejected_with_the_reason() {
    let mut company = company();
    company.documents.remove("Bin");
    let asked = asking(company).await;
    let reason = "frappe.exceptions.DoesNotExistError: DocType Bin not found".to_owned();
    let error = failed(asked.client.stock(&asked.erpnext, "flour").await);
    assert_eq!(error, CallError::Rejected { status: 404, reason });
}

#[tokio::test]
async fn customers_and_suppliers_are_found_by_name() {
    let asked = asking(company()).await;
    let found = asked.client.find_partner(&asked.erpnext, "HOTEL").await.unwrap();
    let expected = json!([
        {"name": "Hotel acme", "email": "kitchen@hotel-acme.example", "phone": "+49 761 1234", "city": "Freiburg"},
        {"name": "Mill acme (hotel flour)", "city": "Germany"},
    ]);
    assert_eq!(serde_json::to_value(found).unwrap(), expected);
    assert!(asked.client.find_partner(&asked.erpnext, "nobody").await.unwrap().is_empty());
}

#[tokio::test]
async fn open_invoices_are_submitted_and_not_paid_and_the_one_due_first_is_first() {
    let asked = asking(company()).await;
    let all = asked.client.open_invoices(&asked.erpnext, None).await.unwrap();
    assert_eq!(all.len(), 3);
    let of_hotel = asked.client.open_invoices(&asked.erpnext, Some("hotel")).await.unwrap();
    assert_eq!(of_hotel.len(), 2);
    let expected = json!({
        "number": "ACC-SINV-2026-00042", "partner": "Hotel acme", "open_amount": 90.55, "currency": "EUR",
        "due": "2026-10-15",
    });
    assert_eq!(serde_json::to_value(&of_hotel[0]).unwrap(), expected);
}

#[tokio::test]
async fn stock_is_found_by_code_or_name_and_told_by_warehouse() {
    let asked = asking(company()).await;
    for item in ["fl-630", "spelt"] {
        let levels = asked.client.stock(&asked.erpnext, item).await.unwrap();
        let expected = json!([
            {"item": "FL-630", "warehouse": "Mill - acme", "quantity": 125.5, "unit": "Kg"},
            {"item": "FL-630", "warehouse": "Shop - acme", "quantity": 4.0, "unit": "Kg"},
        ]);
        assert_eq!(serde_json::to_value(levels).unwrap(), expected, "{item}");
    }
    assert!(asked.client.stock(&asked.erpnext, "gold").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_person_writes_stays_a_value() {
    let asked = asking(company()).await;
    let hostile = r#"%"], ["name", "like", "%&fields=["*"]"#;
    assert!(asked.client.find_partner(&asked.erpnext, hostile).await.unwrap().is_empty());
    let [customers, _] = &asked.server.take_seen()[..] else { panic!("two requests") };
    let query: Vec<_> = url::form_urlencoded::parse(customers.query.as_bytes()).collect();
    let filters: Value = serde_json::from_str(&query[0].1).unwrap();
    assert_eq!((query[0].0.as_ref(), query.len()), ("filters", 4));
    assert_eq!(filters, json!([["customer_name", "like", format!("%{hostile}%")]]));
}

#[tokio::test]
async fn a_long_list_is_cut() {
    let mut company = company();
    let customer = company.documents["Customer"][0].clone();
    company.documents["Customer"] = Value::Array(vec![customer; 100]);
    let asked = asking(company).await;
    let found = asked.client.find_partner(&asked.erpnext, "hotel").await.unwrap();
    assert_eq!(found.len(), MOST_RECORDS as usize);
}
