//! Projects from templates: `tessera new` makes an application, `tessera add` adds a component to one.

mod cargo;
mod files;
mod manifest;
mod names;
mod templates;
mod values;

use super::{ManifestError, name_and_value, shown};
use anyhow::{Context as _, anyhow, bail, ensure};
use cargo::Layout;
use clap::Args;
use files::Plan;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use templates::Template;
use tessera_manifest::FILE_NAME;
use values::{Subject, Values};

/// Make an application from a template. Without a template, list them.
///
/// Its components are in Rust. It builds, passes its tests and starts at once: `cargo test`, and
/// `tessera up --build`.
#[derive(Debug, Args)]
pub(crate) struct New {
    #[command(flatten)]
    choice: Choice,
    /// The folder of the application, which is empty or does not exist [default: its name].
    #[arg(short, long, value_name = "DIR", conflicts_with = "init")]
    output: Option<PathBuf>,
    /// Make it in the working directory.
    #[arg(long)]
    init: bool,
    /// Do not write a `.gitignore`.
    #[arg(long)]
    no_vcs: bool,
}

/// Add a component from a template to an application. Without a template, list them.
///
/// Comments and the form of `spin.toml` stay as they are.
#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    choice: Choice,
    /// The manifest of the application, or its directory [default: `spin.toml` in the working
    /// directory].
    #[arg(short = 'f', long = "file", alias = "from", value_name = "PATH")]
    manifest: Option<PathBuf>,
}

/// A template, and what is made from it.
#[derive(Debug, Args)]
struct Choice {
    /// The template and the name, which consists of words of lowercase letters and digits, joined by
    /// hyphens.
    #[arg(value_names = ["TEMPLATE", "NAME"], num_args = 0..=2)]
    words: Vec<String>,
    /// The template, as for Spin: `-t http-rust NAME`.
    #[arg(short, long, value_name = "TEMPLATE")]
    template: Option<String>,
    /// A value of the template, which the list of templates names. Can be repeated.
    #[arg(short = 'v', long = "value", value_name = "NAME=VALUE", value_parser = name_and_value)]
    values: Vec<(String, String)>,
    /// No effect: values that are not given have defaults.
    #[arg(short, long, hide = true)]
    accept_defaults: bool,
}

impl New {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let Some((template, name)) = self.choice.resolve("new")? else { return list(|_| true) };
        let folder = match (self.output, self.init) {
            (_, true) => PathBuf::from("."),
            (Some(folder), false) => folder,
            (None, false) => PathBuf::from(&name),
        };
        ensure_empty(&folder)?;
        let folder = std::path::absolute(&folder)?;
        let subject = Subject { name: &name, application: &name, is_new: true };
        let mut values = Values::of(template, &subject, &self.choice.values)?;
        let commands = values.fill(template.commands);
        values.set("try", commands.trim_end());
        let mut plan = Plan::default();
        for (path, text) in templates::FILES {
            plan.created.push((folder.join(path), values.fill(text)));
        }
        if !self.no_vcs {
            let (path, text) = templates::GITIGNORE;
            plan.created.push((folder.join(path), text.to_owned()));
        }
        let project = Project { template, folder: &folder, layout: Layout::Together };
        project.add_files(&mut values, &mut plan);
        let manifest = project.manifest(&values, &values.fill(templates::MANIFEST))?;
        plan.created.push((folder.join(FILE_NAME), manifest));
        plan.write()?;
        let enter = match self.init {
            true => String::new(),
            false => format!("  cd {}\n", shown(&folder)),
        };
        report(&plan, &format!("{enter}  cargo test\n  tessera up --build"));
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let Some((template, name)) = self.choice.resolve("add")? else {
            return list(|template| !template.is_whole);
        };
        ensure!(
            !template.is_whole,
            "the template `{}` is a whole application: make one with `tessera new {} {name}`",
            template.name,
            template.name
        );
        let path = self.manifest.unwrap_or_else(|| FILE_NAME.into());
        let path = if path.is_dir() { path.join(FILE_NAME) } else { path };
        let path = std::path::absolute(path)?;
        let text = read(&path)?;
        let app = tessera_manifest::parse(&path, &text).map_err(ManifestError)?;
        let (layout, workspace) = cargo::layout(&app.folder, &text)?;
        let subject = Subject { name: &name, application: &app.name, is_new: false };
        let mut values = Values::of(template, &subject, &self.choice.values)?;
        let mut plan = Plan::default();
        let project = Project { template, folder: &app.folder, layout };
        project.add_files(&mut values, &mut plan);
        if let Some(workspace) = workspace {
            let members = template.crates.iter().map(|one| folder_of(&values.fill(one.name)));
            let text = workspace.with(&members.collect::<Vec<_>>())?;
            plan.changed.extend(text.map(|text| (app.folder.join("Cargo.toml"), text)));
        }
        plan.changed.push((path, project.manifest(&values, &text)?));
        plan.write()?;
        let commands = values.fill(template.commands);
        let commands = commands.lines().map(|line| format!("\n  {line}")).collect::<String>();
        report(&plan, &format!("  cargo test\n  tessera up --build{commands}"));
        Ok(ExitCode::SUCCESS)
    }
}

