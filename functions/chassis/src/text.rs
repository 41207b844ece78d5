//! Text that people write and others read.

/// Whether the text shows something and has no invisible characters. These, and characters that
/// change the direction of text, can make a text look like another one, or change the text around
/// it.
pub fn is_visible(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(deceives)
}

/// Control characters, default-ignorable characters of Unicode, and other invisible characters that
/// are used for spoofing.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul fillers, Khmer vowels and
            // Mongolian separators that show nothing.
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{3164}' | '\u{FFA0}'
            // Zero width, and direction: marks, embeddings, overrides, isolates.
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            // The Braille pattern without dots, and selectors of variants.
            | '\u{2800}' | '\u{FE00}'..='\u{FE0F}'
            // Byte order mark, interlinear annotations, controls of shorthand and music, tags.
            | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_all_scripts_is_visible() {
        for text in ["Ada Lovelace", "Žofie Müller-O'Neill", "王小明", "محمد", "João", "नमस्ते", "A"]
        {
            assert!(is_visible(text), "{text}");
        }
    }

    #[test]
    fn invisible_characters_are_refused() {
        for text in ["", "  ", "\u{2003}", "a\nb", "a\u{0}"] {
            assert!(!is_visible(text), "{text:?}");
        }
        for c in [
            '\u{200B}',
            '\u{200D}',
            '\u{200E}',
            '\u{200F}',
            '\u{202A}',
            '\u{202E}',
            '\u{2066}',
            '\u{2069}',
            '\u{061C}',
            '\u{FEFF}',
            '\u{00AD}',
            '\u{2060}',
            '\u{3164}',
            '\u{E0041}',
            '\u{2028}',
            '\u{2800}',
            '\u{FE0F}',
            '\u{1D173}',
        ] {
            assert!(!is_visible(&format!("Ada{c}Lovelace")), "{:04X}", u32::from(c));
        }
    }
}
