//! The application, valid by construction: every reference resolves, every route is unique, every
//! pattern parses.

mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::origin::Origin;

pub use settings::*;

/// The id of a component in the manifest.
pub type ComponentId = String;

/// A whole application.
#[derive(Debug, Clone)]
pub struct App {
    /// `application.name`.
    pub name: String,
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
    /// `[application.tool.tessera]`.
    pub settings: AppSettings,
    /// The manifest.
    pub origin: Origin,
}

/// A variable that an operator may set.
#[derive(Debug, Clone, Default)]
pub struct Variable {
    /// The value if the operator sets none; `None` means that the operator must set one
    /// (`required = true`).
    pub default: Option<String>,
    /// Whether it is never shown in logs or on pages.
    pub secret: bool,
}

/// One `[component.<id>]`.
#[derive(Debug, Clone)]
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
    /// The dependencies of build profiles, by the name of the profile. They are only checked.
    pub profiles: BTreeMap<String, Vec<Dependency>>,
    /// `[component.<id>.tool.tessera]`.
    pub settings: ComponentSettings,
    /// Its path in the manifest: `component.<id>`, or the key of the trigger for an inline
    /// component.
    pub written_at: String,
}

impl Component {
    /// Whether this host runs it.
    pub(crate) fn runs_here(&self) -> bool {
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
    /// A glob pattern relative to the manifest; each match keeps its path.
    Pattern(String),
    /// A file or directory at another path.
    Placement {
        /// Absolute path on this machine.
        source: PathBuf,
        /// Its path in the component.
        destination: String,
    },
}

/// How to build a component.
#[derive(Debug, Clone)]
pub struct Build {
    /// Commands, run by the shell in this order.
    pub commands: Vec<String>,
    /// Where to run them, absolute.
    pub workdir: PathBuf,
}

/// An import that is satisfied by another component.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
pub struct HttpTrigger {
    /// Its id, given or generated as in Spin: `<component>-http-trigger`, `http-trigger<n>`.
    pub id: String,
    /// The requests that it handles.
    pub route: Route,
    /// What handles them.
    pub handler: Handler,
    /// Its path in the manifest: `trigger.http[<n>]`, counted from 0.
    pub written_at: String,
}

/// The requests that a trigger handles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A path pattern with the application's base in front: `/a`, `/a/...`, `/a/:name`.
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

/// One `[[trigger.redis]]`.
#[derive(Debug, Clone)]
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
