//! Acknowledged events survive a crash of the process.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use tessera_events::{Log, Outcome, Subscription, embedded::Embedded};

use crate::harness::{Folder, Subscribers, batching, event, quick, settled, subscription};

/// The number of consecutive crashes, each with the file of the previous one.
const KILLS: usize = 6;

/// The number of acknowledged publications before a child is killed.
const PUBLISHED_BEFORE_KILL: usize = 150;

const PRODUCERS: usize = 8;

/// The file of a child.
const FILE_VARIABLE: &str = "TESSERA_EVENTS_TEST_FILE";

fn subscriptions() -> Vec<Subscription> {
    vec![subscription("singles"), batching("batches", 5)]
}

/// The output of the children.
#[derive(Default)]
struct Output {
    published: BTreeSet<String>,
    /// Subscription and id, in the order in which they were done.
    delivered: Vec<(String, String)>,
}

#[tokio::test]
async fn acknowledged_events_survive_a_kill_and_are_delivered() {
    let folder = Folder::new();
    let mut output = Output::default();
    for _ in 0..KILLS {
        run_until_killed(&folder, &mut output);
    }
    assert_complete(&folder, &output).await;
}

/// The file operation at which the power fails. Opening the log takes some of them.
const CUTS: [usize; 5] = [120, 200, 333, 700, 1_500];

/// Loses all unsynced data, with a preloaded library.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn acknowledged_events_survive_a_power_cut_and_are_delivered() {
    let tools = tempfile::tempdir().unwrap();
    let library = tools.path().join("power_loss.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../storage/tests/power_loss.c");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let flags = ["-shared", "-fPIC", "-O1", "-o"];
    let mut compiler = Command::new(compiler);
    compiler.args(flags).arg(&library).args([source, "-ldl"]);
    assert!(compiler.status().expect("a C compiler").success());
    for seed in 0..3 {
        let (folder, mut output) = (Folder::new(), Output::default());
        let root = folder.path().parent().unwrap().canonicalize().unwrap();
        for cut in CUTS {
            let mut child = child_in(&folder);
            child.env("LD_PRELOAD", &library).env("POWER_ROOT", &root);
            child.env("POWER_OFF_AT", cut.to_string()).env("POWER_SEED", seed.to_string());
            listen(child, &mut output, usize::MAX);
        }
        assert!(output.published.len() > 20, "{} events are too few", output.published.len());
        assert_complete(&folder, &output).await;
    }
}

/// All acknowledged events exist and are delivered.
async fn assert_complete(folder: &Folder, output: &Output) {
    let log = folder.open(quick(), &subscriptions()).await;
    let mut kept = log.read(0, 500).await.unwrap();
    while let Some(last) = kept.last() {
        let more = log.read(last.position, 500).await.unwrap();
        if more.is_empty() {
            break;
        }
        kept.extend(more);
    }
    let ids = kept.iter().map(|entry| entry.event.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(ids.len(), kept.len(), "an event is there twice");
    assert!(output.published.is_subset(&ids), "an acknowledged event is lost");
    assert_pairs_are_whole(&ids);

    let rest = Subscribers::content();
    let _handle = rest.start(&log);
    for name in ["singles", "batches"] {
        settled(&log, name).await;
        let seen = rest.seen().into_iter().filter(|seen| seen.subscription == name);
        let by_children = output.delivered.iter().filter(|(subscription, _)| subscription == name);
        let all = by_children.map(|(_, id)| id.clone()).chain(seen.flat_map(|seen| seen.ids));
        assert_order_and_completeness(all.collect(), &ids);
    }
}

fn assert_pairs_are_whole(ids: &BTreeSet<String>) {
    for id in ids {
        let (key, number) = id.split_once('.').unwrap();
        let number = number.parse::<u64>().unwrap();
        let partner = if number % 2 == 1 { number + 1 } else { number - 1 };
        assert!(
            ids.contains(&format!("{key}.{partner}")),
            "only half of a publication has survived"
        );
    }
}

/// All events arrive, and for the first time in the order of their key.
fn assert_order_and_completeness(all: Vec<String>, ids: &BTreeSet<String>) {
    let mut last = std::collections::HashMap::<String, u64>::new();
    for id in &all {
        let (key, number) = id.split_once('.').unwrap();
        let number = number.parse::<u64>().unwrap();
        let seen = last.entry(key.to_owned()).or_default();
        assert!(number <= *seen + 1, "{id} came before the one before it");
        *seen = (*seen).max(number);
    }
    let delivered = all.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(&delivered, ids);
}

/// Starts a child and kills it with SIGKILL.
fn run_until_killed(folder: &Folder, output: &mut Output) {
    let published = listen(child_in(folder), output, PUBLISHED_BEFORE_KILL);
    assert!(published >= PUBLISHED_BEFORE_KILL);
}

fn child_in(folder: &Folder) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["crash::child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FILE_VARIABLE, folder.path())
        .stdout(Stdio::piped());
    child
}

/// Reads the output of a child until it ends; kills it after a number of publications.
fn listen(mut child: Command, output: &mut Output, killed_after: usize) -> usize {
    let mut child = child.spawn().unwrap();
    let mut published = 0;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        // An incomplete line is ignored.
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["published", one, other, "ok"] => {
                output.published.extend([one.to_owned(), other.to_owned()]);
                published += 1;
            }
            ["delivered", subscription, id, "ok"] => {
                output.delivered.push((subscription.to_owned(), id.to_owned()));
            }
            _ => {}
        }
        if published == killed_after {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success(), "the child has ended normally");
    published
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "is started, and killed, by another test"]
async fn child() {
    let file = PathBuf::from(std::env::var_os(FILE_VARIABLE).expect("started by another test"));
    let log = Embedded::open(&file, quick(), subscriptions()).unwrap();
    // End the line of the test runner.
    println!();
    let subscribers = Subscribers::new(|delivery| {
        let said = delivery
            .entries
            .iter()
            .map(|entry| format!("delivered {} {} ok\n", delivery.subscription, entry.event.id));
        print!("{}", said.collect::<String>());
        Outcome::Done
    });
    let _handle = subscribers.start(&log);
    let producers = (0..PRODUCERS).map(|producer| publish_for_ever(log.clone(), producer));
    futures::future::join_all(producers.map(tokio::spawn)).await;
}

/// Continues after the last event of this producer.
async fn publish_for_ever(log: Embedded, producer: usize) {
    let key = format!("p{producer}");
    for number in (1..).step_by(2) {
        let pair = vec![event(&key, number), event(&key, number + 1)];
        log.publish(pair).await.unwrap();
        println!("published {key}.{number} {key}.{} ok", number + 1);
    }
}
