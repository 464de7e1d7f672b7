//! What the decoder promises: the same requests however the bytes are cut, and no panic on garbage.
