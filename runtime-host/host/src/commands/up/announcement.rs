//! What is printed or logged when the application is ready.

use super::output::{Format, Output};
use crate::application::Running;
use crate::commands::shown;
use crate::telemetry::LogFormat;
use serde_json::json;
use std::io::Write as _;
use std::time::Duration;

/// That the application is ready, and its addresses.
pub(super) struct Announcement<'a> {
    pub(super) running: &'a Running,
    pub(super) url: String,
    pub(super) admin: String,
    pub(super) took: Duration,
}

impl Announcement<'_> {
    /// Prints or logs it.
    pub(super) fn announce(&self, output: &Output) -> anyhow::Result<()> {
        if output.format == Format::Json {
            let routes = serde_json::to_string_pretty(&self.routes())?;
            writeln!(std::io::stdout(), "{routes}")?;
        }
        match output.log_format {
            LogFormat::Json => self.log(),
            LogFormat::Human if !output.quiet => self.print(),
            LogFormat::Human => {}
        }
        Ok(())
    }

    /// The URL and the routes, as Spin prints them.
    fn routes(&self) -> serde_json::Value {
        let route = |(route, component): (String, String)| {
            let path = route.strip_suffix("/...");
            let shown = path.unwrap_or(&route);
            let shown = if shown.is_empty() { "/" } else { shown };
            json!({ "id": component, "route": shown, "wildcard": path.is_some() })
        };
        let routes: Vec<_> = self.running.routes().into_iter().map(route).collect();
        json!({ "base_url": self.url, "routes": routes })
    }

    /// Prints it.
    fn print(&self) {
        let Self { running, url, admin, took } = self;
        eprintln!("\n  {} is ready after {} ms\n", running.name(), took.as_millis());
        for (route, component) in running.routes() {
            eprintln!("    {:<36} {component}", format!("{url}{route}"));
        }
        for (channel, components) in running.redis().channels() {
            eprintln!("    {channel:<36} {components}");
        }
        eprintln!("    {:<36} metrics", format!("{admin}/metrics"));
        eprintln!("    {:<36} recent traces", format!("{admin}/traces"));
        if running.has_events() {
            eprintln!("    {:<36} subscriptions", format!("{admin}/subscriptions"));
            eprintln!("    {:<36} dead letters", format!("{admin}/dead-letters"));
        }
        eprintln!("\n  State is kept in {}. Ctrl-C stops.\n", shown(running.state_dir()));
    }

    /// Logs it, for programs.
    fn log(&self) {
        for (route, component) in self.running.routes() {
            tracing::info!(url = format!("{}{route}", self.url), component, "route");
        }
        for (channel, components) in self.running.redis().channels() {
            tracing::info!(channel, components, "channel");
        }
        tracing::info!(
            application = self.running.name(),
            url = self.url,
            admin = self.admin,
            state_dir = %self.running.state_dir().display(),
            duration_ms = self.took.as_millis() as u64,
            "ready",
        );
    }
}
