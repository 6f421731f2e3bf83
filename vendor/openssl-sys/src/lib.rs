//! Stands in for the crate `openssl-sys`, of which libssh2-sys needs nothing but a libcrypto to link with and its
//! headers. OpenSSL itself takes perl, make and minutes to build; AWS-LC has the same interface, libssh2 knows it,
//! and a C compiler alone builds it.

extern crate aws_lc_sys;

/// OpenSSL of old had to be told to begin.
pub fn init() {}
