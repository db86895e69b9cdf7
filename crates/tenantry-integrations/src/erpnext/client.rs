//! Asks ERPNext, by the REST API of Frappe.

use serde_json::{Value, json};
use tenantry_core::secret::SecretText;
use url::Url;

use super::ErpNext;
use crate::call::{CallError, malformed, refused};
use crate::egress::{Egress, Request, Response};
use crate::erp::{MOST_RECORDS, OpenInvoice, Partner, StockLevel, number, text};
use crate::redact::redact;
use crate::verify::Identity;

/// Whom Frappe takes somebody for whose key it does not know.
const NOBODY: &str = "Guest";

/// Asks ERPNext; a clone shares its connections.
#[derive(Clone, Debug)]
pub struct ErpNextClient {
    egress: Egress,
}

impl ErpNextClient {
    /// A client that sends through `egress`.
    pub fn new(egress: Egress) -> Self {
        Self { egress }
    }

    /// Asks as whom the key is known.
    pub async fn verify(&self, erpnext: &ErpNext) -> Result<Identity, CallError> {
        let answer = self.read(erpnext, erpnext.url.join("api/method/frappe.auth.get_logged_user")).await?;
        match answer["message"].as_str() {
            Some(NOBODY) => Err(CallError::Unauthorized),
            Some(user) => Ok(Identity::new(redact(user, &secrets(erpnext)))),
            None => Err(malformed("it names no user")),
        }
    }

    /// Finds customers, and suppliers behind them, by a part of their name.
    pub async fn find_partner(&self, erpnext: &ErpNext, query: &str) -> Result<Vec<Partner>, CallError> {
        let mut found = Vec::new();
        // A supplier has no territory; a field that there is not is refused.
        for (doctype, name, place) in
            [("Customer", "customer_name", "territory"), ("Supplier", "supplier_name", "country")]
        {
            let filters = json!([[name, "like", contains(query)]]);
            let fields = [name, "email_id", "mobile_no", place];
            for record in self.list(erpnext, doctype, Filters::all(filters), &fields, name).await? {
                let field = |field: &str| text(&record[field]);
                let (email, phone, city) = (field("email_id"), field("mobile_no"), field(place));
                found.extend(field(name).map(|name| Partner { name, email, phone, city }));
            }
        }
        found.truncate(MOST_RECORDS as usize);
        Ok(found)
    }

    /// Lists invoices to customers that are not paid, the one that is due first at the top; those of one partner if it is
    /// named.
    pub async fn open_invoices(&self, erpnext: &ErpNext, partner: Option<&str>) -> Result<Vec<OpenInvoice>, CallError> {
        let mut filters = vec![json!(["docstatus", "=", 1]), json!(["outstanding_amount", ">", 0])];
        filters.extend(partner.map(|partner| json!(["customer_name", "like", contains(partner)])));
        let fields = ["name", "customer_name", "outstanding_amount", "currency", "due_date"];
        let records =
            self.list(erpnext, "Sales Invoice", Filters::all(Value::Array(filters)), &fields, "due_date").await?;
        Ok(records.iter().filter_map(invoice).collect())
    }

    /// Tells how much there is of the items whose code or name has this in it, by warehouse.
    pub async fn stock(&self, erpnext: &ErpNext, item: &str) -> Result<Vec<StockLevel>, CallError> {
        let named = ["item_code", "item_name"].map(|field| json!([field, "like", contains(item)]));
        let items = self.list(erpnext, "Item", Filters::one_of(json!(named)), &["item_code"], "item_code").await?;
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let codes: Vec<_> = items.iter().map(|item| &item["item_code"]).collect();
        let filters = json!([["item_code", "in", codes]]);
        let fields = ["item_code", "warehouse", "actual_qty", "stock_uom"];
        let records = self.list(erpnext, "Bin", Filters::all(filters), &fields, "item_code").await?;
        Ok(records.iter().filter_map(level).collect())
    }

    async fn list(
        &self,
        erpnext: &ErpNext,
        doctype: &str,
        filters: Filters,
        fields: &[&str],
        order: &str,
    ) -> Result<Vec<Value>, CallError> {
        let mut url = erpnext.url.join(&format!("api/resource/{doctype}"));
        url.query_pairs_mut()
            .append_pair(filters.parameter, &filters.conditions.to_string())
            .append_pair("fields", &json!(fields).to_string())
            .append_pair("order_by", &format!("{order} asc"))
            .append_pair("limit_page_length", &MOST_RECORDS.to_string());
        match self.read(erpnext, url).await?.get_mut("data").map(Value::take) {
            Some(Value::Array(records)) => Ok(records),
            _ => Err(malformed("it has no list of records")),
        }
    }

    async fn read(&self, erpnext: &ErpNext, url: Url) -> Result<Value, CallError> {
        let token = format!("{}:{}", erpnext.api_key.expose(), erpnext.api_secret.expose());
        let request = Request::get(url).authorization("token", SecretText::new(token));
        parse(&self.egress.send(request).await?, erpnext)
    }
}

/// Which documents are asked for.
struct Filters {
    parameter: &'static str,
    conditions: Value,
}

impl Filters {
    /// Those to which all conditions apply.
    fn all(conditions: Value) -> Self {
        Self { parameter: "filters", conditions }
    }

    /// Those to which one of the conditions applies.
    fn one_of(conditions: Value) -> Self {
        Self { parameter: "or_filters", conditions }
    }
}

/// What stands for "has this in it" in Frappe. Its wildcards in the text itself would find more, and nothing secret.
fn contains(text: &str) -> String {
    format!("%{text}%")
}

/// Reads an answer. Of what went wrong, `exception` is the shortest account; the rest is a trace of the server's program.
fn parse(response: &Response, erpnext: &ErpNext) -> Result<Value, CallError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response.json()?);
    }
    let told = response.json().ok();
    let told = told.as_ref().and_then(|json| json["exception"].as_str().or_else(|| json["exc_type"].as_str()));
    Err(refused(status, response.headers(), told.map(|text| redact(text, &secrets(erpnext)))))
}

fn secrets(erpnext: &ErpNext) -> [&SecretText; 2] {
    [&erpnext.api_key, &erpnext.api_secret]
}

fn invoice(record: &Value) -> Option<OpenInvoice> {
    Some(OpenInvoice {
        number: text(&record["name"])?,
        partner: text(&record["customer_name"])?,
        open_amount: number(&record["outstanding_amount"])?,
        currency: text(&record["currency"]),
        due: text(&record["due_date"]),
    })
}

fn level(record: &Value) -> Option<StockLevel> {
    Some(StockLevel {
        item: text(&record["item_code"])?,
        warehouse: text(&record["warehouse"]),
        quantity: number(&record["actual_qty"])?,
        unit: text(&record["stock_uom"]),
    })
}
