//! What becomes of the jobs of a server while something that they need is out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use assistant::app::App;
use assistant::conversation::{Channel, Incoming, Refusal, Sender};
use assistant::conversations::{Claim, Conversations, ConversationsError, MemoryConversations, Month, Place, Turn};
use assistant::job::{Email, Job, Work};
use assistant::later::{Backlog, Later, Tasks};
use assistant::reply::{Assistant, ReplyError};
use assistant::settings::Settings;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tenantry::Loader;
use tenantry::problem::Problem;
use tenantry::token::Tokens;
use tenantry_core::scope::TenantId;
use tenantry_integrations::egress::Egress;
use tenantry_store::Stores;
use tenantry_store::memory::MemoryStore;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::stored::{add_company, set_global};

/// Conversations whose claims and counts fail for some time.
#[derive(Debug)]
struct Out {
    until: Instant,
    how: fn() -> ConversationsError,
    claims: Mutex<usize>,
    kept: MemoryConversations,
}

impl Out {
    fn for_so_long(time: Duration, how: fn() -> ConversationsError) -> Arc<Self> {
        let kept = MemoryConversations::default();
        Arc::new(Self { until: Instant::now() + time, how, claims: Mutex::new(0), kept })
    }

    fn check(&self) -> Result<(), ConversationsError> {
        if Instant::now() < self.until { Err((self.how)()) } else { Ok(()) }
    }

    fn claims(&self) -> usize {
        *self.claims.lock().unwrap()
    }
}

#[async_trait]
impl Conversations for Out {
    async fn turns(&self, place: &Place, conversation: &str, newest: u32) -> Result<Vec<Turn>, ConversationsError> {
        self.kept.turns(place, conversation, newest).await
    }

    async fn add(&self, place: &Place, conversation: &str, turn: &Turn) -> Result<(), ConversationsError> {
        self.kept.add(place, conversation, turn).await
    }

    async fn spend(&self, place: &Place, month: &Month, tokens: u64) -> Result<u64, ConversationsError> {
        self.kept.spend(place, month, tokens).await
    }

    async fn spent(&self, place: &Place, month: &Month) -> Result<u64, ConversationsError> {
        self.check()?;
        self.kept.spent(place, month).await
    }

    async fn claim(&self, place: &Place, event: &str, now: Timestamp) -> Result<Claim, ConversationsError> {
        *self.claims.lock().unwrap() += 1;
        self.check()?;
        self.kept.claim(place, event, now).await
    }

    async fn finish(&self, place: &Place, event: &str, now: Timestamp) -> Result<(), ConversationsError> {
        self.kept.finish(place, event, now).await
    }

    async fn release(&self, place: &Place, event: &str) -> Result<(), ConversationsError> {
        self.kept.release(place, event).await
    }
}

/// A backlog in memory.
#[derive(Debug, Default)]
struct Notes {
    kept: Mutex<Vec<Job>>,
    /// If there is one, the first job cannot be written down, which comes out when this is told.
    failure: Mutex<Option<Arc<Notify>>>,
}

#[async_trait]
impl Backlog for Notes {
    async fn keep(&self, job: &Job) -> Result<(), ConversationsError> {
        let failure = self.failure.lock().unwrap().take();
        if let Some(failure) = failure {
            failure.notified().await;
            return Err(unavailable());
        }
        self.kept.lock().unwrap().push(job.clone());
        Ok(())
    }

    async fn strike(&self, job: &Job) -> Result<(), ConversationsError> {
        self.kept.lock().unwrap().retain(|kept| kept.event != job.event);
        Ok(())
    }

    async fn left(&self) -> Result<Vec<Job>, ConversationsError> {
        Ok(self.kept.lock().unwrap().clone())
    }
}

fn unavailable() -> ConversationsError {
    ConversationsError::Unavailable("the disk is away".into())
}

fn refused() -> ConversationsError {
    ConversationsError::Refused("there is no table".to_owned())
}

/// A company with a limit that is told of no e-mail: a job for it needs its claim and nothing else.
async fn app(conversations: &Arc<Out>) -> (App, Tasks) {
    let stores = Stores::new(Arc::new(MemoryStore::new()));
    add_company(&stores, "acme", &[], &[]).await;
    set_global(&stores, "limits.monthly_tokens", "1000").await;
    let loader = Loader::<Settings>::builder(&stores).build().unwrap();
    let tokens = Tokens::open(&stores).await.unwrap();
    let app = App::new(loader, tokens, stores.parameters(), Egress::builder().build());
    let tasks = Tasks::default();
    let later = Later::Spawned(tasks.clone());
    (App { conversations: conversations.clone(), backlog: Some(Arc::new(Notes::default())), later, ..app }, tasks)
}

