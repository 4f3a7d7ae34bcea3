//! The field catalogue: which fields a lead of a source has, how they are labelled, and where in a lead their values lie.

mod reader;

use serde::{Deserialize, Serialize};

use crate::lead::{OrgId, SourceId};
use crate::limits;

pub use reader::{FieldReader, attributes_of};

/// What a field holds; decides how its cells are written (contract §4) and how it is filtered (§3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An identifier.
    Id,
    /// Made of other fields: the name.
    Derived,
    /// Text.
    Text,
    /// Several values.
    List,
    /// A phone number.
    Phone,
    /// Several phone numbers.
    Phones,
    /// A decimal number.
    Number,
    /// A moment in time.
    Instant,
    /// A custom field's day.
    Date,
    /// A custom field's choice.
    Dropdown,
    /// A custom field's yes or no.
    Boolean,
}

/// Where a field comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Every lead has it.
    System,
    /// About the person; of sources with people fields on.
    Person,
    /// About the person's company; of sources with people fields on.
    Company,
    /// The source's own.
    Custom,
    /// A named set of values of the source's own.
    Attribute,
    /// About the record itself.
    Metadata,
}

/// A field of a source's leads. The key is also the attribute's name in the stored lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Unique in the source.
    pub key: String,
    /// What people read.
    pub label: String,
    /// What it holds.
    pub kind: Kind,
    /// Where it comes from.
    pub group: Group,
    /// The choices of a dropdown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// A column of the file, with its header resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The field.
    pub key: String,
    /// The cell of the first row.
    pub header: String,
    /// Whether the caller gave the header; else it is the field's key or label.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given: bool,
    /// What the field holds, as it was defined at the request.
    pub kind: Kind,
}

/// The system fields in the order of the default columns (contract §2): key, label, kind.
const SYSTEM: [(&str, &str, Kind); 14] = [
    ("lead_id", "Lead ID", Kind::Id),
    ("name", "Name", Kind::Derived),
    ("first_name", "First Name", Kind::Text),
    ("last_name", "Last Name", Kind::Text),
    ("email", "Email", Kind::Text),
    ("emails", "Email(s)", Kind::List),
    ("phone", "Phone", Kind::Phone),
    ("phones", "Phone(s)", Kind::Phones),
    ("address", "Address", Kind::Text),
    ("city", "City", Kind::Text),
    ("state", "State", Kind::Text),
    ("zip", "Postal Code", Kind::Text),
    ("country", "Country", Kind::Text),
    ("status", "Status", Kind::Text),
];

/// The people fields, likewise.
const PERSON: [(&str, &str, Kind); 8] = [
    ("linkedin_url", "LinkedIn URL", Kind::Text),
    ("job_title", "Job Title", Kind::Text),
    ("seniority", "Seniority", Kind::Text),
    ("departments", "Departments", Kind::List),
    ("functions", "Functions", Kind::List),
    ("industry", "Industry (Person)", Kind::Text),
    ("skills", "Skills", Kind::List),
    ("languages", "Languages", Kind::List),
];

/// The company fields, likewise.
const COMPANY: [(&str, &str, Kind); 14] = [
    ("company_name", "Company Name", Kind::Text),
    ("company_legal_name", "Company Legal Name", Kind::Text),
    ("company_website", "Company Website", Kind::Text),
    ("company_linkedin", "Company LinkedIn", Kind::Text),
    ("company_phone", "Company Phone(s)", Kind::Phones),
    ("company_city", "Company City (HQ)", Kind::Text),
    (
        "company_postal_code",
        "Company Postal Code (HQ)",
        Kind::Text,
    ),
    ("company_country", "Company Country (HQ)", Kind::Text),
    ("company_industry", "Company Industry", Kind::Text),
    ("company_type", "Company Type", Kind::Text),
    ("company_headcount", "Company Headcount", Kind::Text),
    ("company_revenue", "Company Revenue", Kind::Text),
    ("company_founded_year", "Company Founded Year", Kind::Number),
    ("company_summary", "Company Summary", Kind::Text),
];

