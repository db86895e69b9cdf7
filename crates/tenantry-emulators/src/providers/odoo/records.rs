//! The records of an Odoo, and what reading them can come to.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::domain;

/// Why a call failed: the name of Odoo's exception, and its message.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) name: &'static str,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, message: message.into() }
    }

    /// The status that JSON-2 answers with [K].
    pub(super) fn status(&self) -> StatusCode {
        match self.name {
            "odoo.exceptions.AccessError" => StatusCode::FORBIDDEN,
            "werkzeug.exceptions.NotFound" => StatusCode::NOT_FOUND,
            "builtins.TypeError" => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

pub(super) fn no_method(model: &str, method: &str) -> Failure {
    Failure::new("werkzeug.exceptions.NotFound", format!("The method '{model}.{method}' does not exist"))
}

/// The records of one model.
pub(super) struct Records<'a> {
    model: &'a str,
    rows: &'a [Value],
}

impl<'a> Records<'a> {
    pub(super) fn of(all: &'a Map<String, Value>, model: &'a str) -> Result<Self, Failure> {
        let rows = all.get(model).and_then(Value::as_array).ok_or_else(|| {
            Failure::new("werkzeug.exceptions.NotFound", format!("The model '{model}' does not exist"))
        })?;
        Ok(Self { model, rows })
    }

    /// What `search_read` answers: the fields asked for of the records that fit, and always `id`.
    pub(super) fn search_read(&self, arguments: &Map<String, Value>) -> Result<Value, Failure> {
        let known = ["domain", "fields", "limit", "offset", "order", "context", "ids"];
        if let Some(other) = arguments.keys().find(|name| !known.contains(&name.as_str())) {
            let message = format!("search_read() got an unexpected keyword argument '{other}'");
            return Err(Failure::new("builtins.TypeError", message));
        }
        let limit = arguments.get("limit").and_then(Value::as_u64);
        let domain = arguments.get("domain").and_then(Value::as_array).cloned().unwrap_or_default();
        let fields = self.fields(arguments)?;
        let mut rows = Vec::new();
        for row in self.rows {
            if domain::fits(row, &domain).map_err(|field| self.no_field(&field))? {
                rows.push(row);
            }
        }
        rows.truncate(limit.and_then(|limit| limit.try_into().ok()).unwrap_or(usize::MAX));
        Ok(rows.into_iter().map(|row| shown(row, &fields)).collect())
    }

    fn fields(&self, arguments: &Map<String, Value>) -> Result<Vec<String>, Failure> {
        let fields = arguments.get("fields").and_then(Value::as_array).into_iter().flatten();
        let fields: Vec<_> = fields.filter_map(Value::as_str).map(str::to_owned).collect();
        let missing = fields.iter().find(|field| self.rows.iter().any(|row| row.get(field.as_str()).is_none()));
        missing.map_or(Ok(fields.clone()), |field| Err(self.no_field(field)))
    }

    fn no_field(&self, field: &str) -> Failure {
        Failure::new("builtins.ValueError", format!("Invalid field '{field}' on model '{}'", self.model))
    }
}

fn shown(row: &Value, fields: &[String]) -> Value {
    let mut shown = Map::from_iter([("id".to_owned(), row["id"].clone())]);
    shown.extend(fields.iter().map(|field| (field.clone(), row[field].clone())));
    Value::Object(shown)
}

/// What a small company has. Odoo writes `false` for what is empty, and `[id, name]` for a reference.
pub(super) fn of_a_baker(name: &str) -> Map<String, Value> {
    let hotel = format!("Hotel {name}");
    let partners = json!([
        {"id": 11, "name": hotel, "ref": "C-0011", "email": format!("kitchen@hotel-{name}.example"),
         "phone": "+49 761 1234", "city": "Freiburg", "country_id": [57, "Germany"]},
        {"id": 12, "name": format!("Mill {name}"), "ref": false, "email": false, "phone": false, "city": false,
         "country_id": false},
    ]);
    let invoice = |id: i64, partner: &str, state: &str, payment: &str, open: f64| {
        json!({
            "id": id, "name": format!("INV/2026/{id:05}"), "partner_id": [11, partner], "move_type": "out_invoice",
            "state": state, "payment_state": payment, "invoice_date": "2026-10-01", "invoice_date_due": "2026-10-31",
            "amount_total": 1190.1, "amount_residual": open, "currency_id": [1, "EUR"],
        })
    };
    let invoices = json!([
        invoice(41, &hotel, "posted", "not_paid", 1190.1),
        invoice(42, &hotel, "posted", "partial", 90.55),
        invoice(43, &hotel, "posted", "paid", 0.0),
        invoice(44, &hotel, "draft", "not_paid", 1190.1),
        invoice(45, "Somebody Else", "posted", "not_paid", 12.0),
    ]);
    let products = json!([
        {"id": 21, "name": "Spelt flour", "display_name": "[FL-630] Spelt flour", "default_code": "FL-630",
         "qty_available": 125.5, "virtual_available": 100.0, "uom_id": [3, "kg"]},
        {"id": 22, "name": "Rye flour", "display_name": "Rye flour", "default_code": false,
         "qty_available": 0.0, "virtual_available": 0.0, "uom_id": [3, "kg"]},
    ]);
    Map::from_iter([
        ("res.partner".to_owned(), partners),
        ("account.move".to_owned(), invoices),
        ("product.product".to_owned(), products),
    ])
}
