//! Places: one part is a city, a state or a country; two are a city and its state or country; three are all of them.

use super::words::fold;

/// Where a lead is, each part folded.
#[derive(Debug, Clone, Default)]
pub(super) struct Whereabouts {
    pub(super) cities: Vec<String>,
    pub(super) states: Vec<String>,
    pub(super) countries: Vec<String>,
}

impl Whereabouts {
    /// Whether names and codes of states are those of the United States: of nowhere else, as far as is known.
    fn is_in_us(&self) -> bool {
        self.countries.is_empty()
            || self
                .countries
                .iter()
                .any(|country| US.contains(&country.as_str()))
    }

    fn is_in_state(&self, part: &Part) -> bool {
        self.states.contains(&part.folded)
            || (part.state.is_some()
                && self.is_in_us()
                && self.states.iter().any(|own| state(own) == part.state))
    }

    fn is_in_country(&self, part: &Part) -> bool {
        self.countries.contains(&part.folded)
    }

    fn is_in_city(&self, part: &Part) -> bool {
        self.cities.contains(&part.folded)
    }
}

/// A place that is asked for.
#[derive(Debug, Clone)]
pub(super) enum Place {
    One(Part),
    Two(Part, Part),
    Three(Part, Part, Part),
}

/// A part of a place.
#[derive(Debug, Clone)]
pub(super) struct Part {
    folded: String,
    /// The state of the United States that it names.
    state: Option<usize>,
}

impl Place {
    /// Reads a place; none if it has more than three parts, or an empty one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Option<Vec<Part>> = text.split(',').map(Part::parse).collect();
        match <[Part; 1]>::try_from(parts?) {
            Ok([one]) => Some(Self::One(one)),
            Err(parts) => match <[Part; 2]>::try_from(parts) {
                Ok([city, other]) => Some(Self::Two(city, other)),
                Err(parts) => <[Part; 3]>::try_from(parts)
                    .ok()
                    .map(|[city, state, country]| Self::Three(city, state, country)),
            },
        }
    }

    pub(super) fn holds(&self, at: &Whereabouts) -> bool {
        match self {
            Self::One(part) => {
                at.is_in_city(part) || at.is_in_state(part) || at.is_in_country(part)
            }
            Self::Two(city, other) => {
                at.is_in_city(city) && (at.is_in_state(other) || at.is_in_country(other))
            }
            Self::Three(city, state, country) => {
                at.is_in_city(city) && at.is_in_state(state) && at.is_in_country(country)
            }
        }
    }
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let folded = fold(text);
        (!text.is_empty()).then(|| Self {
            state: state(&folded),
            folded,
        })
    }
}

/// Names of the country whose states have codes, folded.
const US: [&str; 6] = [
    "united states",
    "united states of america",
    "usa",
    "us",
    "u.s.",
    "u.s.a.",
];

/// The state of this folded name or code, by its place in [`STATES`].
fn state(folded: &str) -> Option<usize> {
    STATES
        .iter()
        .position(|(code, name)| *code == folded || *name == folded)
}

/// Codes (USPS Publication 28, Appendix B) and names of the states and the capital's district, folded.
const STATES: [(&str, &str); 51] = [
    ("al", "alabama"),
    ("ak", "alaska"),
    ("az", "arizona"),
    ("ar", "arkansas"),
    ("ca", "california"),
    ("co", "colorado"),
    ("ct", "connecticut"),
    ("de", "delaware"),
    ("dc", "district of columbia"),
    ("fl", "florida"),
    ("ga", "georgia"),
    ("hi", "hawaii"),
    ("id", "idaho"),
    ("il", "illinois"),
    ("in", "indiana"),
    ("ia", "iowa"),
    ("ks", "kansas"),
    ("ky", "kentucky"),
    ("la", "louisiana"),
    ("me", "maine"),
    ("md", "maryland"),
    ("ma", "massachusetts"),
    ("mi", "michigan"),
    ("mn", "minnesota"),
    ("ms", "mississippi"),
    ("mo", "missouri"),
    ("mt", "montana"),
    ("ne", "nebraska"),
    ("nv", "nevada"),
    ("nh", "new hampshire"),
    ("nj", "new jersey"),
    ("nm", "new mexico"),
    ("ny", "new york"),
    ("nc", "north carolina"),
    ("nd", "north dakota"),
    ("oh", "ohio"),
    ("ok", "oklahoma"),
    ("or", "oregon"),
    ("pa", "pennsylvania"),
    ("ri", "rhode island"),
    ("sc", "south carolina"),
    ("sd", "south dakota"),
    ("tn", "tennessee"),
    ("tx", "texas"),
    ("ut", "utah"),
    ("vt", "vermont"),
    ("va", "virginia"),
    ("wa", "washington"),
    ("wv", "west virginia"),
    ("wi", "wisconsin"),
    ("wy", "wyoming"),
];
