//! The application, valid by construction: every reference resolves, every route is unique, every
//! pattern parses.

mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::cron::CronSchedule;
use crate::origin::Origin;

pub use settings::*;

/// The id of a component in the manifest.
pub type ComponentId = String;

/// A whole application.
#[derive(Debug, Clone)]
pub struct App {
    /// `application.name`.
    pub name: String,
    /// `application.version`.
    pub version: Option<String>,
    /// The directory of the manifest; relative paths start here.
    pub folder: PathBuf,
    /// Application variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// Components by id, including those that are only dependencies of others.
    pub components: BTreeMap<ComponentId, Component>,
    /// `application.trigger.http.base` without its trailing slash: empty if there is none.
    pub http_base: String,
    /// HTTP triggers in the manifest's order.
    pub http: Vec<HttpTrigger>,
    /// `application.trigger.redis.address`: the server of triggers without an `address`. May
    /// contain templates.
    pub redis_address: Option<String>,
    /// Redis triggers in the manifest's order.
    pub redis: Vec<RedisTrigger>,
    /// Cron triggers in the manifest's order.
    pub cron: Vec<CronTrigger>,
    /// The command that the application runs.
    pub command: Option<CommandTrigger>,
    /// `[application.tool.tessera]`.
    pub settings: AppSettings,
    /// The manifest.
    pub origin: Origin,
}

/// A variable that an operator may set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// The value if the operator sets none; `None` means that the operator must set one
    /// (`required = true`).
    pub default: Option<String>,
    /// Whether it is never shown in logs or on pages.
    pub secret: bool,
}

/// One `[component.<id>]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its id.
    pub id: ComponentId,
    /// Where its bytes are.
    pub source: Source,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// Files that the component may read.
    pub files: Vec<FileMount>,
    /// Glob patterns of files that are left out of `files`.
    pub exclude_files: Vec<String>,
    /// Labels of key-value stores that it may open.
    pub key_value_stores: Vec<String>,
    /// Labels of SQLite databases that it may open.
    pub sqlite_databases: Vec<String>,
    /// Names of AI models that it may use.
    pub ai_models: Vec<String>,
    /// Hosts that it may reach; may contain `{{ variable }}` templates, checked for shape.
    pub allowed_outbound_hosts: Vec<String>,
    /// Its variables: name to template, as written (`"https://{{ host }}/"`).
    pub variables: BTreeMap<String, String>,
    /// How to build it.
    pub build: Option<Build>,
    /// Imports that other components satisfy, in the manifest's order.
    pub dependencies: Vec<Dependency>,
    /// `dependencies_inherit_configuration`: all dependencies get all permissions.
    pub dependencies_inherit_configuration: bool,
    /// The names of its build profiles. What the chosen one has is in the other fields.
    pub profiles: BTreeSet<String>,
    /// `[component.<id>.tool.tessera]`.
    pub settings: ComponentSettings,
    /// Its path in the manifest: `component.<id>`, or the key of the trigger for an inline
    /// component.
    pub written_at: String,
}

impl Component {
    /// Whether this host runs it.
    pub fn runs_here(&self) -> bool {
        self.settings.bridges.is_none() && !self.settings.stock_only
    }
}

/// Where a component's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, absolute.
    Local(PathBuf),
    /// A download with its SHA-256 (`sha256:<hex>`).
    Remote {
        /// Its URL.
        url: String,
        /// Its expected digest.
        digest: String,
    },
    /// A package of a registry.
    Registry {
        /// The registry's host, if not the default.
        registry: Option<String>,
        /// `namespace:name`.
        package: String,
        /// Its version; for a dependency, a requirement such as `>= 1.2`.
        version: String,
    },
}

/// A file or directory that a component may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileMount {
    /// A path or glob pattern in the directory of the manifest, relative to it and without `..`;
    /// empty for the whole directory. Each match keeps its path.
    Pattern(String),
    /// A file or directory at another path.
    Placement {
        /// Absolute path on this machine. It may have `..`, also to lead out of the directory of
        /// the manifest.
        source: PathBuf,
        /// Its path in the component. It does not lead out of `/`.
        destination: String,
        /// Its path in the manifest: `component.<id>.files[<n>]`.
        written_at: String,
    },
}

