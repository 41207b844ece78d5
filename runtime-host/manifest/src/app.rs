//! The application, valid by construction: what the rest of the host works with.
//!
//! Nothing here can be wrong any more: every reference resolves, every route is unique,
//! every pattern parses. What a manifest may look like is the business of the parser.

mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::origin::Origin;

pub use settings::*;

/// A component's name in the manifest.
pub type ComponentId = String;

/// A whole application.
#[derive(Debug, Clone)]
pub struct App {
    /// `application.name`.
    pub name: String,
    /// `application.version`, if given.
    pub version: Option<String>,
    /// `application.description`, if given.
    pub description: Option<String>,
    /// The folder of the manifest; relative paths start here.
    pub folder: PathBuf,
    /// Application variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// Components by id, also those that only serve others as libraries.
    pub components: BTreeMap<ComponentId, Component>,
    /// `application.trigger.http.base` without its trailing slash: empty if there is none.
    pub http_base: String,
    /// HTTP triggers in the manifest's order.
    pub http: Vec<HttpTrigger>,
    /// `application.trigger.redis.address`: the server of triggers that name none. May
    /// contain templates.
    pub redis_address: Option<String>,
    /// Redis triggers in the manifest's order.
    pub redis: Vec<RedisTrigger>,
    /// `[application.tool.tessera]`.
    pub settings: AppSettings,
    /// The text that it was read from.
    pub origin: Origin,
}

/// A variable that an operator may set.
#[derive(Debug, Clone)]
pub struct Variable {
    /// The value if nobody sets one; `None` means that somebody must (`required = true`).
    pub default: Option<String>,
    /// Never shown in logs or on pages.
    pub secret: bool,
    /// For people.
    pub description: Option<String>,
}

/// One `[component.<id>]`.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its name.
    pub id: ComponentId,
    /// Where its bytes are.
    pub source: Source,
    /// For people.
    pub description: Option<String>,
    /// Environment variables of the guest.
    pub environment: BTreeMap<String, String>,
    /// Files that the guest may read.
    pub files: Vec<FileMount>,
    /// Glob patterns of files that it may not read, although `files` names them.
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
    /// What changes in a build profile, by the profile's name.
    pub profiles: BTreeMap<String, Profile>,
    /// `[component.<id>.tool.tessera]`.
    pub settings: ComponentSettings,
    /// Where in the manifest it is written: `component.<id>`, or the trigger's key if it is
    /// written out there.
    pub written_at: String,
}

/// `[component.<id>.profile.<name>]`: what is given here replaces the component's own.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Where its bytes are.
    pub source: Option<Source>,
    /// Environment variables that are added or replaced.
    pub environment: BTreeMap<String, String>,
    /// Dependencies that are added or replaced.
    pub dependencies: Vec<Dependency>,
    /// Commands of the build.
    pub build_commands: Option<Vec<String>>,
}

/// Where a component's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, absolute.
    Local(PathBuf),
    /// A download with its SHA-256 (`sha256:<hex>`).
    Remote {
        /// Where it is.
        url: String,
        /// What it must hash to.
        digest: String,
    },
    /// A package of a registry.
    Registry {
        /// The registry's host, if not the default.
        registry: Option<String>,
        /// `namespace:name`.
        package: String,
        /// Its version; for a dependency, a requirement as `>= 1.2`.
        version: String,
    },
}

/// A file or folder that a guest may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileMount {
    /// A glob pattern relative to the manifest; each match keeps its path.
    Pattern(String),
    /// One file or folder placed at another path.
    Placement {
        /// Absolute path on this machine.
        source: PathBuf,
        /// Path that the guest sees.
        destination: String,
    },
}

/// How to build a component.
#[derive(Debug, Clone)]
pub struct Build {
    /// Commands, run by the shell one after the other.
    pub commands: Vec<String>,
    /// Where to run them, absolute.
    pub workdir: PathBuf,
    /// Patterns of the files that the build depends on.
    pub watch: Vec<String>,
}

/// One import that another component satisfies.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// `shop:inventory/stock@1.0.0`, or a plain name, or a package.
    pub import: String,
    /// Who satisfies it.
    pub provider: Provider,
    /// What the provider may use of the importer's permissions.
    pub inherit: Inherit,
}

/// Who satisfies a dependency.
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

/// Which permissions a composed dependency gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inherit {
    /// None: calls to them fail.
    Nothing,
    /// All of the importer's.
    All,
    /// These keys of the importer's, as `allowed_outbound_hosts`.
    Keys(Vec<String>),
}

/// One `[[trigger.http]]`.
#[derive(Debug, Clone)]
pub struct HttpTrigger {
    /// Its id, given or made up as Spin does: `<component>-http-trigger`, `http-trigger<n>`.
    pub id: String,
    /// Which requests it takes.
    pub route: Route,
    /// Who answers them.
    pub handler: Handler,
    /// Where in the manifest it is written: `trigger.http[<n>]`, counted from 0.
    pub written_at: String,
}

/// Which requests a trigger takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A path pattern with the application's base in front: `/a`, `/a/...`, `/a/:name`.
    Path(String),
    /// Only other components, through `<id>.spin.internal` or a link.
    Private,
}

/// Who answers the requests of a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handler {
    /// A component.
    Component(ComponentId),
    /// Always the same answer.
    Static(StaticResponse),
}

/// An answer without a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticResponse {
    /// Its status, 200 unless given.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Option<String>,
}

/// One `[[trigger.redis]]`.
#[derive(Debug, Clone)]
pub struct RedisTrigger {
    /// Its id, given or made up.
    pub id: String,
    /// The server, if not the application's. May contain templates.
    pub address: Option<String>,
    /// The channel to subscribe to. May contain templates.
    pub channel: String,
    /// Who handles its messages.
    pub component: ComponentId,
    /// Where in the manifest it is written: `trigger.redis[<n>]`, counted from 0.
    pub written_at: String,
}
