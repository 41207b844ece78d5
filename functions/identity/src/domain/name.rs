//! What people may be called.

/// Longest name in characters.
pub const NAME_CHARS_MAX: usize = 200;

/// May this be a name? It is shown to others: invisible characters, and those that turn the order
/// of what stands around them, make one name look like another, or a text like a different one.
pub fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && !name.chars().any(deceives)
}

/// Control characters, and what Unicode calls default-ignorable, with the other invisible ones that
/// are in use for this.
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
    fn names_of_all_scripts_are_names() {
        for name in ["Ada Lovelace", "Žofie Müller-O'Neill", "王小明", "محمد", "João", "नमस्ते", "A"]
        {
            assert!(is_name(name), "{name}");
        }
    }

    #[test]
    fn what_nobody_sees_is_in_no_name() {
        for text in ["", "  ", "\u{2003}", "a\nb", "a\u{0}"] {
            assert!(!is_name(text), "{text:?}");
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
            assert!(!is_name(&format!("Ada{c}Lovelace")), "{:04X}", u32::from(c));
        }
    }
}
