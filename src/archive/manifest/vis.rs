//! Names in mtree(5): bytes that could mean something are written as `\ooo`, three octal digits, which
//! every reader of vis(3) text understands. Other escapes of vis(3) are read as well.

/// Appends `bytes` to `out`. Letters, digits and `._-/+@%^` stay; everything else is escaped, wildcards,
/// commas and equals signs among them.
pub fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"._-/+@%^".contains(&byte) {
            out.push(byte);
        } else {
            let digit = |shift: u8| b'0' + ((byte >> shift) & 7);
            out.extend_from_slice(&[b'\\', digit(6), digit(3), digit(0)]);
        }
    }
}

/// The bytes that `text` stands for; `None` if it holds an escape that is not known.
pub fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&kind, after) = rest.split_first()?;
        if let (b'0'..=b'3', Some(&[b @ b'0'..=b'7', c @ b'0'..=b'7'])) = (kind, after.get(..2)) {
            bytes.push((kind - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = &after[2..];
            continue;
        }
        rest = after;
        bytes.push(match kind {
            b'\\' | b'#' => kind,
            b's' => b' ',
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'v' => 11,
            b'f' => 12,
            _ => return None,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_byte_survives() {
        let all: Vec<u8> = (0..=255).collect();
        let mut text = Vec::new();
        escape(&all, &mut text);
        assert!(text.iter().all(u8::is_ascii_graphic));
        assert_eq!(unescape(&text).unwrap(), all);
    }

    #[test]
    fn escapes_of_other_writers_are_read_and_unknown_ones_are_not_guessed() {
        assert_eq!(unescape(br"a\sb\#\\\040").unwrap(), b"a b#\\ ");
        for unsound in [&br"\"[..], br"\x", br"\04", br"\477", br"\M-a"] {
            assert_eq!(unescape(unsound), None, "{unsound:?}");
        }
    }
}
