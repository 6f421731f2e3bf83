//! Bytes into text: UTF-8, or ISO-8859-1 if the prolog says so; everything else is refused by name.
//!
//! What is UTF-8 is read as that whatever the prolog says: so did Cedar Backup 3, and hardly any other text happens to be
//! UTF-8. Where that decides something, it is told.

/// Why bytes are no text that can be read, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct NotText {
    /// Offset of the first byte in question.
    pub(in crate::config) at: usize,
    pub(in crate::config) message: String,
    pub(in crate::config) right: String,
}

const CONVERT: &str = "convert the file to UTF-8, and say so in its first line";

/// The text that `bytes` stand for, without a byte order mark.
pub(in crate::config) fn decode(bytes: &[u8]) -> Result<String, NotText> {
    let fault = |at, message: String, right: &str| {
        Err(NotText {
            at,
            message,
            right: right.to_owned(),
        })
    };
    if matches!(
        bytes,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'<', ..] | [b'<', 0, ..]
    ) {
        return fault(0, "the file is encoded in UTF-16".to_owned(), CONVERT);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text.to_owned()),
        Err(error) => error,
    };
    let declared = declared(bytes).unwrap_or("UTF-8");
    match declared.to_ascii_lowercase().as_str() {
        "iso-8859-1" | "iso_8859-1" | "latin1" | "latin-1" => {
            return Ok(bytes.iter().copied().map(char::from).collect());
        }
        "utf-8" | "utf8" | "us-ascii" | "ascii" => {}
        _ => {
            return fault(
                0,
                format!(
                    "the first line declares the encoding `{}`, which is not read",
                    declared.escape_debug()
                ),
                CONVERT,
            );
        }
    }
    fault(
        error.valid_up_to(),
        format!(
            "the byte 0x{:02X} is not {declared}",
            bytes[error.valid_up_to()]
        ),
        "convert the file to UTF-8, or declare `encoding=\"ISO-8859-1\"` in its first line",
    )
}

/// The encoding that the XML declaration of `text` names, if it is another one than that of its letters.
pub(in crate::config) fn mislabelled(text: &str) -> Option<&str> {
    let declared = declared(text.as_bytes())?;
    let plain = matches!(declared.to_ascii_lowercase().as_str(), "utf-8" | "utf8");
    (!plain && !text.is_ascii()).then_some(declared)
}

/// The encoding that the XML declaration names.
fn declared(bytes: &[u8]) -> Option<&str> {
    let prolog = bytes.strip_prefix(b"<?xml")?;
    let end = prolog.windows(2).take(512).position(|pair| pair == b"?>")?;
    let prolog = std::str::from_utf8(&prolog[..end]).ok()?;
    let (_, rest) = prolog.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest[1..].split(quote).next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_declared_encoding_decides() {
        for (bytes, text) in [
            (&b"<a>x</a>"[..], Some("<a>x</a>")),
            (b"\xef\xbb\xbf<a/>", Some("<a/>")),
            (
                b"<?xml version='1.0' encoding='latin1'?><a>\xe4</a>",
                Some("<?xml version='1.0' encoding='latin1'?><a>\u{e4}</a>"),
            ),
            (
                b"<?xml version=\"1.0\" encoding = \"UTF-8\"?><a>\xc3\xa4</a>",
                Some("<?xml version=\"1.0\" encoding = \"UTF-8\"?><a>\u{e4}</a>"),
            ),
            (
                b"<?xml version='1.0' encoding='latin1'?><a>\xc3\xa4</a>",
                Some("<?xml version='1.0' encoding='latin1'?><a>\u{e4}</a>"),
            ),
            (
                b"<?xml version='1.0' encoding='KOI8-R'?><a/>",
                Some("<?xml version='1.0' encoding='KOI8-R'?><a/>"),
            ),
            (b"<?xml version='1.0' encoding='KOI8-R'?><a>\xe4</a>", None),
            (b"\xff\xfe<\0a\0", None),
            (b"<\0a\0", None),
            (b"<a>\xe4</a>", None),
        ] {
            assert_eq!(decode(bytes).ok().as_deref(), text, "{bytes:?}");
        }
        let error = decode(b"<a>\xe4</a>").unwrap_err();
        assert_eq!(
            (error.at, error.message.as_str()),
            (3, "the byte 0xE4 is not UTF-8")
        );
    }
}
