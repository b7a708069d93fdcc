//! What channels tell in metrics.

use super::Channels;
use crate::presentation::InputIndex;
use crate::telemetry::metrics::{Metric, MetricKind, Sample};

impl Channels {
    /// The metrics of all running channels.
    ///
    /// `ActiveInput` of CloudWatch (MediaPackage user guide, "Live metrics") and the switches between inputs. An
    /// endpoint that nobody has played yet has none.
    pub fn metrics(&self) -> Vec<Metric> {
        let catalogue = self.catalogue.load();
        let (mut active_input, mut switches) = (Vec::new(), Vec::new());
        for running in self.all_running() {
            let Some(channel) = catalogue.channel(running.guid()) else { continue };
            let snapshot = running.snapshot();
            for endpoint in catalogue.endpoints_of(&channel.guid) {
                let Some(active) = snapshot.outputs.get(&endpoint.guid).and_then(|output| output.active()) else {
                    continue;
                };
                let labels = vec![
                    ("channel", channel.guid.to_string()),
                    ("channel_id", channel.id.clone()),
                    ("origin_endpoint", endpoint.guid.to_string()),
                    ("origin_endpoint_id", endpoint.id.clone()),
                ];
                for (input, ingest_endpoint) in InputIndex::BOTH.into_iter().zip(&channel.ingest_endpoints) {
                    let mut labels = labels.clone();
                    labels.push(("ingest_endpoint", ingest_endpoint.id.clone()));
                    active_input.push(Sample { labels, value: u64::from(input == active) });
                }
                for (reason, value) in self.switches.counts(&endpoint.guid) {
                    let mut labels = labels.clone();
                    labels.push(("reason", reason.name().to_owned()));
                    switches.push(Sample { labels, value });
                }
            }
        }
        vec![
            Metric {
                name: "mediapackage_active_input",
                help: "1 if the origin endpoint plays the ingest endpoint, else 0.",
                kind: MetricKind::Gauge,
                samples: active_input,
            },
            Metric {
                name: "mediapackage_input_switches_total",
                help: "How often the origin endpoint changed its input since the server started.",
                kind: MetricKind::Counter,
                samples: switches,
            },
        ]
    }
}
