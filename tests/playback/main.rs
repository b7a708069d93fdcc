//! From pushed segments to what players fetch: manifests held against texts written by hand, segments read again by
//! other people's readers, and monotony over random histories.

mod ads;
mod cmaf;
mod dash_settings;
mod encoder;
mod filters;
mod harvest;
mod house;
mod http_behaviour;
mod manifests;
mod segments;
mod smooth;
mod time_shift;
