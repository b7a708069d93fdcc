//! The OpenAPI documents in `openapi/` are what the code says.
//!
//! `UPDATE_OPENAPI=1 cargo test --test openapi` writes them anew.

use std::fs;

#[test]
fn the_document_of_the_live_api_is_current() {
    let path = "openapi/mediapackage.json";
    let generated = openmediapackage::api::live::openapi().expect("the document can be written");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(path, &generated).expect("the document is written");
    }
    let stored = fs::read_to_string(path).unwrap_or_default();
    assert!(stored == generated, "{path} is not current; run: UPDATE_OPENAPI=1 cargo test --test openapi");
}
