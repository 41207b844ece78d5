//! Contenders under the same load, in turns.
//!
//! Machines get slower and faster while a benchmark runs (heat, neighbors). Measuring one
//! contender to its end and then the next would put such a change into the ratio; in turns, each
//! round of all of them sees the same machine, and the median of the rounds leaves out the worst.

use crate::bench::Bench;
use crate::load::in_process::hammer;
use crate::load::{Pace, Request, Sample};
use crate::process::{Process, Usage};
use crate::statistics::{median, spread};
use anyhow::Result;
use serde::Serialize;
use std::time::Duration;

/// A host under measurement.
#[derive(Debug)]
pub(crate) struct Contender {
    /// As it stands in the table.
    pub(crate) name: String,
    /// Where it answers: scheme, host and port, and a path if it has one, without `/` at the end.
    pub(crate) url: String,
    /// Its processes: all of them count for processor time and memory.
    pub(crate) processes: Vec<Process>,
    /// The folder with its state, which goes with it.
    pub(crate) state: Option<tempfile::TempDir>,
}

impl Contender {
    /// What all its processes have used.
    pub(crate) fn usage(&self) -> Usage {
        let used = self.processes.iter().map(Process::usage);
        used.fold(Usage::default(), |sum, usage| Usage {
            processor_seconds: sum.processor_seconds + usage.processor_seconds,
            memory_peak_mib: sum.memory_peak_mib + usage.memory_peak_mib,
            memory_mib: sum.memory_mib + usage.memory_mib,
        })
    }
}

/// One round of one contender: what the generator saw and what the contender used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    /// What the generator saw.
    pub(crate) sample: Sample,
    /// Time on processors, in seconds.
    pub(crate) processor_seconds: f64,
    /// The largest resident size of the round, in MiB.
    pub(crate) memory_peak_mib: f64,
}

impl Round {
    /// Has `load` done to a contender, and says what that cost.
    pub(crate) async fn of(
        contender: &Contender,
        load: impl Future<Output = Result<Sample>>,
    ) -> Result<Round> {
        contender.processes.iter().for_each(Process::forget_memory_peak);
        let before = contender.usage();
        let sample = load.await?;
        let after = contender.usage();
        let processor_seconds = after.processor_seconds - before.processor_seconds;
        Ok(Round { sample, processor_seconds, memory_peak_mib: after.memory_peak_mib })
    }

    /// The same for something in this process, called by this number of tasks.
    pub(crate) async fn in_process<F, Fut>(tasks: usize, time: Duration, call: F) -> Result<Round>
    where
        F: Fn(usize, usize) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send,
    {
        let this = [std::process::id()];
        let before = Usage::of(&this);
        let sample = hammer(tasks, time, call).await?;
        let after = Usage::of(&this);
        let processor_seconds = after.processor_seconds - before.processor_seconds;
        Ok(Round { sample, processor_seconds, memory_peak_mib: after.memory_peak_mib })
    }
}

/// The medians of one contender at one load.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// Who.
    pub(crate) name: String,
    /// The load: requests at the same time, or requests per second, as the row says.
    pub(crate) load: usize,
    /// Requests answered with success per second.
    pub(crate) requests_per_second: f64,
    /// (largest − smallest) / median of that, over the rounds.
    pub(crate) spread: f64,
    /// Time to the answer, in milliseconds.
    pub(crate) p50_ms: f64,
    /// Of 100 requests one takes longer.
    pub(crate) p99_ms: f64,
    /// Of 1,000 requests one takes longer.
    pub(crate) p999_ms: f64,
    /// Time on processors for 1,000 requests, in seconds.
    pub(crate) processor_seconds_per_1000: f64,
    /// The largest resident size, in MiB.
    pub(crate) memory_peak_mib: f64,
    /// Requests that failed, in all rounds together.
    pub(crate) errors: u64,
}

