//! Frames arrive as they were sent, however they are cut, or are refused.