impl Choice {
    /// The template and the name; `None` if none is chosen.
    fn resolve(&self, verb: &str) -> anyhow::Result<Option<(&'static Template, String)>> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let (template, name) = match (&self.template, words.as_slice()) {
            (None, []) => return Ok(None),
            (None, [template]) => (*template, None),
            (None, [template, name, ..]) => (*template, Some(*name)),
            (Some(template), words) => (template.as_str(), words.first().copied()),
        };
        let is_twice = self.template.is_some() && words.len() > 1;
        ensure!(!is_twice, "--template: the template is named twice");
        let found = templates::find(template).ok_or_else(|| {
            let names = templates::ALL.iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
            anyhow!("there is no template `{template}`; there are {names}")
        })?;
        let name =
            name.ok_or_else(|| anyhow!("the name is missing: `tessera {verb} {template} NAME`"))?;
        names::check(name).map_err(|error| anyhow!("`{name}` can't be a name: {error}"))?;
        Ok(Some((found, name.to_owned())))
    }
}

/// What is made from a template in the folder of an application.
struct Project<'a> {
    template: &'static Template,
    folder: &'a Path,
    layout: Layout,
}

impl Project<'_> {
    /// The files of all crates and contracts. Sets the values that say how they are built.
    fn add_files(&self, values: &mut Values, plan: &mut Plan) {
        let names: Vec<String> =
            self.template.crates.iter().map(|one| values.fill(one.name)).collect();
        let keys = [("command", "built"), ("caller_command", "caller_built")];
        for (name, (command, built)) in names.iter().zip(keys) {
            values.set(command, self.layout.command(name));
            values.set(built, self.layout.built(name));
        }
        for (one, name) in self.template.crates.iter().zip(&names) {
            let folder = self.folder.join(folder_of(name));
            plan.created.push((folder.join("Cargo.toml"), self.crate_manifest(one, name)));
            for (path, text) in one.sources {
                plan.created.push((folder.join("src").join(path), values.fill(text)));
            }
        }
        for (path, text) in self.template.files {
            plan.created.push((self.folder.join(values.fill(path)), values.fill(text)));
        }
    }

    fn crate_manifest(&self, one: &templates::Crate, name: &str) -> String {
        let mut text = templates::CRATE.replace("{{name}}", name);
        for (dependency, value) in cargo::DEPENDENCIES {
            if one.dependencies.contains(&dependency) {
                text.push_str(&format!("{dependency} = {value}\n"));
            }
        }
        text.push_str(self.layout.ending());
        text
    }

    /// The manifest `text` with the components. It is valid.
    fn manifest(&self, values: &Values, text: &str) -> anyhow::Result<String> {
        let text = manifest::with(text, &values.fill(self.template.manifest))?;
        let path = self.folder.join(FILE_NAME);
        tessera_manifest::parse(&path, &text).map_err(ManifestError)?;
        Ok(text)
    }
}

fn folder_of(name: &str) -> String {
    format!("components/{name}")
}

/// Fails if the folder of a new application has something in it, except the data of Git.
fn ensure_empty(folder: &Path) -> anyhow::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => bail!("{} can't be the folder: {error}", shown(folder)),
    };
    for entry in entries {
        let name = entry?.file_name();
        ensure!(
            name == ".git",
            "the folder {} is not empty: choose another name, or another folder with --output",
            shown(folder)
        );
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(path);
    if text.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        bail!(
            "there is no manifest at {}: run this in the folder of an application, name it with \
             --file, or make one with `tessera new`",
            shown(path)
        );
    }
    text.with_context(|| format!("{} can't be read", shown(path)))
}

/// Prints the templates.
fn list(wanted: impl Fn(&Template) -> bool) -> anyhow::Result<ExitCode> {
    for template in templates::ALL.iter().filter(|template| wanted(template)) {
        let values: Vec<_> = template.parameters.iter().map(|one| one.name()).collect();
        print(&format!("{:<12} {}", template.name, template.description));
        print(&format!("{:<12}   values: {}", "", values.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what was written, and what can be done next.
fn report(plan: &Plan, next: &str) {
    for (verb, files) in [("created", &plan.created), ("changed", &plan.changed)] {
        for (path, _) in files {
            print(&format!("{verb}  {}", shown(path)));
        }
    }
    print(&format!("\nNext:\n\n{next}"));
}

/// Prints a result of the command.
#[expect(clippy::print_stdout, reason = "results, unlike logs, are for other programs, too")]
fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// All placeholders have values, in each layout.
    #[test]
    fn no_placeholder_is_left() {
        let folder = Path::new("/app");
        for template in const { &templates::ALL } {
            for layout in [Layout::Together, Layout::Workspace, Layout::Alone] {
                let subject = Subject { name: "my-cart", application: "shop", is_new: false };
                let mut values = Values::of(template, &subject, &[]).unwrap();
                let project = Project { template, folder, layout };
                let mut plan = Plan::default();
                project.add_files(&mut values, &mut plan);
                let manifest = values.fill(templates::MANIFEST);
                let manifest = project.manifest(&values, &manifest).unwrap();
                plan.created.push((folder.join(FILE_NAME), manifest));
                for (path, text) in &plan.created {
                    assert!(!text.contains("{{"), "{}: {text}", path.display());
                    assert!(!path.to_str().unwrap().contains("{{"), "{}", path.display());
                }
            }
        }
    }
}
