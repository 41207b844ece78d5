//! Any text is parsed without a panic, and its report can be rendered.

use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;
use tessera_manifest::{Errors, Problem, parse, parse_with_profile, warnings};

const SEEDS: [&str; 8] = [
    include_str!("../cases/ok-everything.toml"),
    include_str!("../cases/ok-files.toml"),
    include_str!("../cases/ok-hosts.toml"),
    include_str!("../cases/ok-middleware.toml"),
    include_str!("../cases/ok-profile.toml"),
    include_str!("../cases/ok-version-1.toml"),
    include_str!("../cases/ok-shop.toml"),
    include_str!("../cases/link-cycle.toml"),
];

/// Pieces that change a valid manifest into another or an invalid one.
const PIECES: [&str; 20] = [
    "\"",
    "{{",
    "}}",
    "[",
    "]",
    "é🧺",
    "\r\n",
    "\0",
    "= 1",
    "-1",
    "[component.cart]\n",
    "true",
    "tool.tessera.bridges = \"host\"\n",
    "\\u0000",
    "/...",
    "://",
    "spin_manifest_version = \"1\"\n",
    "..",
    "*",
    "middleware = [{ }]\n",
];

/// Replaces some characters of a text by a piece.
#[derive(Debug, Clone)]
struct Cut {
    at: prop::sample::Index,
    length: usize,
    piece: &'static str,
}

fn cut() -> impl Strategy<Value = Cut> {
    (any::<prop::sample::Index>(), 0usize..12, prop::sample::select(&PIECES[..]))
        .prop_map(|(at, length, piece)| Cut { at, length, piece })
}

fn mutated(seed: &str, cuts: &[Cut]) -> String {
    let mut text: Vec<char> = seed.chars().collect();
    for cut in cuts {
        let start = cut.at.index(text.len() + 1);
        let end = (start + cut.length).min(text.len());
        text.splice(start..end, cut.piece.chars());
    }
    text.into_iter().collect()
}

fn point_into(text: &str, problems: &[Problem]) -> Result<(), TestCaseError> {
    for problem in problems {
        for label in problem.labels() {
            prop_assert!(text.get(label.span.clone()).is_some(), "{problem}: {:?}", label.span);
        }
    }
    Ok(())
}

fn parses(text: &str) -> Result<(), TestCaseError> {
    for profile in [None, Some("debug")] {
        let errors = match parse_with_profile(Path::new("/app/spin.toml"), text, profile) {
            Ok(app) => app.origin.errors(warnings(&app)),
            Err(errors) => {
                prop_assert!(!errors.problems().is_empty(), "an error without a problem");
                Some(errors)
            }
        };
        errors.map_or(Ok(()), |errors| is_readable(text, &errors))?;
    }
    Ok(())
}

fn is_readable(text: &str, errors: &Errors) -> Result<(), TestCaseError> {
    point_into(text, errors.problems())?;
    let mut report = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    handler.render_report(&mut report, errors).unwrap();
    let texts = [errors.to_string(), format!("{errors:#}")];
    prop_assert!(texts.iter().all(|text| !text.is_empty()));
    Ok(())
}

/// Rules that follow references do not go deeper than the stack.
#[test]
fn a_chain_of_too_many_components_is_refused() {
    let mut text = "spin_manifest_version = 2\napplication.name = \"a\"\ntrigger = {}\n".to_owned();
    for n in 0..=tessera_manifest::COMPONENTS_MAX / 2 {
        let next = n + 1;
        text += &format!(
            "[component.c{n}]\nsource = \"c\"\ndependencies.\"a:a/a\" = {{ component = \"b{next}\" }}\n\
             [component.b{n}]\nsource = \"b\"\ntool.tessera.bridges = \"c{n}\"\n"
        );
    }
    let errors = parse(Path::new("/app/spin.toml"), &text).unwrap_err();
    assert!(errors.to_string().contains("more than 1000 components"), "{errors}");
}

proptest! {
    #[test]
    fn a_mutated_manifest_does_not_panic(
        seed in prop::sample::select(&SEEDS[..]),
        cuts in prop::collection::vec(cut(), 1..6),
    ) {
        parses(&mutated(seed, &cuts))?;
    }

    /// Swaps whole values, so that the text stays TOML and the rules are reached.
    #[test]
    fn values_of_other_types_do_not_panic(
        seed in prop::sample::select(&SEEDS[..]),
        line in any::<prop::sample::Index>(),
        value in prop::sample::select(&["1", "\"\"", "[]", "{}", "true", "[\"x\", 1]", "{ private = true }", "1.5", "1979-05-27"][..]),
    ) {
        let mut lines: Vec<String> = seed.lines().map(str::to_owned).collect();
        let line = &mut lines[line.index(seed.lines().count())];
        if let Some((key, _)) = line.split_once(" = ") {
            *line = format!("{key} = {value}");
        }
        parses(&lines.join("\n"))?;
    }

    #[test]
    fn any_text_does_not_panic(text in "\\PC{0,200}") {
        parses(&text)?;
    }
}