/// What is known of the record itself, likewise; always last.
const METADATA: [(&str, &str, Kind); 3] = [
    ("created_at", "Created At", Kind::Instant),
    ("updated_at", "Updated At", Kind::Instant),
    ("source_id", "Source ID", Kind::Id),
];

/// Attributes of a lead that are no columns, but can be filtered by (§6).
const UNLISTED: [&str; 2] = ["educations", "experiences"];

/// Whether `key` belongs to the product: no custom field or attribute may take it.
pub fn is_reserved(key: &str) -> bool {
    system_label(key).is_some() || UNLISTED.contains(&key)
}

/// Whether `key` is a people or company field, which an import or generator that fills it turns on.
pub fn is_people(key: &str) -> bool {
    PERSON
        .iter()
        .chain(&COMPANY)
        .any(|(known, ..)| *known == key)
}

/// The product's fields, in the order of the default columns: key, label, kind, group.
pub fn product_fields() -> impl Iterator<Item = (&'static str, &'static str, Kind, Group)> {
    let group = |group: Group| {
        move |&(key, label, kind): &(&'static str, &'static str, Kind)| (key, label, kind, group)
    };
    SYSTEM
        .iter()
        .map(group(Group::System))
        .chain(PERSON.iter().map(group(Group::Person)))
        .chain(COMPANY.iter().map(group(Group::Company)))
        .chain(METADATA.iter().map(group(Group::Metadata)))
}

/// The label of a field of the product's own.
pub fn system_label(key: &str) -> Option<&'static str> {
    product_fields()
        .find(|(known, ..)| *known == key)
        .map(|(_, label, ..)| label)
}

/// The kind of a custom field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomKind {
    /// Any text.
    Text,
    /// A decimal number.
    Number,
    /// A day.
    Date,
    /// One of the options.
    Dropdown,
    /// Yes or no.
    Boolean,
}

impl From<CustomKind> for Kind {
    fn from(kind: CustomKind) -> Self {
        match kind {
            CustomKind::Text => Self::Text,
            CustomKind::Number => Self::Number,
            CustomKind::Date => Self::Date,
            CustomKind::Dropdown => Self::Dropdown,
            CustomKind::Boolean => Self::Boolean,
        }
    }
}

/// A field that a source adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomField {
    /// The attribute's name in a lead.
    pub key: String,
    /// What people read.
    pub label: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: CustomKind,
    /// The choices of a dropdown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// A named set of values that a source adds: a lead holds none, one or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// The attribute's name in a lead.
    pub key: String,
    /// What people read.
    pub label: String,
}

/// A named collection of leads in one organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The organization.
    pub org: OrgId,
    /// The slug, unique in the organization.
    pub id: SourceId,
    /// What people read.
    pub name: String,
    /// The zone in which dates of filters are days, by its IANA name.
    pub time_zone: String,
    /// Whether its leads have people and company fields.
    #[serde(default)]
    pub people: bool,
    /// Key-shards over which the leads are spread.
    #[serde(default = "default_shards")]
    pub shards: u16,
    /// How many leads it holds, if the writers of leads keep count.
    #[serde(default)]
    pub lead_count: Option<u64>,
    /// Custom fields, in the order defined.
    #[serde(default)]
    pub custom: Vec<CustomField>,
    /// Attributes, in the order defined.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

fn default_shards() -> u16 {
    limits::SHARDS
}

/// Why a custom field or attribute cannot be defined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldClash {
    /// The key is taken.
    #[error("the key '{0}' is taken: keys are unique over all fields of a source")]
    Taken(String),
    /// The key is not of `[a-z0-9_]`.
    #[error("'{0}' is no key: 1 to {most} of a-z, 0-9 and '_'", most = limits::KEY_CHARS)]
    NotAKey(String),
    /// A dropdown without options, or options of what is none.
    #[error("the field '{0}': a dropdown needs options, and nothing else has them")]
    Options(String),
}