impl Figures {
    /// The medians of these rounds.
    pub(crate) fn of(name: &str, load: usize, rounds: &[Round]) -> Figures {
        let all = |value: fn(&Round) -> f64| -> Vec<f64> { rounds.iter().map(value).collect() };
        let middle = |value: fn(&Round) -> f64| median(&all(value));
        Figures {
            name: name.to_owned(),
            load,
            requests_per_second: middle(|round| round.sample.requests_per_second),
            spread: spread(&all(|round| round.sample.requests_per_second)),
            p50_ms: middle(|round| round.sample.p50_ms),
            p99_ms: middle(|round| round.sample.p99_ms),
            p999_ms: middle(|round| round.sample.p999_ms),
            processor_seconds_per_1000: middle(|round| {
                round.processor_seconds * 1000.0 / (round.sample.requests as f64).max(1.0)
            }),
            memory_peak_mib: all(|round| round.memory_peak_mib).into_iter().fold(0.0, f64::max),
            errors: rounds.iter().map(|round| round.sample.errors).sum(),
        }
    }
}

/// All contenders under closed-loop load, at each concurrency of the settings: figures by
/// concurrency, then in the order of the contenders. `request` makes the request from a
/// contender's URL.
pub(crate) async fn closed(
    bench: &Bench,
    contenders: &[Contender],
    request: impl Fn(&str) -> Request,
) -> Result<Vec<Figures>> {
    let mut figures = Vec::new();
    for &connections in &bench.settings.concurrencies {
        let load = async |contender: &Contender, duration| {
            let request = request(&contender.url);
            bench.generator.run(&request, Pace::Closed { connections }, duration).await
        };
        figures.extend(in_turns(bench, contenders, connections, load).await?);
    }
    Ok(figures)
}

/// All contenders under some load, in turns: the medians in the order of the contenders. `load`
/// puts a contender under load for this time; it runs once for each before the rounds that count.
pub(crate) async fn in_turns(
    bench: &Bench,
    contenders: &[Contender],
    load: usize,
    run: impl AsyncFn(&Contender, Duration) -> Result<Sample>,
) -> Result<Vec<Figures>> {
    let warm_up = Duration::from_secs(bench.settings.warm_up_seconds);
    for contender in contenders {
        run(contender, warm_up).await?;
    }
    let mut rounds = vec![Vec::new(); contenders.len()];
    for _ in 0..bench.settings.rounds {
        for (contender, rounds) in contenders.iter().zip(&mut rounds) {
            let load = run(contender, bench.settings.duration());
            rounds.push(Round::of(contender, load).await?);
        }
    }
    let medians = contenders.iter().zip(&rounds);
    let figures: Vec<Figures> =
        medians.map(|(contender, rounds)| Figures::of(&contender.name, load, rounds)).collect();
    for figures in &figures {
        eprintln!("    {}", figures.line());
    }
    Ok(figures)
}

impl Figures {
    /// In one line, for people who watch.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:>5} × {:<28} {:>9.0}/s ± {:>2.0} %  p50 {:>7.2}  p99 {:>7.2}  p99.9 {:>7.2} ms  \
             {:>6.3} CPU s/1000  {:>5.0} MiB  {} errors",
            self.load,
            self.name,
            self.requests_per_second,
            self.spread * 50.0,
            self.p50_ms,
            self.p99_ms,
            self.p999_ms,
            self.processor_seconds_per_1000,
            self.memory_peak_mib,
            self.errors
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(requests_per_second: f64, errors: u64) -> Round {
        let sample = Sample { requests: 2_000, requests_per_second, errors, ..Sample::default() };
        Round { sample, processor_seconds: 0.5, memory_peak_mib: requests_per_second }
    }

    #[test]
    fn figures_are_medians_but_no_error_and_no_peak_is_lost() {
        let rounds = [round(100.0, 0), round(10.0, 3), round(120.0, 1)];
        let figures = Figures::of("ours", 32, &rounds);
        assert_eq!(figures.requests_per_second, 100.0);
        assert_eq!(figures.spread, 1.1);
        assert_eq!(figures.processor_seconds_per_1000, 0.25);
        assert_eq!(figures.memory_peak_mib, 120.0);
        assert_eq!(figures.errors, 4);
    }
}
