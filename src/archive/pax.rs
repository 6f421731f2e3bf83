//! Records of a PAX extended header (POSIX.1-2017, pax, "Extended Header"): `LENGTH KEY=VALUE\n`, where
//! LENGTH counts the whole record, its own digits included.

/// Appends a record. `value` may be any bytes.
pub fn record(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let rest = key.len() + value.len() + 3; // space, `=`, newline
    let mut length = rest + 1;
    while length != rest + digits(length) {
        length = rest + digits(length);
    }
    out.extend_from_slice(length.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// Key and value of each record of `text`; `None` for a record that is not sound, after which nothing
/// follows.
pub fn records(text: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let split = split(rest);
        rest = split.map_or(&[][..], |(_, after)| after);
        Some(split.map(|(record, _)| record))
    })
}

/// Key, value; what follows.
type Split<'a> = ((&'a [u8], &'a [u8]), &'a [u8]);

fn split(text: &[u8]) -> Option<Split<'_>> {
    let space = text.iter().take(20).position(|&byte| byte == b' ')?;
    let length: usize = std::str::from_utf8(&text[..space]).ok()?.parse().ok()?;
    if length <= space + 1 || length > text.len() {
        return None;
    }
    let (record, after) = text.split_at(length);
    let body = record[space + 1..].strip_suffix(b"\n")?;
    let equals = body.iter().position(|&byte| byte == b'=')?;
    Some(((&body[..equals], &body[equals + 1..]), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_digits() {
        for length in (0..120).chain(950..1010).chain(99_980..100_000) {
            let value = vec![b'\n'; length];
            let mut text = Vec::new();
            record(b"path", &value, &mut text);
            record(b"size", b"=1=", &mut text);
            let read: Vec<_> = records(&text).collect();
            assert_eq!(
                read,
                [Some((&b"path"[..], &value[..])), Some((b"size", b"=1="))]
            );
        }
    }

    #[test]
    fn an_unsound_record_is_the_last_one() {
        for text in [
            &b"6 a=b\n9"[..],
            b"6 a=b\n0 a=b\n",
            b"6 a=b\n99 a=b\n",
            b"6 a=b\n6 a=bx",
            b"6 a=b\n5 ab\n",
            b"6 a=b\n-6 a=b\n",
            b"6 a=b\n99999999999999999999999 a=b\n",
        ] {
            let read: Vec<_> = records(text).collect();
            assert_eq!(read, [Some((&b"a"[..], &b"b"[..])), None], "{text:?}");
        }
    }
}
