//! Purge: what has grown old goes, except for the only copy of something.
