//! The tutorial, executed: its files are written, its commands run, and what they print compared
//! with the page.

mod application;
mod steps;

use crate::reference;
use application::Application;
use steps::{Step, steps};

const PAGE: &str = "docs/tutorial.md";

#[tokio::test]
async fn the_tutorial_works_as_it_is_written() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        return skipped::because("curl is not installed");
    }
    let mut application = Application::new();
    for step in steps(&crate::pages::text(PAGE)) {
        match step {
            Step::Write { path, text } => application.write(&path, &text),
            Step::Append { path, text } => application.append(&path, &text),
            Step::Replace { path, old, new } => application.replace(&path, &old, &new),
            Step::Start { arguments } => application.start(&arguments).await,
            Step::Run { script, expected } => application.run(&script, &expected).await,
        }
    }
    // Its components have done nearly everything that is measured.
    reference::describes(application.host()).await;
}
