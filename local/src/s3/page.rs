//! One page of a list of keys: prefix, delimiter and where the page before ended.

use std::collections::BTreeMap;
use std::ops::Bound;

/// What is asked for.
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// The last key or common prefix of the page before; it and all it stands for are left out.
    pub(super) after: Option<&'a str>,
    pub(super) max: usize,
}

/// What was found: keys and common prefixes, each in the order of their UTF-8 bytes.
pub(super) struct Page<'a, V> {
    pub(super) items: Vec<(&'a str, &'a V)>,
    pub(super) prefixes: Vec<String>,
    /// Where the next page starts, if there is one.
    pub(super) next: Option<String>,
}

/// Lists a map; takes as many steps as the page has entries, however many keys a common prefix stands for.
pub(super) fn page<'a, V>(map: &'a BTreeMap<String, V>, query: &Query<'_>) -> Page<'a, V> {
    let mut found = Page {
        items: Vec::new(),
        prefixes: Vec::new(),
        next: None,
    };
    if query.max == 0 {
        return found;
    }
    let mut last: Option<String> = None;
    let mut from = match query.after {
        Some(after) if after >= query.prefix => Bound::Excluded(after.to_owned()),
        _ => Bound::Included(query.prefix.to_owned()),
    };
    while let Some((key, value)) = map.range::<String, _>((from, Bound::Unbounded)).next() {
        let Some(rest) = key.strip_prefix(query.prefix) else {
            break;
        };
        let common = query
            .delimiter
            .and_then(|delimiter| {
                Some(query.prefix.len() + rest.find(delimiter)? + delimiter.len())
            })
            .map(|end| &key[..end]);
        let skip = common.is_some() && common == query.after;
        if !skip {
            if found.items.len() + found.prefixes.len() == query.max {
                found.next = last;
                break;
            }
            last = Some(common.unwrap_or(key).to_owned());
            match common {
                Some(common) => found.prefixes.push(common.to_owned()),
                None => found.items.push((key, value)),
            }
        }
        from = match common {
            None => Bound::Excluded(key.clone()),
            Some(common) => match past(common) {
                Some(next) => Bound::Included(next),
                None => break,
            },
        };
    }
    found
}

/// The least text after all that start with `prefix`; UTF-8 sorts as code points do.
fn past(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(keys: &[&str]) -> BTreeMap<String, u8> {
        keys.iter().map(|key| ((*key).to_owned(), 0)).collect()
    }

    fn all(
        map: &BTreeMap<String, u8>,
        prefix: &str,
        delimiter: Option<&str>,
        max: usize,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = page(
                map,
                &Query {
                    prefix,
                    delimiter,
                    after: after.as_deref(),
                    max,
                },
            );
            let mut entries: Vec<String> = page
                .items
                .iter()
                .map(|(key, _)| (*key).to_owned())
                .collect();
            entries.extend(page.prefixes);
            entries.sort();
            assert!(entries.len() <= max);
            found.extend(entries);
            match page.next {
                Some(next) => {
                    assert_eq!(Some(&next), found.last());
                    after = Some(next);
                }
                None => return found,
            }
        }
    }

    #[test]
    fn a_key_beside_a_folder_of_its_name_and_a_folder_that_is_a_key() {
        let map = keys(&["a", "a/", "a/b", "a/c/d", "b/e", "c"]);
        for max in 1..5 {
            assert_eq!(all(&map, "", Some("/"), max), ["a", "a/", "b/", "c"]);
            assert_eq!(all(&map, "a/", Some("/"), max), ["a/", "a/b", "a/c/"]);
            assert_eq!(
                all(&map, "", None, max),
                ["a", "a/", "a/b", "a/c/d", "b/e", "c"]
            );
        }
        assert!(
            page(
                &map,
                &Query {
                    prefix: "",
                    delimiter: None,
                    after: None,
                    max: 0
                }
            )
            .items
            .is_empty()
        );
    }

    #[test]
    fn the_end_of_the_alphabet_ends_the_list() {
        let map = keys(&["\u{10ffff}a", "\u{10ffff}b", "\u{d7ff}/x", "\u{e000}"]);
        assert_eq!(
            all(&map, "", Some("\u{10ffff}"), 1),
            ["\u{d7ff}/x", "\u{e000}", "\u{10ffff}"]
        );
        assert_eq!(past("\u{d7ff}").as_deref(), Some("\u{e000}"));
    }

    proptest! {
        #[test]
        fn pages_are_the_plain_filter_cut_into_pieces(
            names in prop::collection::btree_set("[ab/é]{1,5}", 0..30),
            prefix in "[ab/]{0,2}",
            folders in any::<bool>(),
            max in 1_usize..6,
        ) {
            let map: BTreeMap<String, u8> = names.iter().map(|name| (name.clone(), 0)).collect();
            let mut expected: Vec<String> = names
                .iter()
                .filter_map(|name| {
                    let rest = name.strip_prefix(&prefix)?;
                    Some(match rest.find('/').filter(|_| folders) {
                        Some(at) => format!("{prefix}{}", &rest[..=at]),
                        None => name.clone(),
                    })
                })
                .collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(all(&map, &prefix, folders.then_some("/"), max), expected);
        }
    }
}
