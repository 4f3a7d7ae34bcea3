//! The table of contract §2, row by row.

use super::*;

const TABLE: &str = "
lead_id | Lead ID | id | system
name | Name | derived | system
first_name | First Name | text | system
last_name | Last Name | text | system
email | Email | text | system
emails | Email(s) | list | system
phone | Phone | phone | system
phones | Phone(s) | phones | system
address | Address | text | system
city | City | text | system
state | State | text | system
zip | Postal Code | text | system
country | Country | text | system
status | Status | text | system
linkedin_url | LinkedIn URL | text | person
job_title | Job Title | text | person
seniority | Seniority | text | person
departments | Departments | list | person
functions | Functions | list | person
industry | Industry (Person) | text | person
skills | Skills | list | person
languages | Languages | list | person
company_name | Company Name | text | company
company_legal_name | Company Legal Name | text | company
company_website | Company Website | text | company
company_linkedin | Company LinkedIn | text | company
company_phone | Company Phone(s) | phones | company
company_city | Company City (HQ) | text | company
company_postal_code | Company Postal Code (HQ) | text | company
company_country | Company Country (HQ) | text | company
company_industry | Company Industry | text | company
company_type | Company Type | text | company
company_headcount | Company Headcount | text | company
company_revenue | Company Revenue | text | company
company_founded_year | Company Founded Year | number | company
company_summary | Company Summary | text | company
roof | Roof | dropdown | custom
campaign | Campaign | list | attribute
created_at | Created At | instant | metadata
updated_at | Updated At | instant | metadata
source_id | Source ID | id | metadata
";

#[test]
fn fields_are_those_of_the_contracts_table_in_the_order_of_the_default_columns() {
    let source = Source {
        org: OrgId::parse("acme").unwrap(),
        id: SourceId::parse("crm").unwrap(),
        name: "CRM".into(),
        time_zone: "UTC".into(),
        people: true,
        shards: 8,
        lead_count: None,
        custom: vec![CustomField {
            key: "roof".into(),
            label: "Roof".into(),
            kind: CustomKind::Dropdown,
            options: vec!["tile".into()],
        }],
        attributes: vec![Attribute {
            key: "campaign".into(),
            label: "Campaign".into(),
        }],
    };
    let shown = serde_json::to_value(source.fields()).unwrap();
    let shown = shown.as_array().unwrap().iter().map(|field| {
        let of = |member: &str| field[member].as_str().unwrap();
        let has_options = field.get("options").is_some();
        assert_eq!(has_options, of("kind") == "dropdown", "{field}");
        [of("key"), of("label"), of("kind"), of("group")].join(" | ")
    });
    let shown: Vec<String> = shown.collect();
    let expected: Vec<&str> = TABLE.trim().lines().collect();
    assert_eq!(shown, expected);
}
