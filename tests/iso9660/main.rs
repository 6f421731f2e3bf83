//! ISO 9660 volumes judged by others: xorriso, isoinfo, bsdtar. They, our reader and what was asked for have to agree on
//! every session. Needs the Debian packages xorriso, genisoimage (isoinfo), libarchive-tools (bsdtar); a missing one fails.

#![allow(clippy::unwrap_used, missing_docs)]

mod continued;
mod disc;
mod foreign;
mod hostile;
mod joliet;
mod large;
mod model;
mod property;
mod sessions;
mod strict;
