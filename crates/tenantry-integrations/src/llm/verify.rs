//! Asks a provider of models whether a key works, and whether the models in use are among its own.

use serde_json::Value;

use super::ChatClient;
use super::connection::{Connection, Provider};
use super::refusal::refusal;
use crate::call::{CallError, malformed};
use crate::egress::{Request, Response};
use crate::redact::redact;
use crate::verify::Identity;

impl ChatClient {
    /// Asks whether a key works. A model that the provider does not list is noted, not refused: lists are not complete.
    pub async fn verify(
        &self,
        provider: Provider,
        connection: &Connection,
        models: &[&str],
    ) -> Result<Identity, CallError> {
        match provider {
            Provider::OpenAi | Provider::Cerebras => {
                let listed = self.read("models", connection).await?;
                let whom = format!("the account of the key at {provider}");
                noted(Identity::new(whom), &listed, models)
            }
            // Its list of models is public and proves nothing of a key.
            Provider::OpenRouter => {
                let identity = key(&self.read("key", connection).await?, connection)?;
                match self.read("models", connection).await {
                    Ok(listed) => noted(identity, &listed, models),
                    Err(_) => Ok(identity.with_note("its list of models could not be read")),
                }
            }
        }
    }

    async fn read(&self, path: &str, connection: &Connection) -> Result<Value, CallError> {
        let request = Request::get(connection.base_url.join(path)).authorization("Bearer", connection.api_key.clone());
        parse(&self.egress.send(request).await?, connection)
    }
}

fn parse(response: &Response, connection: &Connection) -> Result<Value, CallError> {
    let json = response.json();
    match refusal(response, json.as_ref().ok(), &connection.api_key) {
        Some(error) => Err(error),
        None => Ok(json?),
    }
}

fn noted(identity: Identity, listed: &Value, models: &[&str]) -> Result<Identity, CallError> {
    let listed = listed["data"].as_array().ok_or_else(|| malformed("it lists no models"))?;
    let is_listed = |model: &str| listed.iter().any(|entry| entry["id"] == model);
    let missing = models.iter().filter(|model| !is_listed(model));
    Ok(missing
        .fold(identity, |identity, model| identity.with_note(format!("the provider does not list the model {model}"))))
}

/// What OpenRouter tells of a key: `{"data": {"label", "limit", "limit_remaining", "usage"}}`.
fn key(answer: &Value, connection: &Connection) -> Result<Identity, CallError> {
    let data = answer["data"].as_object().ok_or_else(|| malformed("it tells nothing of the key"))?;
    // By default the label is the key itself, half masked.
    let label = data.get("label").and_then(Value::as_str).unwrap_or_default();
    let identity = Identity::new(format!("the key {}", redact(label, &[&connection.api_key])));
    match data.get("limit_remaining").and_then(Value::as_f64) {
        Some(left) if left <= 0.0 => Ok(identity.with_note("its credit is used up")),
        Some(_) | None => Ok(identity),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tenantry_core::secret::SecretText;

    use super::*;

    #[test]
    fn a_model_that_is_not_listed_is_noted() {
        let listed = json!({"object": "list", "data": [{"id": "gpt-5-mini"}, {"id": "gpt-5"}]});
        let identity = noted(Identity::new("x"), &listed, &["gpt-5", "gpt-9"]).unwrap();
        assert_eq!(identity.notes, ["the provider does not list the model gpt-9"]);
        assert!(noted(Identity::new("x"), &json!({}), &[]).is_err());
    }

    #[test]
    fn the_label_of_a_key_does_not_show_it() {
        let connection = Connection {
            base_url: Provider::OpenRouter.public_base(),
            api_key: SecretText::new("sk-or-v1-CANARY0123456789".to_owned()),
        };
        let data =
            json!({"data": {"label": "sk-or-v1-CAN...789", "limit": null, "limit_remaining": null, "usage": 1.5}});
        assert_eq!(key(&data, &connection).unwrap(), Identity::new("the key ***"));
        let spent = json!({"data": {"label": "acme", "limit": 5, "limit_remaining": 0}});
        assert_eq!(key(&spent, &connection).unwrap().notes, ["its credit is used up"]);
        assert!(key(&json!({}), &connection).is_err());
    }
}
