//! Stands in for a company's Weaviate: classes with their objects, a key, and the few requests that search them.
//!
//! After docs.weaviate.io (REST API, GraphQL API). What they leave open is marked [K].

mod graphql;

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use self::graphql::{Question, Search};
use super::Provider;

/// What a Weaviate knows.
#[derive(Clone, Debug)]
pub struct WeaviateCluster {
    /// The key that is good.
    pub api_key: String,
    /// The classes.
    pub classes: Vec<Class>,
}

/// A class of objects.
#[derive(Clone, Debug)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// What makes vectors of its texts; without one, it is searched by words alone.
    pub vectorizer: Option<String>,
    /// Whether its objects belong to tenants of Weaviate's own, and so cannot be searched without naming one.
    pub is_multi_tenant: bool,
    /// Its properties: name and type.
    pub properties: Vec<(String, String)>,
    /// Its objects.
    pub objects: Vec<Value>,
}

impl Class {
    /// A class of texts with a title and a body each.
    pub fn of_texts(name: &str, vectorizer: Option<&str>, texts: &[(&str, &str)]) -> Self {
        let property = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
        Self {
            name: name.to_owned(),
            vectorizer: vectorizer.map(str::to_owned),
            is_multi_tenant: false,
            properties: vec![property("title", "text"), property("body", "text"), property("pages", "int")],
            objects: texts.iter().map(|(title, body)| json!({"title": title, "body": body, "pages": 1})).collect(),
        }
    }

    /// As `/v1/schema` shows it.
    fn shown(&self) -> Value {
        let property = |(name, kind): &(String, String)| json!({"name": name, "dataType": [kind]});
        json!({
            "class": self.name,
            "vectorizer": self.vectorizer.as_deref().unwrap_or("none"),
            "multiTenancyConfig": {"enabled": self.is_multi_tenant},
            "properties": self.properties.iter().map(property).collect::<Vec<_>>(),
        })
    }
}

/// A Weaviate; it stops when it is dropped.
#[derive(Debug)]
pub struct Weaviate(Provider);

impl Weaviate {
    /// Serves a cluster on a free port.
    pub async fn start(cluster: WeaviateCluster) -> Self {
        let routes = Router::new()
            .route("/v1/meta", get(meta))
            .route("/v1/schema", get(schema))
            .route("/v1/graphql", post(ask))
            .with_state(Arc::new(cluster));
        Self(Provider::start(routes).await)
    }
}

impl Deref for Weaviate {
    type Target = Provider;

    fn deref(&self) -> &Provider {
        &self.0
    }
}

type Cluster = State<Arc<WeaviateCluster>>;

async fn meta(State(cluster): Cluster, headers: HeaderMap) -> Response {
    let modules = json!({"text2vec-transformers": {}});
    cluster.guarded(&headers, || json!({"hostname": "http://[::]:8080", "version": "1.30.0", "modules": modules}))
}

async fn schema(State(cluster): Cluster, headers: HeaderMap) -> Response {
    cluster.guarded(&headers, || json!({"classes": cluster.classes.iter().map(Class::shown).collect::<Vec<_>>()}))
}

async fn ask(State(cluster): Cluster, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let question = Question::parse(body["query"].as_str().unwrap_or_default());
    cluster.guarded(&headers, || match question.and_then(|question| cluster.answer(&question)) {
        Ok(answer) => json!({"data": {"Get": answer}}),
        // GraphQL says no with status 200.
        Err(message) => json!({"data": null, "errors": [{"message": message, "path": null}]}),
    })
}

impl WeaviateCluster {
    /// Answers those who have the key. The refusal's body [K].
    fn guarded(&self, headers: &HeaderMap, answer: impl FnOnce() -> Value) -> Response {
        let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if given == format!("Bearer {}", self.api_key) {
            return Json(answer()).into_response();
        }
        let refusal = json!({"code": 401, "message": "unauthorized: invalid api key, please provide a valid api key"});
        (StatusCode::UNAUTHORIZED, Json(refusal)).into_response()
    }

    fn answer(&self, question: &Question) -> Result<Value, String> {
        let class = self.classes.iter().find(|class| class.name == question.class);
        let class = class.ok_or_else(|| no_field(&question.class, "GetObjectsObj"))?;
        let known = |field: &&String| !class.properties.iter().any(|(name, _)| name == *field);
        if let Some(missing) = question.fields.iter().find(known) {
            return Err(no_field(missing, &class.name));
        }
        if class.is_multi_tenant {
            return Err(format!("class {} has multi-tenancy enabled, but request was without tenant", class.name));
        }
        if matches!(question.search, Search::NearText(_)) && class.vectorizer.is_none() {
            return Err(format!(
                "Unknown argument \"nearText\" on field \"{}\" of type \"GetObjectsObj\". \
                 Did you mean \"nearVector\" or \"nearObject\"?",
                class.name
            ));
        }
        let found: Vec<_> = class.best(&question.search).into_iter().take(question.limit).collect();
        let shown = |object: &Value| -> Map<String, Value> {
            let mut shown: Map<_, _> =
                question.fields.iter().map(|name| (name.clone(), object[name].clone())).collect();
            shown.insert("_additional".to_owned(), json!({"score": "1", "distance": null}));
            shown
        };
        Ok(json!({ question.class.clone(): found.into_iter().map(shown).collect::<Vec<_>>() }))
    }
}

impl Class {
    /// The objects that fit, the best first. By words, only those that have one; by meaning, all of them: the nearest are
    /// never none. Meaning, here, is sharing words.
    fn best(&self, search: &Search) -> Vec<&Value> {
        let (text, needs_word) = match search {
            Search::NearText(text) => (text, false),
            Search::Words(text) => (text, true),
        };
        let wanted: Vec<_> = words(text).collect();
        let shared = |object: &Value| {
            let texts = object.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_str);
            texts.flat_map(words).filter(|word| wanted.contains(word)).count()
        };
        let mut found: Vec<_> = self.objects.iter().map(|object| (shared(object), object)).collect();
        found.retain(|(shared, _)| *shared > 0 || !needs_word);
        found.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
        found.into_iter().map(|(_, object)| object).collect()
    }
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn no_field(field: &str, kind: &str) -> String {
    format!("Cannot query field \"{field}\" on type \"{kind}\".")
}
