//! The documents as they are in `openapi/<document>/`, embedded.

/// One of Altegio's documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its folder, module and feature (`b2b-v1`).
    pub name: &'static str,
    /// The interface, OpenAPI 3.1: upstream with the overlay's corrections.
    pub interface: &'static str,
    /// The same, lowered to the OpenAPI 3.0 that progenitor reads.
    pub client: &'static str,
    /// Where it comes from: URL, hash, size, date.
    pub source: &'static str,
}

/// The B2B V1 document.
pub const B2B_V1: Document = Document {
    name: "b2b-v1",
    interface: include_str!("../b2b-v1/interface.json"),
    client: include_str!("../b2b-v1/client.json"),
    source: include_str!("../b2b-v1/source.toml"),
};
