//! Which traces are exported: decided at their first span, by the rules of OpenTelemetry.
//! <https://opentelemetry.io/docs/specs/otel/trace/sdk/#sampling>

use crate::telemetry::TraceContext;

/// The values of `OTEL_TRACES_SAMPLER`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampler {
    /// Whether a span does as its parent does. Otherwise, the rule applies to each span.
    pub(crate) parent_based: bool,
    pub(crate) rule: Rule,
}

/// Which traces are recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    All,
    None,
    /// This share of them, from 0 to 1.
    Share(f64),
}

/// As the specification has it.
impl Default for Sampler {
    fn default() -> Self {
        Self { parent_based: true, rule: Rule::All }
    }
}

impl Sampler {
    /// Whether a span within this context is recorded.
    pub(crate) fn samples(self, parent: &TraceContext) -> bool {
        if self.parent_based && parent.span_id != 0 {
            return parent.is_sampled();
        }
        match self.rule {
            Rule::All => true,
            Rule::None => false,
            // The same function of the id as in other implementations, so that processes with the
            // same share choose the same traces.
            Rule::Share(share) => {
                let bound = (share.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64;
                (parent.trace_id as u64) >> 1 < bound
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(flags: &str) -> TraceContext {
        let parent = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        TraceContext::of_parent(Some(&parent))
    }

    #[test]
    fn a_trace_of_others_is_recorded_as_they_decided() {
        let sampler = Sampler { parent_based: true, rule: Rule::None };
        assert!(sampler.samples(&remote("01")));
        assert!(!Sampler::default().samples(&remote("00")));
        assert!(Sampler::default().samples(&TraceContext::root()));
        assert!(!sampler.samples(&TraceContext::root()));
    }

    #[test]
    fn without_parents_the_rule_decides_alone() {
        let all = Sampler { parent_based: false, rule: Rule::All };
        let none = Sampler { parent_based: false, rule: Rule::None };
        assert!(all.samples(&remote("00")) && !none.samples(&remote("01")));
    }

    #[test]
    fn a_share_of_the_traces_is_recorded() {
        let count = |share| {
            let sampler = Sampler { parent_based: true, rule: Rule::Share(share) };
            (0..1_000).filter(|_| sampler.samples(&TraceContext::root())).count()
        };
        assert_eq!((count(0.0), count(1.0)), (0, 1_000));
        let half = count(0.5);
        assert!((350..650).contains(&half), "{half}");
    }
}