impl Source {
    /// All fields of the source's leads, in the order of the default columns (contract §2).
    pub fn fields(&self) -> Vec<Field> {
        let product = |wanted: fn(Group) -> bool| {
            product_fields()
                .filter(move |(.., group)| wanted(*group))
                .map(|(key, label, kind, group)| Field {
                    key: key.to_owned(),
                    label: label.to_owned(),
                    kind,
                    group,
                    options: Vec::new(),
                })
        };
        let mut fields: Vec<Field> = product(|group| group == Group::System).collect();
        if self.people {
            fields.extend(product(|group| {
                matches!(group, Group::Person | Group::Company)
            }));
        }
        fields.extend(self.custom.iter().map(|field| Field {
            key: field.key.clone(),
            label: field.label.clone(),
            kind: field.kind.into(),
            group: Group::Custom,
            options: field.options.clone(),
        }));
        fields.extend(self.attributes.iter().map(|attribute| Field {
            key: attribute.key.clone(),
            label: attribute.label.clone(),
            kind: Kind::List,
            group: Group::Attribute,
            options: Vec::new(),
        }));
        fields.extend(product(|group| group == Group::Metadata));
        fields
    }

    /// Whether a custom field or attribute may take `key`.
    ///
    /// # Errors
    /// [`FieldClash`] if the key is malformed or taken.
    pub fn check_key(&self, key: &str) -> Result<(), FieldClash> {
        let well_formed = (1..=limits::KEY_CHARS).contains(&key.len())
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !well_formed {
            return Err(FieldClash::NotAKey(key.to_owned()));
        }
        let taken = is_reserved(key)
            || self.custom.iter().any(|field| field.key == key)
            || self.attributes.iter().any(|attribute| attribute.key == key);
        if taken {
            Err(FieldClash::Taken(key.to_owned()))
        } else {
            Ok(())
        }
    }

    /// Adds a custom field.
    ///
    /// # Errors
    /// [`FieldClash`] if its key is malformed or taken, or its options do not fit its kind.
    pub fn add_custom(&mut self, field: CustomField) -> Result<(), FieldClash> {
        self.check_key(&field.key)?;
        if (field.kind == CustomKind::Dropdown) == field.options.is_empty() {
            return Err(FieldClash::Options(field.key));
        }
        self.custom.push(field);
        Ok(())
    }

    /// Adds an attribute.
    ///
    /// # Errors
    /// [`FieldClash`] if its key is malformed or taken.
    pub fn add_attribute(&mut self, attribute: Attribute) -> Result<(), FieldClash> {
        self.check_key(&attribute.key)?;
        self.attributes.push(attribute);
        Ok(())
    }
}

