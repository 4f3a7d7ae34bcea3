//! The whole system on loopback: emulators, functions as child processes, event source, schedule and gateway, started and stopped
//! as one.

mod demo;
mod functions;
mod listeners;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connection::StackFile;
use crate::events::Outbox;
use crate::folder::Folder;
use crate::gateway::{Cors, Gateway};
use crate::identity::Identity;
use crate::invoke::Invoke;
use crate::lambda::Lambdas;
use crate::s3::{Keys, Storage};
use crate::schedule::Schedule;
use crate::sqs::Queues;

use listeners::Listeners;

pub use functions::{FUNCTION_COMMAND, Settings, run_function};

/// The region that everything local says it is in.
pub const REGION: &str = "us-east-1";
/// The access key of the local endpoints. It opens nothing but what listens on loopback.
pub const ACCESS_KEY: &str = "local";
/// The audience of local tokens.
pub const AUDIENCE: &str = "lead-export";
/// The bucket of pieces and files.
pub const BUCKET: &str = "lead-export-files";
/// The queue of hints.
pub const QUEUE: &str = "lead-export-exports";
/// The queue of what could not be handled.
pub const DEAD_LETTERS: &str = "lead-export-exports-dead";
/// How long a stop waits for what runs.
const GRACE: Duration = Duration::from_secs(5);

/// How a stack is started.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// The folder of all data.
    pub data: PathBuf,
    /// The gateway's port; the four AWS endpoints take the next ones. 0: any free ones.
    pub port: u16,
    /// Deletes the folder's data first.
    pub fresh: bool,
    /// Leads of the demo source, made at the first start.
    pub leads: usize,
    /// The program that runs a function when called with [`FUNCTION_COMMAND`] and its name; `None`: this very program.
    pub command: Option<PathBuf>,
    /// The template's parameters.
    pub settings: Settings,
    /// How often the sweeper runs.
    pub sweep_every: Duration,
    /// The timeout of `run-export`.
    pub run_timeout: Duration,
    /// More variables of the functions' environment, such as a log level.
    pub function_env: BTreeMap<String, String>,
}

impl StackOptions {
    /// What `lead-export up` starts with, over the data in `data`.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            port: 0,
            fresh: false,
            leads: 1000,
            command: None,
            settings: Settings::default(),
            sweep_every: Duration::from_mins(1),
            run_timeout: functions::RUN_TIMEOUT,
            function_env: BTreeMap::new(),
        }
    }
}

/// A running stack. Call [`Stack::stop`]: dropping it leaves the ending to the operating system.
pub struct Stack {
    file: StackFile,
    data: PathBuf,
    lambdas: Arc<Lambdas>,
    schedule: Schedule,
    /// Ends the gateway first, then the event source, then the emulators.
    gateway: Server,
    event_source: Server,
    dead_letters: Server,
    emulators: Vec<Server>,
    database: Database,
    _folder: Folder,
}

/// A task that serves until it is told to stop.
struct Server {
    name: &'static str,
    stop: watch::Sender<bool>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Server {
    /// Starts what `serve` makes of the signal to stop.
    fn start<F>(name: &'static str, serve: impl FnOnce(Signal) -> F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        Self {
            name,
            stop,
            task: tokio::spawn(serve(Signal(stopped))),
        }
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(GRACE * 2, self.task).await;
        match ended {
            Ok(ended) => ended
                .context("a server broke off")?
                .with_context(|| format!("{} failed", self.name)),
            Err(_) => bail!("{} did not end in time", self.name),
        }
    }
}

/// The signal to stop.
struct Signal(watch::Receiver<bool>);

