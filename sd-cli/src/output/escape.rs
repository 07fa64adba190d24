//! Escapes text from outside, so that it cannot control the terminal.
//!
//! Container names, images and errors can contain any character. Control characters could move the
//! cursor or trigger responses of the terminal, and bidirectional overrides could disguise a name. All
//! tables and messages are escaped here.

use std::borrow::Cow;
use std::fmt::Write;

/// Replaces every character that controls a terminal with its escape, for example `\u{1b}`.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts_on_terminal) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if acts_on_terminal(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// Escapes the characters of a JSON text that serde prints unchanged but that control a terminal.
///
/// They occur only inside strings, where `\uXXXX` means the same, so the value does not change.
pub(crate) fn printable_json(json: &str) -> Cow<'_, str> {
    // Below the space, only the line breaks of the pretty format occur: serde escapes those in strings.
    let acts = |character| character >= ' ' && acts_on_terminal(character);
    if !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if acts(character) {
            // All of them are in the basic plane, so one escape is enough. Writing to a String cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

fn acts_on_terminal(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Marks, embeddings, overrides and isolates of the bidirectional algorithm.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Some terminals and viewers break lines at line and paragraph separators.
            | '\u{2028}' | '\u{2029}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_unchanged() {
        for text in ["", "atbaker/sd-postgres:latest", "größe 数据 🦀"] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("\u{1b}[2Jx\r\n"), "\\u{1b}[2Jx\\r\\n");
        assert_eq!(printable("a\u{9b}b\u{7f}"), "a\\u{9b}b\\u{7f}");
        assert_eq!(printable("user\u{202e}gpj"), "user\\u{202e}gpj");
        for character in ('\0'..=char::MAX).filter(|character| character.is_control()) {
            assert!(!printable(&character.to_string()).contains(char::is_control));
        }
    }

    #[test]
    fn json_escapes_keep_the_value() {
        let value = vec!["\u{1b}[2J\u{9b}\u{202e}\u{7f}\n", "plain"];
        for json in [
            serde_json::to_string(&value).unwrap(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let safe = printable_json(&json);
            assert!(!safe.contains(|character| character != '\n' && acts_on_terminal(character)));
            assert_eq!(serde_json::from_str::<Vec<String>>(&safe).unwrap(), value);
        }
    }
}
