//! Texts and their words, whatever the case.

use unicase::UniCase;

use super::Mode;

/// A text with its case folded (Unicode full case folding).
pub(super) fn fold(text: &str) -> String {
    UniCase::new(text).to_folded_case()
}

/// The words of a folded text: runs of letters, digits, combining marks, `+` and `#` (C++ and C# are not C).
fn words(folded: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '+' | '#' | '\u{300}'..='\u{36F}');
    folded
        .split(move |c| !is_word(c))
        .filter(|word| !word.is_empty())
}

/// Whether a text has words at all.
pub(super) fn has_words(text: &str) -> bool {
    words(text).next().is_some()
}

/// A term, ready to be looked for.
#[derive(Debug, Clone)]
pub(super) struct Phrase {
    mode: Mode,
    folded: String,
    words: Vec<String>,
}

impl Phrase {
    pub(super) fn new(mode: Mode, term: &str) -> Self {
        let folded = fold(term);
        Self {
            mode,
            words: words(&folded).map(str::to_owned).collect(),
            folded,
        }
    }

    /// Whether a folded text meets the term.
    pub(super) fn is_met_by(&self, folded: &str) -> bool {
        match self.mode {
            Mode::Strict => self.folded == folded,
            Mode::Word => {
                let own: Vec<&str> = words(folded).collect();
                own.windows(self.words.len().max(1))
                    .any(|part| part == self.words)
            }
            Mode::Smart => self
                .words
                .iter()
                .all(|word| words(folded).any(|own| own.starts_with(word.as_str()))),
        }
    }
}
