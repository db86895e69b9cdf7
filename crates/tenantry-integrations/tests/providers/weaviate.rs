//! Weaviate: a search of all classes that have texts.

use serde_json::json;
use tenantry_core::secret::SecretText;
use tenantry_emulators::providers::{Class, Fault, Weaviate as Server, WeaviateCluster};
use tenantry_integrations::call::CallError;
use tenantry_integrations::verify::Identity;
use tenantry_integrations::weaviate::{Passage, Weaviate, WeaviateClient};

use crate::site::{SECRET, Site, failed, secret};

fn section(site: &Site) -> Weaviate {
    Weaviate { url: site.endpoint(""), api_key: secret() }
}

pub(crate) async fn verify(site: Site) -> Result<Identity, CallError> {
    WeaviateClient::new(site.egress.clone()).verify(&section(&site)).await
}

pub(crate) async fn search(site: Site) -> Result<Vec<Passage>, CallError> {
    WeaviateClient::new(site.egress.clone()).search(&section(&site), "holidays", 3).await
}

const TEXTS: [(&str, &str); 3] =
    [("Holidays", "Thirty days a year"), ("Allergens", "Nuts are marked"), ("Keys", "The mill has two")];

struct Asked {
    server: Server,
    client: WeaviateClient,
    weaviate: Weaviate,
}

async fn asking(classes: Vec<Class>) -> Asked {
    let server = Server::start(WeaviateCluster { api_key: SECRET.to_owned(), classes }).await;
    let site = Site::of(&server);
    Asked { client: WeaviateClient::new(site.egress.clone()), weaviate: section(&site), server }
}

fn handbook(vectorizer: Option<&str>) -> Class {
    Class::of_texts("Handbook", vectorizer, &TEXTS)
}

fn titles(passages: &[Passage]) -> Vec<&str> {
    passages.iter().map(|passage| passage.texts["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_connection_is_verified() {
    let asked = asking(Vec::new()).await;
    assert_eq!(asked.client.verify(&asked.weaviate).await.unwrap(), Identity::new("Weaviate 1.30.0"));
    assert_eq!(asked.server.take_seen()[0].header("authorization"), format!("Bearer {SECRET}"));
}

#[tokio::test]
async fn a_wrong_key_is_unauthorized() {
    let asked = asking(vec![handbook(None)]).await;
    let weaviate = Weaviate { api_key: SecretText::new("CANARY-wrong".to_owned()), ..asked.weaviate };
    assert_eq!(failed(asked.client.verify(&weaviate).await), CallError::Unauthorized);
    assert_eq!(failed(asked.client.search(&weaviate, "holidays", 3).await), CallError::Unauthorized);
}

#[tokio::test]
async fn a_class_with_a_vectorizer_is_searched_by_meaning() {
    let asked = asking(vec![handbook(Some("text2vec-transformers"))]).await;
    let found = asked.client.search(&asked.weaviate, "how many holidays", 2).await.unwrap();
    let first = json!({"class": "Handbook", "texts": {"title": "Holidays", "body": "Thirty days a year"}});
    assert_eq!(serde_json::to_value(&found[0]).unwrap(), first);
    assert_eq!(found.len(), 2, "the nearest are as many as were asked for, near or not");
    assert_eq!(asked.server.take_seen().len(), 2);
}

#[tokio::test]
async fn a_class_without_a_vectorizer_is_searched_by_words() {
    let asked = asking(vec![handbook(None)]).await;
    let found = asked.client.search(&asked.weaviate, "nuts", 3).await.unwrap();
    assert_eq!(titles(&found), ["Allergens"]);
    assert!(asked.client.search(&asked.weaviate, "nothing of it", 3).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_class_in_which_nothing_is_near_is_searched_by_words() {
    let asked = asking(vec![handbook(None)]).await;
    let [schema, empty] = [
        json!({"classes": [{"class": "Handbook", "properties": [{"name": "title", "dataType": ["text"]}]}]}),
        json!({"data": {"Get": {"Handbook": []}}}),
    ];
    asked.server.fail_next(Fault::Status(200, schema));
    asked.server.fail_next(Fault::Status(200, empty));
    let found = asked.client.search(&asked.weaviate, "keys", 3).await.unwrap();
    assert_eq!(titles(&found), ["Keys"]);
}

#[tokio::test]
async fn the_best_of_every_class_come_first() {
    let news = Class::of_texts("News", None, &[("Holidays in August", "We are closed")]);
    let asked = asking(vec![handbook(None), news]).await;
    let found = asked.client.search(&asked.weaviate, "holidays keys", 2).await.unwrap();
    assert_eq!(titles(&found), ["Holidays", "Holidays in August"]);
}

#[tokio::test]
async fn a_class_that_cannot_be_searched_does_not_hide_the_others() {
    let closed = Class { is_multi_tenant: true, ..Class::of_texts("Closed", None, &TEXTS) };
    let asked = asking(vec![closed.clone(), handbook(None)]).await;
    let found = asked.client.search(&asked.weaviate, "keys", 3).await.unwrap();
    assert_eq!((found.len(), found[0].class.as_str()), (1, "Handbook"));

    let asked = asking(vec![closed]).await;
    let CallError::Rejected { reason, .. } = failed(asked.client.search(&asked.weaviate, "keys", 3).await) else {
        panic!("no class can be searched")
    };
    assert!(reason.contains("multi-tenancy"), "{reason}");
}

#[tokio::test]
async fn what_a_person_writes_cannot_leave_its_quotes() {
    for class in [handbook(None), handbook(Some("text2vec-transformers"))] {
        let asked = asking(vec![class]).await;
        for hostile in ["\"}) { title } } }", "keys\\", "a\nb\u{0}\u{7f}\u{2028}", "keys \"quoted\" # no comment"] {
            let found = asked.client.search(&asked.weaviate, hostile, 3).await.unwrap();
            assert!(found.len() <= 3, "{hostile}");
        }
    }
}

#[tokio::test]
async fn a_long_text_is_shortened() {
    let asked = asking(vec![Class::of_texts("Handbook", None, &[("Keys", &"ä".repeat(9000))])]).await;
    let found = asked.client.search(&asked.weaviate, "keys", 3).await.unwrap();
    assert!(found[0].texts["body"].as_str().unwrap().chars().count() < 3000);
}

#[tokio::test]
async fn an_error_of_graphql_that_echoes_the_key_is_scrubbed() {
    let asked = asking(vec![handbook(None)]).await;
    let schema = json!({"classes": [{"class": "Handbook", "properties": [{"name": "title", "dataType": ["text"]}]}]});
    asked.server.fail_next(Fault::Status(200, schema));
    let error = json!({"errors": [{"message": format!("no quota for {SECRET}")}]});
    asked.server.fail_next(Fault::Status(200, error.clone()));
    asked.server.fail_next(Fault::Status(200, error));
    let reason = "no quota for ***".to_owned();
    let failure = failed(asked.client.search(&asked.weaviate, "keys", 3).await);
    assert_eq!(failure, CallError::Rejected { status: 200, reason });
}
