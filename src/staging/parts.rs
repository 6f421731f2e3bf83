//! Names of files that were cut into parts: `NAME_00000`, `NAME_00001`, …

/// Digits of a part's number.
const DIGITS: usize = 5;

/// The name of part `number` of `name`.
pub fn part_name(name: &[u8], number: u64) -> Vec<u8> {
    let mut part = name.to_vec();
    part.extend_from_slice(format!("_{number:0DIGITS$}").as_bytes());
    part
}

/// The file of which `name` would be a part, and which one.
pub fn whole_name(name: &[u8]) -> Option<(&[u8], u64)> {
    let (whole, number) = name.split_at_checked(name.len().checked_sub(DIGITS + 1)?)?;
    let digits = number.strip_prefix(b"_")?;
    let sound = !whole.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    sound.then_some((whole, number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_part_knows_its_whole() {
        for (name, whole) in [
            ("a_00000", Some(("a", 0))),
            ("x.tar.gz.gpg_00012", Some(("x.tar.gz.gpg", 12))),
            ("a_0000", None),
            ("a_000001", None),
            ("a-00000", None),
            ("_00000", None),
            ("a_0000x", None),
            ("", None),
        ] {
            let found = whole_name(name.as_bytes());
            let found = found.map(|(whole, number)| (std::str::from_utf8(whole).unwrap(), number));
            assert_eq!(found, whole, "{name}");
        }
        assert_eq!(part_name(b"a+b(c", 7), b"a+b(c_00007");
    }
}
