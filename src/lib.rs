//! OpenMediaPackage: the AWS Elemental MediaPackage API and a just-in-time packager in one binary.
//!
//! # Map of the crate
//!
//! Everything that comes in becomes a *presentation*; everything that goes out is a *rendering* of a
//! *view* of it. A room may use rooms on lower floors only, never its own floor's neighbours and never
//! those above; `tests/architecture.rs` reads every `crate::` path and holds it against this table.
//!
//! | floor | room | job |
//! | --- | --- | --- |
//! | 9 | `cli` | commands |
//! | 8 | `app` | assembling stores, services and workers, and stopping them |
//! | 7 | `server` | listeners, routing of paths to planes, connection limits |
//! | 6 | `jobs` | workers in the background: harvest jobs |
//! | 6 | `console` | health, metrics, reset and the page that plays |
//! | 5 | `api` | the AWS control plane: wire types, validation, answers |
//! | 5 | `ingest` | the encoder's door: WebDAV verbs, digest, pushed playlists and segments |
//! | 5 | `origin` | the player's door: URL → view → rendering, access rules, caches |
//! | 5 | `source` | the encoder that we ship: the built-in loop, restamped and pushed |
//! | 4 | `channels` | the running channels: one writer each, journal first, then an immutable snapshot |
//! | 4 | `packaging` | renderings: HLS, DASH and fMP4 from samples, pure |
//! | 3 | `presentation` | tracks, timeline, input selection, numbering, views, pure |
//! | 3 | `telemetry` | events of channels, endpoints and jobs, and where they go |
//! | 3 | `state` | durable documents behind one trait |
//! | 3 | `media_store` | durable payload and journals |
//! | 2 | `resources` | what the engine must know of a channel or endpoint, and the catalogue |
//! | 2 | `plane` | requests, answers and connections as the server hands them to the planes |
//! | 2 | `manifest` | typed HLS and MPD documents ↔ text, pure |
//! | 1 | `media` | bytes ↔ samples: MPEG-TS, ISO BMFF, codecs, pure |
//! | side | `config` | settings, used by `cli` and `app` |

pub mod api;
pub mod app;
pub mod channels;
pub mod cli;
pub mod config;
pub mod console;
pub mod ingest;
pub mod jobs;
pub mod manifest;
pub mod media;
pub mod media_store;
pub mod origin;
pub mod packaging;
pub mod plane;
pub mod presentation;
pub mod resources;
pub mod server;
pub mod source;
pub mod state;
pub mod telemetry;
