//! The search over name, e-mails and phones.

use memchr::memmem::Finder;
use unicase::UniCase;

use crate::fields::FieldReader;
use crate::lead::SourceId;
use crate::page::{Row, Slot, Slots};

/// The attributes that a search looks at. Name, e-mails and phones are all looked at: not only those that a fallback would show.
pub(super) const ATTRIBUTES: [&str; 7] = [
    "first_name",
    "last_name",
    "name",
    "email",
    "emails",
    "phone",
    "phones",
];

/// Digits from which on a search may be a part of a phone.
const PHONE_DIGITS: usize = 4;

/// A search, ready for rows.
#[derive(Debug, Clone)]
pub(super) struct Search {
    folded: Folded,
    digits: Option<Finder<'static>>,
    name: FieldReader,
    emails: [Slot; 2],
    phones: [Slot; 2],
}

impl Search {
    pub(super) fn new(
        text: &str,
        slots: &Slots,
        source: &SourceId,
        slot: impl Fn(&str) -> Slot,
    ) -> Self {
        Self {
            folded: Folded::new(text),
            digits: digits_of_phone(text).map(|digits| Finder::new(&digits).into_owned()),
            name: FieldReader::new("name", slots, source),
            emails: ["email", "emails"].map(&slot),
            phones: ["phone", "phones"].map(&slot),
        }
    }

    pub(super) fn matches(&self, row: &Row, scratch: &mut Vec<u8>) -> bool {
        let name = self.name.read(row, scratch);
        if name.each().any(|name| self.folded.is_in(name.text())) {
            return true;
        }
        let in_mail = |slot: &Slot| {
            let mut each = row.cell(*slot).each();
            each.any(|mail| self.folded.is_in(mail.text()))
        };
        if self.emails.iter().any(in_mail) {
            return true;
        }
        let Some(digits) = &self.digits else {
            return false;
        };
        self.phones.iter().any(|slot| {
            row.cell(*slot).each().any(|phone| {
                let text = phone.text().unwrap_or_default();
                scratch.clear();
                scratch.extend(text.iter().filter(|byte| byte.is_ascii_digit()));
                digits.find(scratch).is_some()
            })
        })
    }
}

/// The digits of a search that reads as a part of a phone: at least 4, and otherwise only ` ()+./-x`.
pub(super) fn digits_of_phone(text: &str) -> Option<Vec<u8>> {
    let reads = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b" ()+./-x".contains(&byte));
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
    (reads && digits.len() >= PHONE_DIGITS).then_some(digits)
}

/// A text to be found whatever the case.
#[derive(Debug, Clone)]
struct Folded {
    text: String,
    // Both cases of the first byte, if the whole is ASCII: then texts in ASCII need no folding.
    first: Option<(u8, u8)>,
    finder: Finder<'static>,
}

impl Folded {
    fn new(text: &str) -> Self {
        let text = UniCase::new(text).to_folded_case();
        let first = text
            .bytes()
            .next()
            .filter(|_| text.is_ascii())
            .map(|byte| (byte, byte.to_ascii_uppercase()));
        Self {
            finder: Finder::new(text.as_bytes()).into_owned(),
            first,
            text,
        }
    }

    fn is_in(&self, text: Option<&[u8]>) -> bool {
        let Some(text) = text else {
            return false;
        };
        if !text.is_ascii() {
            // Other characters may fold to ASCII: 'ß' to "ss", the Kelvin sign to 'k'.
            return std::str::from_utf8(text).is_ok_and(|text| {
                let folded = UniCase::unicode(text).to_folded_case();
                self.finder.find(folded.as_bytes()).is_some()
            });
        }
        let needle = self.text.as_bytes();
        let (Some((lower, upper)), Some(last)) = (self.first, text.len().checked_sub(needle.len()))
        else {
            return false;
        };
        memchr::memchr2_iter(lower, upper, &text[..=last])
            .any(|at| text[at..at + needle.len()].eq_ignore_ascii_case(needle))
    }
}
