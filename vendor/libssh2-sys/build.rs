//! Compiles libssh2 as the crate's own build script does on Unix: with the libcrypto whose headers `openssl-sys` names.

extern crate cc;

use std::env;
use std::fs;
use std::path::PathBuf;

/// The whole library, without what talks to other cryptographic libraries.
const SOURCES: &[&str] = &[
    "agent", "bcrypt_pbkdf", "blowfish", "chacha", "channel", "cipher-chachapoly", "comp", "crypt", "global",
    "hostkey", "keepalive", "kex", "knownhost", "mac", "misc", "openssl", "packet", "pem", "poly1305", "publickey",
    "scp", "session", "sftp", "transport", "userauth", "userauth_kbd_packet", "version",
];

const PRESENT: &[&str] = &[
    "HAVE_EVP_AES_128_CTR", "HAVE_GETTIMEOFDAY", "HAVE_INTTYPES_H", "HAVE_LONGLONG", "HAVE_O_NONBLOCK", "HAVE_POLL",
    "HAVE_SNPRINTF", "HAVE_STDLIB_H", "HAVE_SYS_IOCTL_H", "HAVE_SYS_SELECT_H", "HAVE_SYS_SOCKET_H", "HAVE_SYS_TIME_H",
    "HAVE_SYS_UN_H", "HAVE_UNISTD_H", "LIBSSH2_DH_GEX_NEW", "LIBSSH2_HAVE_ZLIB", "LIBSSH2_OPENSSL",
];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    // Everything that it would say is defined above.
    fs::write(out.join("libssh2_config.h"), "").unwrap();
    let mut library = cc::Build::new();
    for source in SOURCES {
        library.file(format!("libssh2/src/{}.c", source));
    }
    for name in PRESENT {
        library.define(name, None);
    }
    for header in ["DEP_OPENSSL_INCLUDE", "DEP_Z_INCLUDE"].iter() {
        println!("cargo:rerun-if-env-changed={}", header);
        if let Some(paths) = env::var_os(header) {
            library.includes(env::split_paths(&paths));
        }
    }
    library
        .include(&out)
        .include("libssh2/include")
        .include("libssh2/src")
        .flag("-fvisibility=hidden")
        .warnings(false)
        .compile("ssh2");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=libssh2");
}
