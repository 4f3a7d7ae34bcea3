//! Bodies that a careless reader pays for: too large, too deep, too long, or spelt so that reading them again and again costs most.

/// Their kinds, by the promise that is tried.
pub(crate) const KINDS: [&str; 16] = [
    "lists in lists",
    "objects in objects",
    "closed lists in lists",
    "many members",
    "long list of fields",
    "long list of values",
    "escapes that fold to more",
    "digits",
    "exponent",
    "long name",
    "the same name",
    "list of wrong things",
    "ids",
    "terms",
    "blanks",
    "over every limit",
];

fn joined(most: usize, start: &str, end: &str, item: impl Fn(usize) -> String) -> String {
    let mut body = start.to_owned();
    for number in 0.. {
        let item = item(number);
        if body.len() + item.len() + end.len() + 1 > most {
            break;
        }
        if number > 0 {
            body.push(',');
        }
        body.push_str(&item);
    }
    body + end
}

/// A body of a kind, of at most `most` bytes but for the kind that is over every limit: five MiB. None is a good request.
pub(crate) fn hostile(kind: &str, most: usize) -> String {
    let filled = |start: &str, with: &str, end: &str| {
        let times = (most - start.len() - end.len()) / with.len();
        format!("{start}{}{end}", with.repeat(times))
    };
    match kind {
        "lists in lists" => "[".repeat(most),
        "objects in objects" => "{\"a\":".repeat(most / 5),
        "closed lists in lists" => {
            let deep = (most - 32) / 2;
            let (open, close) = ("[".repeat(deep), "]".repeat(deep));
            format!("{{\"filters\":{open}{close}}}")
        }
        "many members" => joined(most, "{", "}", |number| format!("\"k{number}\":1")),
        "long list of fields" => joined(most, "{\"fields\":[", "]}", |_| "\"nope\"".into()),
        "long list of values" => joined(most, "{\"filters\":{\"status\":[", "]}}", |_| {
            "\"a\"".into()
        }),
        "escapes that fold to more" => filled("{\"filters\":{\"search\":\"", "\\u0130", "\"}}"),
        "digits" => filled("{\"limit\":", "9", "}"),
        "exponent" => filled(
            "{\"filters\":{\"custom\":{\"annual_income\":{\"min\":1e",
            "9",
            "}}}}",
        ),
        "long name" => filled("{\"", "k", "\":1}"),
        "the same name" => joined(most, "{", "}", |_| "\"a\":1".into()),
        "list of wrong things" => joined(most, "{\"fields\":[", "]}", |number| {
            format!("{{\"key\":\"x{number}\",\"y\":[]}}")
        }),
        "ids" => joined(
            most,
            "{\"selection\":{\"mode\":\"manual\",\"includedIds\":[",
            "]}}",
            |number| format!("\"i{number}\""),
        ),
        "terms" => joined(
            most,
            "{\"selection\":{\"mode\":\"bulk\",\"filters\":{\"contact\":{\"skill\":{\"any\":{\"include\":[",
            "]}}}}}}",
            |number| format!("\"{number}\""),
        ),
        "blanks" => filled("{", " ", ""),
        "over every limit" => "x".repeat(5 << 20),
        other => panic!("{other} is no kind"),
    }
}