/// The key that a header of an imported file gives: lower case, every run of characters outside a–z 0–9 becomes `_`,
/// `_` trimmed; empty → `column_<n>` (the column's number from 1); taken → `_2`, `_3` … A long one is cut at
/// [`limits::HEADER_KEY_CHARS`].
pub fn key_of_header(header: &str, column: usize, taken: impl Fn(&str) -> bool) -> String {
    let mut key = String::new();
    for character in header.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_lowercase() || character.is_ascii_digit() {
            key.push(character);
        } else if !key.is_empty() && !key.ends_with('_') {
            key.push('_');
        }
    }
    key.truncate(limits::HEADER_KEY_CHARS);
    let key = match key.trim_end_matches('_') {
        "" => format!("column_{column}"),
        trimmed => trimmed.to_owned(),
    };
    if !taken(&key) {
        return key;
    }
    (2..=u32::MAX)
        .map(|number| format!("{key}_{number}"))
        .find(|numbered| !taken(numbered))
        .unwrap_or(key)
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source {
            org: OrgId::parse("acme").unwrap(),
            id: SourceId::parse("crm").unwrap(),
            name: "CRM".into(),
            time_zone: "UTC".into(),
            people: false,
            shards: 8,
            lead_count: None,
            custom: vec![],
            attributes: vec![],
        }
    }

    #[test]
    fn fields_stand_in_the_order_of_the_default_columns() {
        let mut source = source();
        let field = |key: &str| CustomField {
            key: key.into(),
            label: key.into(),
            kind: CustomKind::Text,
            options: vec![],
        };
        source.add_custom(field("zeta")).unwrap();
        source.add_custom(field("alpha")).unwrap();
        source
            .add_attribute(Attribute {
                key: "campaign".into(),
                label: "Campaign".into(),
            })
            .unwrap();
        let keys = |source: &Source| {
            source
                .fields()
                .into_iter()
                .map(|field| field.key)
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_eq!(
            keys(&source),
            "lead_id,name,first_name,last_name,email,emails,phone,phones,address,city,state,zip,country,status,zeta,alpha,campaign,created_at,updated_at,source_id"
        );
        source.people = true;
        assert!(keys(&source).contains("status,linkedin_url,job_title,"));
        assert_eq!(source.fields().len(), 14 + 8 + 14 + 2 + 1 + 3);
    }

    #[test]
    fn clashes_and_bad_keys_are_refused() {
        let mut source = source();
        let attribute = |key: &str| Attribute {
            key: key.into(),
            label: key.into(),
        };
        for taken in ["email", "linkedin_url", "experiences"] {
            assert_eq!(
                source.add_attribute(attribute(taken)),
                Err(FieldClash::Taken(taken.into()))
            );
        }
        for bad in ["", "A", "a b", "ä", &"a".repeat(65)] {
            assert_eq!(
                source.add_attribute(attribute(bad)),
                Err(FieldClash::NotAKey(bad.into()))
            );
        }
        source.add_attribute(attribute("x")).unwrap();
        assert_eq!(
            source.add_attribute(attribute("x")),
            Err(FieldClash::Taken("x".into()))
        );
        let dropdown = CustomField {
            key: "d".into(),
            label: "D".into(),
            kind: CustomKind::Dropdown,
            options: vec![],
        };
        assert_eq!(
            source.add_custom(dropdown),
            Err(FieldClash::Options("d".into()))
        );
    }

    #[test]
    fn keys_are_unique_over_all_fields() {
        let mut source = source();
        let custom = |key: &str| CustomField {
            key: key.into(),
            label: "Label".into(),
            kind: CustomKind::Text,
            options: vec![],
        };
        let attribute = |key: &str| Attribute {
            key: key.into(),
            label: "Label".into(),
        };
        source.add_custom(custom("roof")).unwrap();
        source.add_attribute(attribute("campaign")).unwrap();
        let others = ["educations", "experiences", "roof", "campaign"];
        for key in product_fields().map(|(key, ..)| key).chain(others) {
            let taken = Err(FieldClash::Taken(key.into()));
            assert_eq!(source.add_custom(custom(key)), taken);
            assert_eq!(source.add_attribute(attribute(key)), taken);
        }
        assert_eq!((source.custom.len(), source.attributes.len()), (1, 1));
    }

    #[test]
    fn headers_become_keys() {
        for (header, key) in [
            ("Account Id", "account_id"),
            ("  E-Mail (work) ", "e_mail_work"),
            ("Größe", "gr_e"),
            ("", "column_3"),
            ("***", "column_3"),
            ("taken", "taken_3"),
        ] {
            assert_eq!(
                key_of_header(header, 3, |key| key == "taken" || key == "taken_2"),
                key,
                "{header}"
            );
        }
    }

    #[test]
    fn keys_of_long_headers_are_cut_and_still_told_apart() {
        let sixty = "x".repeat(60);
        let mut source = source();
        for (header, key) in [
            (sixty.clone(), sixty.clone()),
            (format!("{sixty}y"), format!("{sixty}_2")),
            (format!("{sixty} and more"), format!("{sixty}_3")),
            // What is left at the cut's end of a run of other characters is trimmed too.
            (format!("{} and more", "z".repeat(59)), "z".repeat(59)),
            (format!("{}ß", "é".repeat(100)), "column_4".to_owned()),
        ] {
            let made = key_of_header(&header, 4, |key| source.check_key(key).is_err());
            assert_eq!(made, key, "{header}");
            // It is a key: a field can have it.
            source
                .add_attribute(Attribute {
                    key: made,
                    label: header,
                })
                .unwrap();
        }
    }
}