fn job(at: Timestamp) -> Job {
    let work = Work::Email(Email::new("ana@example.com", &[], "Flour", "Two kilos"));
    Job { tenant: TenantId::parse("acme").unwrap(), incarnation: None, event: "email:1".to_owned(), at, work }
}

async fn claim(app: &App) -> Claim {
    let place = Place::of(&app.loader.load(&TenantId::parse("acme").unwrap()).await.unwrap());
    app.conversations.claim(&place, "email:1", Timestamp::now()).await.unwrap()
}

async fn left(app: &App) -> usize {
    app.backlog.as_ref().unwrap().left().await.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_job_waits_until_an_outage_is_over_and_is_struck_off_when_it_is_done() {
    let (begun, outage) = (Instant::now(), Duration::from_hours(3));
    let conversations = Out::for_so_long(outage, unavailable);
    let (app, tasks) = app(&conversations).await;
    app.later.take(&app, job(Timestamp::now())).await.unwrap();
    assert_eq!(left(&app).await, 1);
    tasks.drain().await;
    assert!(begun.elapsed() >= outage && left(&app).await == 0, "after {:?}", begun.elapsed());
    assert!(conversations.claims() < 60, "its tries become rare: {}", conversations.claims());
    assert_eq!(claim(&app).await, Claim::Done);
}

#[tokio::test]
async fn an_event_that_is_sent_again_while_it_cannot_be_written_down_is_not_lost() {
    let failure = Arc::new(Notify::new());
    let (app, tasks) = app(&Out::for_so_long(Duration::ZERO, unavailable)).await;
    let notes = Notes { failure: Mutex::new(Some(failure.clone())), ..Notes::default() };
    let app = App { backlog: Some(Arc::new(notes)), ..app };
    let again = async {
        let taken = app.later.take(&app, job(Timestamp::now())).await;
        failure.notify_one();
        taken
    };
    let (first, second) = tokio::join!(app.later.take(&app, job(Timestamp::now())), again);
    assert!(first.is_err() && second.is_ok(), "{first:?} {second:?}");
    tasks.drain().await;
    assert_eq!((claim(&app).await, left(&app).await), (Claim::Done, 0));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_nobody_waits_for_any_more_or_that_can_never_be_done_is_struck_off_at_once() {
    let now = Timestamp::now();
    let yesterday = now - SignedDuration::from_hours(25);
    for (at, how) in [(yesterday, unavailable as fn() -> ConversationsError), (now, refused)] {
        let conversations = Out::for_so_long(Duration::from_hours(48), how);
        let (app, tasks) = app(&conversations).await;
        app.later.take(&app, job(at)).await.unwrap();
        tasks.drain().await;
        assert_eq!((conversations.claims(), left(&app).await), (1, 0), "{}", how());
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_holds_where_the_count_is_refused_and_not_where_it_cannot_be_had_for_a_while() {
    let incoming = Incoming {
        text: "Hi".to_owned(),
        intent: Some("chitchat".to_owned()),
        channel: Channel::Http,
        user_name: None,
        sender: Sender::Member,
        conversation: None,
        attachments: Vec::new(),
    };
    for (how, is_limited) in [(refused as fn() -> ConversationsError, true), (unavailable, false)] {
        let (app, _) = app(&Out::for_so_long(Duration::from_hours(1), how)).await;
        let config = app.loader.load(&TenantId::parse("acme").unwrap()).await.unwrap();
        let error = Assistant::new(&app).answer(&config, &incoming, Timestamp::now()).await.unwrap_err();
        assert_eq!(matches!(error, ReplyError::LimitUnknown(_)), is_limited, "{error}");
        assert_eq!(matches!(error, ReplyError::Refused(Refusal::NotConnected { .. })), !is_limited, "{error}");
        let problem = Problem::from(error);
        assert_eq!(problem.status.as_u16(), 409);
        assert!(!problem.to_json().contains("there is no table"), "that is for the log");
    }
}
