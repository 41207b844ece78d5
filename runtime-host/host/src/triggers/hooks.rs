//! `on_start`: paths that are called once when the application is up.

use super::post::Post;
use crate::message::Http;
use crate::registry::Registry;
use crate::telemetry::SpanKind;
use std::sync::Arc;
use std::time::Duration;
use tessera_manifest::{App, ComponentId};

/// How often a hook is called when it fails.
const ATTEMPTS_MAX: u32 = 5;
/// The pause after the first failure is twice this, and doubles with each further one.
const PAUSE: Duration = Duration::from_millis(500);

/// All hooks of an application.
pub(crate) struct Hooks {
    registry: Arc<Registry<Http>>,
    /// Components and their paths.
    hooks: Vec<(ComponentId, String)>,
}

impl Hooks {
    pub(crate) fn of(app: &App, registry: Arc<Registry<Http>>) -> Self {
        let hooks = app.components.values().filter_map(|component| {
            Some((component.id.clone(), component.settings.on_start.clone()?))
        });
        Self { registry, hooks: hooks.collect() }
    }

    /// Call each path until it succeeds, a few times. A hook that fails for good is logged: the
    /// application serves what it can.
    pub(crate) async fn run(&self) {
        let calls = self.hooks.iter().map(|(id, path)| self.repeat(id, path));
        futures::future::join_all(calls).await;
    }

    async fn repeat(&self, id: &str, path: &str) {
        for attempt in 1..=ATTEMPTS_MAX {
            let hook = Post::empty(id, path, SpanKind::Host, "on_start");
            match hook.finish(&self.registry).await {
                Ok(status) if status.as_u16() < 400 => {
                    return tracing::info!(component = %id, "{path} done");
                }
                Ok(status) => {
                    let status = status.as_u16();
                    tracing::error!(component = %id, attempt, "{path} returned {status}");
                }
                Err(error) => tracing::error!(component = %id, attempt, "{path}: {error}"),
            }
            if attempt < ATTEMPTS_MAX {
                tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
            }
        }
    }
}