/// How to build a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Commands, run by the shell in this order.
    pub commands: Vec<String>,
    /// Where to run them, absolute.
    pub workdir: PathBuf,
    /// Glob patterns of the files that they read, relative to `workdir`.
    pub watch: Vec<String>,
}

/// An import that is satisfied by another component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// `shop:inventory/stock@1.0.0`, or a plain name, or a package.
    pub import: String,
    /// What satisfies it.
    pub provider: Provider,
    /// The importer's permissions that the provider inherits.
    pub inherit: Inherit,
}

/// What satisfies a dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// A component of this application, composed into the importer.
    Component {
        /// Its id.
        id: ComponentId,
        /// The export to use, if it differs from the import.
        export: Option<String>,
    },
    /// A component file, composed into the importer.
    Source {
        /// Its bytes.
        source: Source,
        /// The export to use, if it differs from the import.
        export: Option<String>,
    },
}

/// The permissions that a composed dependency inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inherit {
    /// None: calls to them fail.
    Nothing,
    /// All of the importer's.
    All,
    /// Those of these keys, for example `allowed_outbound_hosts`.
    Keys(Vec<String>),
}

/// One `[[trigger.http]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTrigger {
    /// Its id, given or generated as in Spin: `<component>-http-trigger`, `http-trigger<n>`.
    pub id: String,
    /// The requests that it handles.
    pub route: Route,
    /// What handles them.
    pub handler: Handler,
    /// Components through which requests to the handler pass, the outermost first.
    pub middleware: Vec<Middleware>,
    /// How the component is called.
    pub executor: Executor,
    /// Its path in the manifest: `trigger.http[<n>]`, counted from 0.
    pub written_at: String,
}

/// The requests that a trigger handles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A path pattern as written, with the application's base in front: `/a`, `/a/...`, `/a/:name`.
    Path(String),
    /// Only other components, through `<id>.spin.internal` or a link.
    Private,
}

/// What handles the requests of a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handler {
    /// A component.
    Component(ComponentId),
    /// A static response.
    Static(StaticResponse),
}

/// A response without a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticResponse {
    /// Its status, 200 by default.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Option<String>,
}

/// One entry of `dependencies.middleware`: a component that exports the HTTP handler, and imports
/// that of the next entry or of the trigger's component. It is composed into the trigger's
/// component, like a [`Dependency`], and has no permissions of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Middleware {
    /// What it is, without `export`.
    pub provider: Provider,
    /// The permissions of the trigger's component that it inherits.
    pub inherit: Inherit,
    /// Its path in the manifest: `trigger.http[<n>].dependencies.middleware[<m>]`.
    pub written_at: String,
}

/// How the component of an HTTP trigger is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Executor {
    /// `http` or `spin`: by the HTTP interface that it exports.
    #[default]
    Http,
    /// `wagi`: as a command, by the rules of CGI.
    Wagi {
        /// The arguments of the command, separated by spaces, with `${SCRIPT_NAME}` and `${ARGS}`.
        argv: String,
    },
}

/// One `[[trigger.redis]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisTrigger {
    /// Its id, given or generated.
    pub id: String,
    /// The server, if it differs from the application's. May contain templates.
    pub address: Option<String>,
    /// The channel to subscribe to. May contain templates.
    pub channel: String,
    /// The component that handles its messages.
    pub component: ComponentId,
    /// Its path in the manifest: `trigger.redis[<n>]`, counted from 0.
    pub written_at: String,
}

/// One `[[trigger.cron]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronTrigger {
    /// Its id, given or generated.
    pub id: String,
    /// When the component is called.
    pub schedule: CronSchedule,
    /// The component that is called.
    pub component: ComponentId,
    /// Its path in the manifest: `trigger.cron[<n>]`, counted from 0.
    pub written_at: String,
}

/// One `[[trigger.command]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandTrigger {
    /// Its id, given or generated.
    pub id: String,
    /// The component that is run.
    pub component: ComponentId,
    /// Its path in the manifest: `trigger.command[<n>]`, counted from 0.
    pub written_at: String,
}
