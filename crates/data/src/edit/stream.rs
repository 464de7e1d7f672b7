//! Changing a stream at a key.

use super::Edit;
use crate::value::Whole;
use crate::value::stream::Stream;

impl Edit<'_, Stream> {
    /// The stream, for a change; a new key's begins here.
    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        if self.view().stream().is_none() {
            self.set(Whole::Full(Stream::default()));
        }
        self.full_mut()
    }
}
