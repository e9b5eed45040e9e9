//! The documents from `openapi/<document>/`, embedded in the crate.

/// One of Altegio's documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document {
    /// The name of its folder and of the `altegio` crate's feature (`b2b-v1`).
    pub name: &'static str,
    /// The text of `interface.json`, in OpenAPI 3.1: the vendor's document with
    /// the overlay's corrections.
    pub interface: &'static str,
    /// The text of `client.json`: the same interface, lowered to OpenAPI 3.0 for
    /// progenitor.
    pub client: &'static str,
    /// The text of `source.toml`: the URL, hash, size, date, and counts of the
    /// vendor's document.
    pub source: &'static str,
}

/// The B2B V1 document.
pub const B2B_V1: Document = Document {
    name: "b2b-v1",
    interface: include_str!("../b2b-v1/interface.json"),
    client: include_str!("../b2b-v1/client.json"),
    source: include_str!("../b2b-v1/source.toml"),
};
