//! The documents of an ERPNext, and how they are filtered.

use std::cmp::Ordering;
use std::collections::HashMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Failure;

/// So many are listed where nothing is said.
const PAGE: usize = 20;

/// The fields asked for of the documents that fit all `filters` and one of `or_filters`.
pub(super) fn select(documents: &[Value], query: &HashMap<String, String>) -> Result<Vec<Value>, Failure> {
    let known = ["filters", "or_filters", "fields", "order_by", "limit_start", "limit_page_length", "limit"];
    if let Some(other) = query.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(invalid("TypeError", format!("get_list() got an unexpected keyword argument '{other}'")));
    }
    let (filters, or_filters) = (list(query, "filters")?, list(query, "or_filters")?);
    let fields: Vec<_> = list(query, "fields")?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(missing) = fields.iter().find(|field| documents.iter().any(|one| one.get(field.as_str()).is_none())) {
        return Err(invalid("DataError", format!("Field not permitted in query: {missing}")));
    }
    let mut found = Vec::new();
    for document in documents {
        let all = filters.iter().map(|filter| holds(document, filter)).collect::<Result<Vec<_>, _>>()?;
        let any = or_filters.iter().map(|filter| holds(document, filter)).collect::<Result<Vec<_>, _>>()?;
        if all.into_iter().all(|fits| fits) && (any.is_empty() || any.contains(&true)) {
            found.push(document);
        }
    }
    if let Some((field, "asc")) = query.get("order_by").and_then(|order| order.split_once(' ')) {
        found.sort_by(|left, right| compared(&left[field], &right[field]));
    }
    found.truncate(query.get("limit_page_length").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE));
    let shown = |document: &Value| fields.iter().map(|field| (field.clone(), document[field].clone())).collect();
    Ok(found.into_iter().map(|document| Value::Object(shown(document))).collect())
}

fn invalid(kind: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(StatusCode::EXPECTATION_FAILED, kind, message)
}

fn list(query: &HashMap<String, String>, name: &str) -> Result<Vec<Value>, Failure> {
    let Some(text) = query.get(name) else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|_| invalid("ValidationError", format!("{name} is no JSON list")))
}

fn holds(document: &Value, filter: &Value) -> Result<bool, Failure> {
    let Some([Value::String(field), Value::String(operator), wanted]) = filter.as_array().map(Vec::as_slice) else {
        return Err(invalid("ValidationError", "a filter has three parts"));
    };
    let value =
        document.get(field).ok_or_else(|| invalid("DataError", format!("Field not permitted in query: {field}")))?;
    match operator.as_str() {
        "=" => Ok(value == wanted),
        ">" => Ok(compared(value, wanted) == Ordering::Greater),
        "in" => Ok(wanted.as_array().is_some_and(|all| all.contains(value))),
        "like" => Ok(is_like(&lower(value), &lower(wanted))),
        _ => Err(invalid("ValidationError", format!("the operator {operator}"))),
    }
}

/// SQL's `like`, with `%` for anything.
fn is_like(text: &str, pattern: &str) -> bool {
    match pattern.split_once('%') {
        None => text == pattern,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|text| {
            let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            starts.into_iter().any(|at| is_like(&text[at..], rest))
        }),
    }
}

fn lower(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_lowercase()
}

fn compared(left: &Value, right: &Value) -> Ordering {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => left.as_str().cmp(&right.as_str()),
    }
}

/// What a small company has.
pub(super) fn of_a_baker(name: &str) -> Map<String, Value> {
    let hotel = format!("Hotel {name}");
    let customers = json!([{
        "name": "CUST-0011", "customer_name": hotel, "territory": "Freiburg",
        "email_id": format!("kitchen@hotel-{name}.example"), "mobile_no": "+49 761 1234",
    }]);
    let suppliers = json!([{
        "name": "SUP-0012", "supplier_name": format!("Mill {name} (hotel flour)"), "country": "Germany",
        "email_id": null, "mobile_no": null,
    }]);
    let invoice = |id: i64, customer: &str, docstatus: i64, open: f64, due: &str| {
        json!({
            "name": format!("ACC-SINV-2026-{id:05}"), "customer": "CUST-0011", "customer_name": customer,
            "docstatus": docstatus, "outstanding_amount": open, "grand_total": 1190.1, "currency": "EUR",
            "posting_date": "2026-10-01", "due_date": due,
        })
    };
    let invoices = json!([
        invoice(41, &hotel, 1, 1190.1, "2026-10-31"),
        invoice(42, &hotel, 1, 90.55, "2026-10-15"),
        invoice(43, &hotel, 1, 0.0, "2026-10-31"),
        invoice(44, &hotel, 0, 1190.1, "2026-10-31"),
        invoice(45, "Somebody Else", 1, 12.0, "2026-10-31"),
    ]);
    let items = json!([
        {"name": "FL-630", "item_code": "FL-630", "item_name": "Spelt flour"},
        {"name": "RY-1150", "item_code": "RY-1150", "item_name": "Rye flour"},
    ]);
    let bin = |code: &str, warehouse: &str, quantity: f64| {
        json!({
            "name": format!("{code}-{warehouse}"), "item_code": code, "warehouse": format!("{warehouse} - {name}"),
            "actual_qty": quantity, "projected_qty": quantity, "stock_uom": "Kg",
        })
    };
    let bins = json!([bin("FL-630", "Mill", 125.5), bin("FL-630", "Shop", 4.0), bin("RY-1150", "Mill", 0.0)]);
    Map::from_iter([
        ("Customer".to_owned(), customers),
        ("Supplier".to_owned(), suppliers),
        ("Sales Invoice".to_owned(), invoices),
        ("Item".to_owned(), items),
        ("Bin".to_owned(), bins),
    ])
}
