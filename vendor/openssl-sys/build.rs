//! Passes on where AWS-LC's headers are, under the name under which libssh2-sys looks for OpenSSL's.

fn main() {
    let include = std::env::vars()
        .find(|(name, _)| name.starts_with("DEP_AWS_LC_") && name.ends_with("_INCLUDE"))
        .expect("aws-lc-sys says where its headers are")
        .1;
    println!("cargo:include={include}");
    println!("cargo:rerun-if-changed=build.rs");
}
