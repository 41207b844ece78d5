//! The templates: their files are in `runtime-host/host/templates`.

/// What projects are made from.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) name: &'static str,
    /// What Spin calls it, if Spin has it.
    pub(super) alias: Option<&'static str>,
    pub(super) description: &'static str,
    /// Whether it is an application, and can't be added to one.
    pub(super) is_whole: bool,
    pub(super) parameters: &'static [Parameter],
    pub(super) crates: &'static [Crate],
    /// Other files: their paths and texts.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// What it adds to the manifest of the application.
    pub(super) manifest: &'static str,
    /// Commands that show what it does.
    pub(super) commands: &'static str,
}

/// What `--value` sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    /// The route of the HTTP trigger: that of the whole application if it is new, or else one with the
    /// name of the component.
    WildcardRoute,
    /// The route of the HTTP trigger.
    Route,
    /// The namespace of contracts.
    Namespace,
    /// The types of events, separated by commas.
    Types,
    /// The interval of a schedule.
    EveryMs,
}

/// A crate of the project, in `components/<name>`.
#[derive(Debug)]
pub(super) struct Crate {
    pub(super) name: &'static str,
    /// Names of dependencies.
    pub(super) dependencies: &'static [&'static str],
    /// Paths below `src`, and texts.
    pub(super) sources: &'static [(&'static str, &'static str)],
}

/// The text of a file of the templates.
macro_rules! text {
    ($path:literal) => {
        include_str!(concat!("../../../templates/", $path))
    };
}

/// The manifest of each crate, without its dependencies.
pub(super) const CRATE: &str = text!("component.toml");

/// The files of a new application besides its manifest.
pub(super) const FILES: [(&str, &str); 2] =
    [("Cargo.toml", text!("workspace/Cargo.toml")), ("README.md", text!("workspace/README.md"))];
/// The file that a new application has for Git.
pub(super) const GITIGNORE: (&str, &str) = (".gitignore", text!("workspace/gitignore"));
/// The manifest of a new application, without components.
pub(super) const MANIFEST: &str = text!("workspace/spin.toml");

/// The contract of the event log.
const EVENTS: &str = include_str!("../../../../../wit/events/package.wit");

/// All templates.
pub(super) const ALL: [Template; 5] = [
    Template {
        name: "http",
        alias: Some("http-rust"),
        description: "a component that answers HTTP requests",
        is_whole: false,
        parameters: &[Parameter::WildcardRoute],
        crates: &[Crate {
            name: "{{name}}",
            dependencies: &["spin-sdk"],
            sources: &[
                ("lib.rs", text!("http/lib.rs")),
                ("component.rs", text!("http/component.rs")),
            ],
        }],
        files: &[],
        manifest: text!("http/spin.toml"),
        commands: text!("http/try.txt"),
    },
    Template {
        name: "contract",
        alias: None,
        description: "a component with a contract in WIT, its bridge for Spin, and a caller",
        is_whole: false,
        parameters: &[Parameter::Route, Parameter::Namespace],
        crates: &[
            Crate {
                name: "{{name}}",
                dependencies: &["wit-bindgen"],
                sources: &[
                    ("lib.rs", text!("contract/lib.rs")),
                    ("component.rs", text!("contract/component.rs")),
                ],
            },
            Crate {
                name: "{{name}}-caller",
                dependencies: &["spin-sdk", "wit-bindgen"],
                sources: &[
                    ("lib.rs", text!("contract/caller/lib.rs")),
                    ("component.rs", text!("contract/caller/component.rs")),
                ],
            },
        ],
        files: &[
            ("wit/{{name}}/{{name}}.wit", text!("contract/contract.wit")),
            ("wit/{{name}}-caller/{{name}}-caller.wit", text!("contract/caller/caller.wit")),
        ],
        manifest: text!("contract/spin.toml"),
        commands: text!("contract/try.txt"),
    },
    Template {
        name: "subscriber",
        alias: None,
        description: "a component that receives events (on Tessera)",
        is_whole: false,
        parameters: &[Parameter::Route, Parameter::Types],
        crates: &[Crate {
            name: "{{name}}",
            dependencies: &["spin-sdk"],
            sources: &[
                ("lib.rs", text!("subscriber/lib.rs")),
                ("component.rs", text!("subscriber/component.rs")),
            ],
        }],
        files: &[],
        manifest: text!("subscriber/spin.toml"),
        commands: text!("subscriber/try.txt"),
    },
    Template {
        name: "schedule",
        alias: None,
        description: "a component that is called at an interval (on Tessera)",
        is_whole: false,
        parameters: &[Parameter::Route, Parameter::EveryMs],
        crates: &[Crate {
            name: "{{name}}",
            dependencies: &["spin-sdk"],
            sources: &[
                ("lib.rs", text!("schedule/lib.rs")),
                ("component.rs", text!("schedule/component.rs")),
            ],
        }],
        files: &[],
        manifest: text!("schedule/spin.toml"),
        commands: text!("schedule/try.txt"),
    },
    APPLICATION,
];

/// A gateway, a component with a contract, one with a store that publishes events, and their
/// subscriber.
const APPLICATION: Template = Template {
    name: "application",
    alias: None,
    description: "an application with a gateway, a contract, a store and events",
    is_whole: true,
    parameters: &[Parameter::Namespace],
    crates: &[
        Crate {
            name: "gateway",
            dependencies: &["spin-sdk"],
            sources: &[
                ("lib.rs", text!("application/gateway/lib.rs")),
                ("component.rs", text!("application/gateway/component.rs")),
            ],
        },
        Crate {
            name: "orders",
            dependencies: &["humantime", "serde", "serde_json", "spin-sdk", "wit-bindgen"],
            sources: &[
                ("lib.rs", text!("application/orders/lib.rs")),
                ("component.rs", text!("application/orders/component.rs")),
                ("events.rs", text!("application/orders/events.rs")),
            ],
        },
        Crate {
            name: "prices",
            dependencies: &["wit-bindgen"],
            sources: &[
                ("lib.rs", text!("application/prices/lib.rs")),
                ("component.rs", text!("application/prices/component.rs")),
            ],
        },
        Crate {
            name: "statistics",
            dependencies: &["serde", "serde_json", "spin-sdk"],
            sources: &[
                ("lib.rs", text!("application/statistics/lib.rs")),
                ("component.rs", text!("application/statistics/component.rs")),
            ],
        },
        Crate {
            name: "event-log",
            dependencies: &["wit-bindgen"],
            sources: &[("lib.rs", text!("application/event-log/lib.rs"))],
        },
    ],
    files: &[
        ("wit/events/package.wit", EVENTS),
        ("wit/event-log/event-log.wit", text!("application/event-log/event-log.wit")),
        ("wit/orders/orders.wit", text!("application/orders/orders.wit")),
        ("wit/prices/prices.wit", text!("application/prices/prices.wit")),
    ],
    manifest: text!("application/spin.toml"),
    commands: text!("application/try.txt"),
};

/// The template with this name, or with this name in Spin.
pub(super) fn find(name: &str) -> Option<&'static Template> {
    const { &ALL }.iter().find(|one| one.name == name || one.alias == Some(name))
}
