//! Metrics in the text format that Prometheus reads
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4).

use std::fmt::Write;

/// `Content-Type` of [`to_text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether a metric may go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// A value as it is now.
    Gauge,
    /// A count since the server started.
    Counter,
}

/// One value of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What it is the value of, by label.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: u64,
}

/// A metric with all its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Its name; a counter's ends in `_total`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// Whether it may go down.
    pub kind: MetricKind,
    /// Its values; without any the metric is left out.
    pub samples: Vec<Sample>,
}

/// Metrics as text.
pub fn to_text(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        let kind = match metric.kind {
            MetricKind::Gauge => "gauge",
            MetricKind::Counter => "counter",
        };
        let name = metric.name;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
        for sample in &metric.samples {
            let labels = sample.labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value)));
            let _ = writeln!(text, "{name}{{{}}} {}", labels.collect::<Vec<_>>().join(","), sample.value);
        }
    }
    text
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_help_type_and_escaped_labels() {
        let sample = Sample { labels: vec![("a", "say \"x\"\\\n".to_owned()), ("b", "2".to_owned())], value: 7 };
        let metric = Metric { name: "m_total", help: "Ms.", kind: MetricKind::Counter, samples: vec![sample] };
        let empty = Metric { name: "n", help: "Ns.", kind: MetricKind::Gauge, samples: Vec::new() };
        let expected = "# HELP m_total Ms.\n# TYPE m_total counter\nm_total{a=\"say \\\"x\\\"\\\\\\n\",b=\"2\"} 7\n";
        assert_eq!(to_text(&[metric, empty]), expected);
    }
}