impl Signal {
    async fn given(mut self) {
        // A sender that is gone has no more use for the server either.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl Stack {
    /// Starts everything; returns when the gateway answers.
    ///
    /// # Errors
    /// One sentence each for a folder in use or unreadable and a port that is taken; else what failed.
    pub async fn start(options: StackOptions) -> anyhow::Result<Self> {
        let folder = Folder::lock(&options.data)?;
        if options.fresh {
            folder.clear()?;
        }
        let data = folder.path().to_owned();
        let listeners = Listeners::bind(options.port).await?;
        let secret = folder.secret()?;

        let database = Database::new(
            data.join("dynamodb.sqlite")
                .to_str()
                .context("the data folder's path is not UTF-8")?,
        )
        .context("the tables' file cannot be opened")?;
        let queues = Queues::open(&data.join("sqs.sqlite"), Arc::new(crate::sqs::SystemClock))?;
        let queues = Arc::new(queues);
        create_queues(&queues)?;
        let storage = Arc::new(Storage::open(data.join("s3"))?);
        storage.create_bucket(BUCKET)?;
        // Drawing a key takes a second or so the first time: beside all the rest.
        let identity = tokio::task::spawn_blocking({
            let data = data.clone();
            move || Identity::open(&data)
        });
        let outbox = Arc::new(Outbox::open(&data)?);

        let file = listeners.describe(&secret)?;
        let emulators = vec![
            Server::start("DynamoDB", |stop| {
                let (listener, database) = (listeners.dynamodb, database.clone());
                async move {
                    let served =
                        dynoxide::server::serve_with_shutdown(listener, database, stop.given());
                    served.await.map_err(anyhow::Error::msg)
                }
            }),
            Server::start("S3", |stop| {
                let keys = Keys {
                    access_key: file.access_key.clone(),
                    secret_key: secret.clone(),
                };
                let served = crate::s3::serve_storage(listeners.s3, storage, keys, stop.given());
                async move {
                    served.await;
                    Ok(())
                }
            }),
            Server::start("SQS", |stop| {
                crate::sqs::serve(
                    listeners.sqs,
                    Arc::clone(&queues),
                    file.access_key.clone(),
                    stop.given(),
                )
            }),
            telling(listeners.events, &outbox, &file.access_key),
        ];
        let clients = file.clients()?;
        lead_export_aws::tables::create_all(&clients.dynamodb, &file.tables).await?;
        demo::load(&file, &database, options.leads).await?;
        let identity = identity.await.context("the signing key broke off")??;

        let lambdas = Arc::new(Lambdas::new(functions::specs(&options, &data, &file)?));
        let invoke: Arc<dyn Invoke> = lambdas.clone();
        let (source, letters) = functions::event_sources();
        let event_source = Server::start("the event source", |stop| {
            source.run(Arc::clone(&queues), Arc::clone(&invoke), stop.given())
        });
        let dead_letters = Server::start("the dead letters' event source", |stop| {
            letters.run(queues, Arc::clone(&invoke), stop.given())
        });
        let schedule = Schedule::start(
            Arc::clone(&invoke),
            "sweep-exports",
            "lead-export-sweep",
            options.sweep_every,
        );
        let gateway = Gateway {
            routes: functions::routes()?,
            invoke,
            authorizer: identity.authorizer(&file.issuer, &file.audience)?,
            cors: Some(cors()),
            extra: local_routes(identity, &file, &options.settings)
                .merge(crate::bulk::router(database.clone(), &secret))
                .merge(crate::events::router(outbox)),
        };
        let gateway = Server::start("the gateway", |stop| {
            crate::gateway::serve(listeners.gateway, gateway, stop.given())
        });
        file.write(&data)?;
        Ok(Self {
            file,
            data,
            lambdas,
            schedule,
            gateway,
            event_source,
            dead_letters,
            emulators,
            database,
            _folder: folder,
        })
    }

    /// Where everything is.
    pub fn file(&self) -> &StackFile {
        &self.file
    }

    /// The functions, for tests that kill.
    pub fn lambdas(&self) -> &Arc<Lambdas> {
        &self.lambdas
    }

    /// The tables' database, for tests that load much at once.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Stops everything in order: no request is cut, no process is left, no file is half-written.
    ///
    /// # Errors
    /// What did not end as it should; all the rest is stopped all the same.
    pub async fn stop(self) -> anyhow::Result<()> {
        StackFile::remove(&self.data);
        let mut ended = vec![self.gateway.stop().await];
        // Functions are told first, so that the event source has nothing to wait for longer than the grace.
        let (source, letters, (), ()) = tokio::join!(
            self.event_source.stop(),
            self.dead_letters.stop(),
            self.lambdas.stop(GRACE),
            self.schedule.stop(GRACE)
        );
        ended.extend([source, letters]);
        for emulator in self.emulators {
            ended.push(emulator.stop().await);
        }
        ended.into_iter().collect()
    }
}

/// Routes that exist on this machine alone: the key's documents, and what the page needs to let the demo's users in.
fn local_routes(identity: Identity, file: &StackFile, settings: &Settings) -> axum::Router {
    let discovery = identity.discovery(&file.issuer);
    let page = crate::page::router(identity, &file.issuer, &file.audience, settings);
    discovery.merge(page)
}

/// EventBridge and SES, which put what they are told into the outbox.
fn telling(listener: TcpListener, outbox: &Arc<Outbox>, access_key: &str) -> Server {
    let (outbox, key) = (Arc::clone(outbox), access_key.to_owned());
    Server::start("EventBridge and SES", |stop| {
        crate::events::serve(listener, outbox, key, stop.given())
    })
}

fn create_queues(queues: &Queues) -> anyhow::Result<()> {
    let text = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    // As in the template: visibility 6 × the sweeper's timeout.
    let dead = text(&[
        ("MessageRetentionPeriod", "1209600"),
        ("VisibilityTimeout", "360"),
    ]);
    // As in the template: visibility 6 × the function's timeout, 8 receives (Q-1).
    let redrive = format!(
        r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":8}}"#,
        crate::sqs::queue_arn(DEAD_LETTERS)
    );
    let visibility = (functions::RUN_TIMEOUT.as_secs() * 6).to_string();
    let hints = text(&[
        ("VisibilityTimeout", &visibility),
        ("RedrivePolicy", &redrive),
    ]);
    for (name, attributes) in [(DEAD_LETTERS, dead), (QUEUE, hints)] {
        // A queue that an earlier version made is brought up to date.
        if queues.create(name, &attributes).is_err() {
            queues.set_attributes(name, &attributes)?;
        }
    }
    Ok(())
}

fn cors() -> Cors {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Cors {
        origins: list(&["*"]),
        methods: list(&["GET", "POST", "PUT", "DELETE"]),
        headers: list(&[
            "authorization",
            "content-type",
            "accept",
            "idempotency-key",
            "prefer",
        ]),
        expose: list(&[
            "X-Export-Count",
            "Content-Disposition",
            "Location",
            "Retry-After",
            "Idempotency-Replayed",
            "X-Request-Id",
        ]),
        max_age: Some(Duration::from_mins(10)),
    }
}
