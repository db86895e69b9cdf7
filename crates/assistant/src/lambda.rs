//! Serves Lambda events through the same router as HTTP: API Gateway (both payload formats), Application Load Balancer,
//! Function URL, and direct invocation. Events that nobody waits for (queues, e-mail) are acted on beside it.
//!
//! Lambda's own tenant id of an invocation counts as verified: whoever may invoke the function may name a tenant. Behind a
//! gateway it must therefore be mapped from what an authorizer verified, never from a header that the client sends.
//!
//! Sources of the formats: docs.aws.amazon.com, "Lambda proxy integrations" (1.0), "AWS Lambda proxy integrations for
//! HTTP APIs" (2.0), "Lambda function URLs: payloads", "Lambda functions as targets for Application Load Balancers".

mod asynchronous;
mod event;
mod shape;
mod text;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tenantry::layer::LambdaTenant;
use tower::ServiceExt;

pub use self::asynchronous::Again;
pub use self::text::EventText;

use self::asynchronous::Asynchronous;
use self::shape::Shape;
use crate::app::App;
use crate::channels;
use crate::channels::http::MESSAGES;
use tenantry::problem::Problem;

/// The assistant as a service of Lambda events; a clone shares everything.
#[derive(Clone)]
pub struct Events {
    app: App,
    router: Router,
}

impl Events {
    /// Serves events for an assistant.
    pub fn new(app: App) -> Self {
        Self { router: channels::router(&app).fallback(not_found), app }
    }

    /// Answers an event in its own shape. `tenant` is Lambda's own tenant id of the invocation, if it has one.
    ///
    /// There is an answer to every event that somebody waits for: what cannot be understood gets a problem, never a failure
    /// of the function, which its caller would send again. An event that nobody waits for fails where it is to come again.
    pub async fn answer(&self, event: &EventText, tenant: Option<String>) -> Result<Value, Again> {
        let read = event.parse();
        if let Some(event) = read.as_ref().ok().and_then(Asynchronous::of) {
            return asynchronous::act(&self.app, event, tenant.as_deref()).await;
        }
        let shape = read.as_ref().map_or_else(|_| event.shape(), Shape::of);
        let request =
            read.and_then(|event| event::read(&event, shape).map_err(|unreadable| Box::new(unreadable.into())));
        let response = match request {
            Ok(request) => self.serve(request, tenant).await,
            Err(problem) => problem.into_response(),
        };
        let (parts, body) = response.into_parts();
        // The body is ours and whole: collecting it cannot fail.
        let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Ok(shape.answer(parts.status, &parts.headers, &bytes))
    }

    async fn serve(&self, request: Request<Vec<u8>>, tenant: Option<String>) -> Response {
        let mut request = request.map(Body::from);
        if let Some(tenant) = tenant {
            request.extensions_mut().insert(LambdaTenant(tenant));
        }
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

async fn not_found() -> Response {
    Problem::not_found().with_hint(format!("messages are sent to {MESSAGES}")).into_response()
}
