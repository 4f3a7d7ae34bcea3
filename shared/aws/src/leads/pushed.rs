//! Tests of attributes as DynamoDB takes them: a filter expression, so that leads that cannot match are not sent.
//!
//! What is left out is read and paid for like the rest ("A filter expression is applied after a Query finishes, but before the results
//! are returned": Query API); saved are its way and its decoding. Comparisons between types, and with what is not there, are false
//! and no errors, so that `NOT` makes them pass (Developer Guide, "Condition and filter expressions, operators, and functions").

use std::cmp::Ordering;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use lead_export_core::filter::{Literal, Pushed};

use crate::item::names;

/// Bytes of an expression at most. DynamoDB takes 4 KB and 300 operators or functions ("Service, account, and table quotas"); the
/// densest that we write, `(NOT #f0 < :f0) AND `, are three in 20 bytes.
const EXPRESSION_BYTES: usize = 2000;

/// Adds the tests to a Query, as far as they fit: every one may be left away.
pub(super) fn filtered(call: QueryFluentBuilder, pushed: &[Pushed]) -> QueryFluentBuilder {
    let mut written = Written::default();
    for one in pushed {
        written.add(one);
    }
    if written.expression.is_empty() {
        return call;
    }
    let names = written.names.into_iter().enumerate();
    let call = names.fold(call, |call, (number, name)| {
        call.expression_attribute_names(format!("#f{number}"), name)
    });
    let values = written.values.into_iter().enumerate();
    let call = values.fold(call, |call, (number, value)| {
        call.expression_attribute_values(format!(":f{number}"), value)
    });
    call.filter_expression(written.expression)
}

/// An expression, and what its placeholders stand for, by their numbers.
#[derive(Debug, Default)]
struct Written {
    expression: String,
    names: Vec<String>,
    values: Vec<AttributeValue>,
}

impl Written {
    fn add(&mut self, pushed: &Pushed) {
        // Such an expression "can only contain non-primary key attributes".
        let is_key = |name: &String| [names::PK, names::SK].contains(&name.as_str());
        if pushed.attributes().iter().any(is_key) {
            return;
        }
        let (names, values) = (self.names.len(), self.values.len());
        let text = self.test(pushed);
        if self.expression.len() + text.len() > EXPRESSION_BYTES {
            // A placeholder that is not used would be refused.
            self.names.truncate(names);
            self.values.truncate(values);
            return;
        }
        if !self.expression.is_empty() {
            self.expression.push_str(" AND ");
        }
        self.expression.push_str(&text);
    }

    fn test(&mut self, pushed: &Pushed) -> String {
        match pushed {
            Pushed::There(names) => {
                let there = names.iter().map(|name| {
                    let name = self.name(name);
                    format!("attribute_exists({name})")
                });
                any(&there.collect::<Vec<_>>())
            }
            Pushed::Not(name, order, literal) => {
                let name = self.name(name);
                let value = self.value(match literal {
                    Literal::Text(text) => AttributeValue::S(text.clone()),
                    Literal::Number(number) => AttributeValue::N(number.to_string()),
                    Literal::Bool(value) => AttributeValue::Bool(*value),
                });
                let is = match order {
                    Ordering::Less => "<",
                    Ordering::Equal => "=",
                    Ordering::Greater => ">",
                };
                format!("(NOT {name} {is} {value})")
            }
            Pushed::Among(name, ranges) => {
                let name = self.name(name);
                let text = self.text("S");
                let mut ways = vec![format!("NOT attribute_type({name}, {text})")];
                ways.extend(ranges.iter().map(|(from, to)| {
                    let from = self.text(from);
                    match to {
                        Some(to) => format!("{name} BETWEEN {from} AND {}", self.text(to)),
                        None => format!("{name} >= {from}"),
                    }
                }));
                any(&ways)
            }
        }
    }

    fn name(&mut self, name: &str) -> String {
        self.names.push(name.to_owned());
        format!("#f{}", self.names.len() - 1)
    }

    fn text(&mut self, text: &str) -> String {
        self.value(AttributeValue::S(text.to_owned()))
    }

    fn value(&mut self, value: AttributeValue) -> String {
        self.values.push(value);
        format!(":f{}", self.values.len() - 1)
    }
}

/// One of these; in parentheses only where there are several, since DynamoDB refuses those that change nothing.
fn any(ways: &[String]) -> String {
    match ways {
        [way] => way.clone(),
        ways => format!("({})", ways.join(" OR ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lead_export_core::input::Decimal;

    fn written(tests: &[Pushed]) -> Written {
        let mut written = Written::default();
        for test in tests {
            written.add(test);
        }
        written
    }

    #[test]
    fn tests_are_written_as_conditions() {
        let key = || "status".to_owned();
        let number = Literal::Number(Decimal::parse("5e3").unwrap());
        let written = written(&[
            Pushed::There(vec![key()]),
            Pushed::There(vec!["email".into(), "emails".into()]),
            Pushed::Not(key(), Ordering::Less, number),
            Pushed::Not(key(), Ordering::Equal, Literal::Bool(true)),
            Pushed::Not(key(), Ordering::Greater, Literal::Text(" ".into())),
            Pushed::Among(
                key(),
                vec![("S".into(), Some("T".into())), ("\u{80}".into(), None)],
            ),
        ]);
        assert_eq!(
            written.expression,
            "attribute_exists(#f0) AND (attribute_exists(#f1) OR attribute_exists(#f2)) AND (NOT #f3 < :f0) AND (NOT #f4 = :f1) \
             AND (NOT #f5 > :f2) AND (NOT attribute_type(#f6, :f3) OR #f6 BETWEEN :f4 AND :f5 OR #f6 >= :f6)"
        );
        assert_eq!(written.names[..3], ["status", "email", "emails"]);
        assert_eq!(written.values[0], AttributeValue::N("5E3".into()));
        assert_eq!(written.values.len(), 7);
    }

    #[test]
    fn an_expression_is_no_longer_than_can_be_asked_and_names_nothing_that_it_does_not_use() {
        let range = |number: u32| (format!("{number}"), None);
        let of = |count: u32| Pushed::Among("a".into(), (0..count).map(range).collect());
        let there = |name: &str| Pushed::There(vec![name.to_owned()]);
        let written = written(&[
            there("x"),
            of(500),
            there("PK"),
            of(100),
            of(100),
            there("y"),
        ]);
        assert!(written.expression.len() <= EXPRESSION_BYTES + 5);
        assert!(written.expression.contains("attribute_exists(#f2)"));
        assert_eq!(written.names, ["x", "a", "y"]);
        assert_eq!(written.values.len(), 101);
        let operators =
            written.expression.matches(" OR ").count() + written.expression.matches(" >= ").count();
        assert!((200..300).contains(&operators), "{operators}");
    }
}
