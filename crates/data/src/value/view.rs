//! A collection in whichever form it lies.

/// A collection as it is found: packed bytes, or its own structure.
#[derive(Debug)]
pub enum View<'a, K> {
    /// The packed layout of `K`.
    Packed(&'a [u8]),
    /// The structure.
    Full(&'a K),
}

/// A whole collection, as a command that computes one hands it over.
#[derive(Debug)]
pub enum Whole<K> {
    /// In the packed layout of `K`.
    Packed(Vec<u8>),
    /// As its own structure.
    Full(K),
}

impl<K> Whole<K> {
    /// The collection as it stands.
    #[must_use]
    pub fn view(&self) -> View<'_, K> {
        match self {
            Self::Packed(packed) => View::Packed(packed),
            Self::Full(full) => View::Full(full),
        }
    }
}
