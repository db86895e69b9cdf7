//! Asks Weaviate for passages that fit a question.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Weaviate;
use super::graphql::{Class, Search, classes, question};
use crate::call::{CallError, malformed, refused, rejected};
use crate::egress::{Egress, Request, Response};
use crate::excerpt::excerpt;
use crate::redact::redact;
use crate::verify::Identity;

/// The most classes that are searched.
const MOST_CLASSES: usize = 8;
/// The most characters that are shown of one text.
const LONGEST_TEXT: usize = 2000;

/// Asks Weaviate; a clone shares its connections.
#[derive(Clone, Debug)]
pub struct WeaviateClient {
    egress: Egress,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Passage {
    /// The class that it is of.
    pub class: String,
    /// Its texts, by the names of the properties.
    pub texts: Map<String, Value>,
}

impl WeaviateClient {
    /// A client that sends through `egress`.
    pub fn new(egress: Egress) -> Self {
        Self { egress }
    }

    /// Asks whether the key opens the server.
    pub async fn verify(&self, weaviate: &Weaviate) -> Result<Identity, CallError> {
        let meta = self.read(weaviate, "v1/meta").await?;
        let version = meta["version"].as_str().ok_or_else(|| malformed("it names no version of Weaviate"))?;
        Ok(Identity::new(format!("Weaviate {}", redact(version, &[&weaviate.api_key]))))
    }

    /// Searches the texts of all classes for what fits best, `most` passages in all: by meaning, or by words where the
    /// server has nothing that knows meanings.
    pub async fn search(&self, weaviate: &Weaviate, query: &str, most: u32) -> Result<Vec<Passage>, CallError> {
        let schema = self.read(weaviate, "v1/schema").await?;
        if !schema["classes"].is_array() {
            return Err(malformed("it lists no classes"));
        }
        let (mut found, mut refusal) = (Vec::new(), None);
        for class in classes(&schema).iter().take(MOST_CLASSES) {
            match self.search_class(weaviate, class, query, most).await {
                Ok(passages) => found.push(passages),
                // Some classes cannot be searched just so, such as those of several tenants; others can.
                Err(error @ CallError::Rejected { .. }) => refusal = Some(error),
                Err(error) => return Err(error),
            }
        }
        match refusal {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(in_turn(found, most as usize)),
        }
    }

    async fn search_class(
        &self,
        weaviate: &Weaviate,
        class: &Class,
        query: &str,
        most: u32,
    ) -> Result<Vec<Passage>, CallError> {
        let ask = async |search| self.ask(weaviate, class, &question(class, search, query, most)).await;
        match ask(Search::NearText).await {
            // Without a vectorizer there is no such argument, or, in some versions, nothing is ever near.
            Ok(passages) if passages.is_empty() => ask(Search::Words).await,
            Err(CallError::Rejected { .. }) => ask(Search::Words).await,
            passages => passages,
        }
    }

    async fn ask(&self, weaviate: &Weaviate, class: &Class, question: &str) -> Result<Vec<Passage>, CallError> {
        let request = Request::post(weaviate.url.join("v1/graphql"), json!({"query": question}));
        let response = self.egress.send(request.authorization("Bearer", weaviate.api_key.clone())).await?;
        let answer = parse(&response, weaviate)?;
        // GraphQL says no with status 200.
        if let Some(told) = answer["errors"].get(0).map(|error| error["message"].as_str().unwrap_or_default()) {
            return Err(rejected(response.status(), Some(redact(told, &[&weaviate.api_key]))));
        }
        match answer["data"]["Get"][&class.name].as_array() {
            Some(records) => Ok(records.iter().map(|record| passage(class, record)).collect()),
            None => Err(malformed("it has no list of what was found")),
        }
    }

    async fn read(&self, weaviate: &Weaviate, path: &str) -> Result<Value, CallError> {
        let request = Request::get(weaviate.url.join(path)).authorization("Bearer", weaviate.api_key.clone());
        parse(&self.egress.send(request).await?, weaviate)
    }
}

fn parse(response: &Response, weaviate: &Weaviate) -> Result<Value, CallError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response.json()?);
    }
    let told = response.json().unwrap_or_default();
    let told = told["message"].as_str().or_else(|| told["error"][0]["message"].as_str());
    Err(refused(status, response.headers(), told.map(|text| redact(text, &[&weaviate.api_key]))))
}

fn passage(class: &Class, record: &Value) -> Passage {
    let text = |name: &String| Some((name.clone(), Value::from(excerpt(record[name].as_str()?, LONGEST_TEXT))));
    Passage { class: class.name.clone(), texts: class.properties.iter().filter_map(text).collect() }
}

/// The best of each class, then the second best of each: scores of two classes cannot be compared.
fn in_turn(found: Vec<Vec<Passage>>, most: usize) -> Vec<Passage> {
    let longest = found.iter().map(Vec::len).max().unwrap_or(0);
    let mut classes: Vec<_> = found.into_iter().map(Vec::into_iter).collect();
    let mut passages = Vec::new();
    for _ in 0..longest {
        passages.extend(classes.iter_mut().filter_map(Iterator::next));
    }
    passages.truncate(most);
    passages
}
