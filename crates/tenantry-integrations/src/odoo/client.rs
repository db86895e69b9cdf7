//! Asks Odoo, in whichever way it answers.

use serde_json::{Value, json};

use super::Odoo;
use super::dialect::{self, Call, OfJson2};
use crate::call::{CallError, malformed};
use crate::egress::Egress;
use crate::erp::{OpenInvoice, Partner, StockLevel, number, referred, text};
use crate::redact::redact;
use crate::verify::Identity;

/// Asks Odoo; a clone shares its connections. It keeps nothing of any company between two calls.
#[derive(Clone, Debug)]
pub struct OdooClient {
    egress: Egress,
}

impl OdooClient {
    /// A client that sends through `egress`.
    pub fn new(egress: Egress) -> Self {
        Self { egress }
    }

    /// Asks as whom the credentials are known.
    pub async fn verify(&self, odoo: &Odoo) -> Result<Identity, CallError> {
        let call = Call { model: "res.users", method: "context_get", arguments: serde_json::Map::new() };
        match self.by_json2(odoo, &call).await? {
            OfJson2::Answer(context) if context.is_object() => Ok(self.owner(odoo, &context["uid"]).await),
            OfJson2::Answer(_) => Err(malformed("it is not what Odoo says of a user")),
            OfJson2::Absent => Ok(by_json_rpc(odoo, self.log_in(odoo).await?)),
            OfJson2::NotAKey => Ok(by_json_rpc(odoo, self.log_in(odoo).await.map_err(not_a_key)?)),
        }
    }

    /// Whose the key is: with JSON-2 it decides by itself who asks, whatever login is set.
    async fn owner(&self, odoo: &Odoo, user: &Value) -> Identity {
        let Some(user) = user.as_i64() else { return known(odoo, "the owner of the key") };
        let arguments = json!({"ids": [user], "fields": ["login"]}).as_object().cloned().unwrap_or_default();
        let read = self.by_json2(odoo, &Call { model: "res.users", method: "read", arguments }).await;
        let login = match read {
            Ok(OfJson2::Answer(users)) => text(&users[0]["login"]),
            // A user need not be allowed to read users.
            Ok(OfJson2::Absent | OfJson2::NotAKey) | Err(_) => None,
        };
        match login {
            Some(login) if login == odoo.login => known(odoo, &format!("{login} (user {user})")),
            Some(login) => {
                let login = redact(&login, &[&odoo.password]);
                known(odoo, &format!("{login} (user {user})"))
                    .with_note("the key is not that of the login that is set; the key decides who asks")
            }
            None => known(odoo, &format!("user {user}")),
        }
    }

    /// Finds customers and suppliers by a part of their name or e-mail address.
    pub async fn find_partner(&self, odoo: &Odoo, query: &str) -> Result<Vec<Partner>, CallError> {
        let domain = json!(["|", ["name", "ilike", query], ["email", "ilike", query]]);
        let call = Call::search("res.partner", &domain, &["name", "email", "phone", "city"], "name");
        Ok(self.search(odoo, &call).await?.iter().filter_map(partner).collect())
    }

    /// Lists invoices to customers that are not paid, the one that is due first at the top; those of one partner if it is
    /// named.
    pub async fn open_invoices(&self, odoo: &Odoo, partner: Option<&str>) -> Result<Vec<OpenInvoice>, CallError> {
        let mut domain = vec![
            json!(["move_type", "=", "out_invoice"]),
            json!(["state", "=", "posted"]),
            json!(["payment_state", "in", ["not_paid", "partial"]]),
        ];
        domain.extend(partner.map(|partner| json!(["partner_id", "ilike", partner])));
        let fields = ["name", "partner_id", "amount_residual", "currency_id", "invoice_date_due"];
        let call = Call::search("account.move", &Value::Array(domain), &fields, "invoice_date_due");
        Ok(self.search(odoo, &call).await?.iter().filter_map(invoice).collect())
    }

    /// Tells how much there is of the items whose name or code has this in it.
    pub async fn stock(&self, odoo: &Odoo, item: &str) -> Result<Vec<StockLevel>, CallError> {
        let domain = json!(["|", ["name", "ilike", item], ["default_code", "ilike", item]]);
        let call = Call::search("product.product", &domain, &["display_name", "qty_available", "uom_id"], "name");
        Ok(self.search(odoo, &call).await?.iter().filter_map(level).collect())
    }

    async fn search(&self, odoo: &Odoo, call: &Call) -> Result<Vec<Value>, CallError> {
        match self.call(odoo, call).await? {
            Value::Array(records) => Ok(records),
            _ => Err(malformed("it is no list of records")),
        }
    }

    async fn call(&self, odoo: &Odoo, call: &Call) -> Result<Value, CallError> {
        match self.by_json2(odoo, call).await? {
            OfJson2::Answer(answer) => Ok(answer),
            OfJson2::Absent => self.by_rpc(odoo, call).await,
            OfJson2::NotAKey => self.by_rpc(odoo, call).await.map_err(not_a_key),
        }
    }

    async fn by_json2(&self, odoo: &Odoo, call: &Call) -> Result<OfJson2, CallError> {
        dialect::of_json2(&self.egress.send(dialect::json2(odoo, call)?).await?, odoo)
    }

    async fn by_rpc(&self, odoo: &Odoo, call: &Call) -> Result<Value, CallError> {
        let user = self.log_in(odoo).await?;
        let response = self.egress.send(dialect::execute(odoo, user, call)).await?;
        dialect::of_rpc(&response, odoo)
    }

    async fn log_in(&self, odoo: &Odoo) -> Result<i64, CallError> {
        let response = self.egress.send(dialect::authenticate(odoo)).await?;
        dialect::user(&dialect::of_rpc(&response, odoo)?)
    }
}

fn known(odoo: &Odoo, whom: &str) -> Identity {
    Identity::new(format!("{whom} in the database {}", odoo.db))
}

fn by_json_rpc(odoo: &Odoo, user: i64) -> Identity {
    known(odoo, &format!("{} (user {user})", odoo.login)).with_note(
        "it is asked by JSON-RPC, which later versions of Odoo give up: Odoo 19 and an API key do without it",
    )
}

/// JSON-2 was there and refused the credential; that there is no JSON-RPC beside it changes nothing.
fn not_a_key(error: CallError) -> CallError {
    match error {
        CallError::Rejected { status: 404, .. } => CallError::Unauthorized,
        other => other,
    }
}

fn partner(record: &Value) -> Option<Partner> {
    let field = |name: &str| text(&record[name]);
    Some(Partner { name: field("name")?, email: field("email"), phone: field("phone"), city: field("city") })
}

fn invoice(record: &Value) -> Option<OpenInvoice> {
    Some(OpenInvoice {
        number: text(&record["name"])?,
        partner: referred(&record["partner_id"])?,
        open_amount: number(&record["amount_residual"])?,
        currency: referred(&record["currency_id"]),
        due: text(&record["invoice_date_due"]),
    })
}

fn level(record: &Value) -> Option<StockLevel> {
    Some(StockLevel {
        item: text(&record["display_name"])?,
        warehouse: None,
        quantity: number(&record["qty_available"])?,
        unit: referred(&record["uom_id"]),
    })
}
