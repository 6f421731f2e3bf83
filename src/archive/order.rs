//! The one order of walks, manifests and snapshots.

use std::cmp::Ordering;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Depth first: what is in a directory follows it at once, its entries sorted by the bytes of their names.
/// So `a`, `a/z`, `a.b`: a slash comes before every other byte.
pub fn path_order(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.as_os_str().as_bytes(), b.as_os_str().as_bytes());
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    match (a.get(common), b.get(common)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(a), Some(b)) => rank(a).cmp(&rank(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_directory_follows_it_at_once() {
        let sorted = ["a", "a/b", "a/b/c", "a/b!", "a!", "a!/x", "a.b", "ab", "b"];
        for (at, a) in sorted.iter().enumerate() {
            for (other, b) in sorted.iter().enumerate() {
                assert_eq!(
                    path_order(Path::new(a), Path::new(b)),
                    at.cmp(&other),
                    "{a} {b}"
                );
            }
        }
    }
}
