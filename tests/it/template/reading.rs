//! Reads the template as CloudFormation means it: short forms such as `!Sub` become the long ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What every deployment gives: parameters without a default.
const GIVEN: [(&str, &str); 1] = [("JwtIssuer", "https://issuer.example.com")];

/// `template.yaml`.
pub(crate) struct Template(Value);

impl Template {
    /// Reads the template of this workspace.
    pub(crate) fn load() -> Self {
        let text = std::fs::read_to_string(root().join("template.yaml")).unwrap();
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Self {
        let documents = Yaml::load_from_str(text).unwrap();
        let [document] = &documents[..] else {
            panic!("the template is one document");
        };
        Self(long(document))
    }

    /// The properties of a resource, with what `Globals` adds to a function.
    pub(crate) fn properties(&self, name: &str) -> Value {
        let resource = &self.0["Resources"][name];
        let mut properties = resource["Properties"].clone();
        if resource["Type"] == "AWS::Serverless::Function" {
            let globals = self.0["Globals"]["Function"].as_object();
            for (name, value) in globals.into_iter().flatten() {
                if properties[name].is_null() {
                    properties[name] = value.clone();
                }
            }
        }
        assert!(properties.is_object(), "there is no resource {name}");
        properties
    }

    /// The names of the resources of a type.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<&str> {
        let resources = self.0["Resources"].as_object().unwrap();
        let found = resources.iter().filter(|(_, it)| it["Type"] == kind);
        found.map(|(name, _)| name.as_str()).collect()
    }

    /// The functions: the binary of each, and its name in the template.
    pub(crate) fn functions(&self) -> BTreeMap<String, &str> {
        let functions = self.of_type("AWS::Serverless::Function").into_iter();
        let by_binary = functions.map(|name| {
            let metadata = &self.0["Resources"][name]["Metadata"];
            assert_eq!(metadata["BuildMethod"], "rust-cargolambda", "{name}");
            let binary = metadata["BuildProperties"]["Binary"].as_str().unwrap();
            (binary.to_owned(), name)
        });
        by_binary.collect()
    }

    /// What the code finds in a function's environment, not what the C library does, at a deployment that sets no parameter which has
    /// a default, and [`GIVEN`].
    pub(crate) fn environment(&self, function: &str) -> BTreeMap<String, String> {
        let variables = &self.properties(function)["Environment"]["Variables"];
        let variables = variables.as_object().unwrap().iter();
        variables
            .filter(|(name, _)| !name.starts_with("MALLOC_"))
            .map(|(name, value)| (name.clone(), self.text(value)))
            .collect()
    }

    /// The default of a parameter.
    pub(crate) fn default_of(&self, parameter: &str) -> &Value {
        let default = &self.0["Parameters"][parameter]["Default"];
        assert!(!default.is_null(), "the parameter {parameter}");
        default
    }

    /// Whether a name is a parameter's.
    pub(crate) fn is_parameter(&self, name: &str) -> bool {
        self.0["Parameters"][name].is_object()
    }

    /// The groups in which parameters are shown to who deploys: each label with its parameters.
    pub(crate) fn groups(&self) -> Vec<(String, Vec<String>)> {
        let interface = &self.0["Metadata"]["AWS::CloudFormation::Interface"];
        let groups = interface["ParameterGroups"].as_array().unwrap().iter();
        let of = |group: &Value| {
            let label = group["Label"]["default"].as_str().unwrap().to_owned();
            let parameters = listed(&group["Parameters"]).iter();
            (label, parameters.map(|name| self.text(name)).collect())
        };
        groups.map(of).collect()
    }

    /// The values that a parameter may take, of those that are listed.
    pub(crate) fn allowed(&self, parameter: &str) -> Vec<String> {
        let allowed = &self.0["Parameters"][parameter]["AllowedValues"];
        let allowed = allowed.as_array().unwrap().iter();
        allowed.map(|value| self.text(value)).collect()
    }

    /// A row of a mapping.
    pub(crate) fn mapped(&self, mapping: &str, row: &str, column: &str) -> &Value {
        &self.0["Mappings"][mapping][row][column]
    }

    /// What a value comes to: a parameter's default; a resource's name for itself, its ARN or its URL.
    pub(crate) fn text(&self, value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Object(map) => {
                let (function, argument) = map.iter().next().unwrap();
                match function.as_str() {
                    "Ref" => self.referred(argument.as_str().unwrap()),
                    "Fn::GetAtt" => {
                        let path = argument.as_str().unwrap();
                        match path.split_once('.').unwrap() {
                            (name, "ApiEndpoint") => format!("https://{}", self.referred(name)),
                            (name, _) => self.referred(name),
                        }
                    }
                    "Fn::Join" => self.joined(argument),
                    // No default switches anything on: the last is what holds.
                    "Fn::If" => self.text(&argument[2]),
                    "Fn::Sub" => self.substituted(argument.as_str().unwrap()),
                    _ => panic!("{function} is not understood here"),
                }
            }
            _ => panic!("{value} is no text"),
        }
    }

    fn referred(&self, name: &str) -> String {
        if let Some((_, given)) = GIVEN.iter().find(|(parameter, _)| *parameter == name) {
            return (*given).to_owned();
        }
        if self.0["Resources"][name].is_object() || name.starts_with("AWS::") {
            return name.to_owned();
        }
        self.text(self.default_of(name))
    }

    /// A list's items, joined; a list that is a parameter is written with commas.
    fn joined(&self, argument: &Value) -> String {
        assert_eq!(argument[0], ",", "a comma is what the code reads");
        self.text(&argument[1])
    }

    fn substituted(&self, text: &str) -> String {
        let mut parts = text.split("${");
        let mut whole = parts.next().unwrap().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap();
            whole.push_str(&self.referred(name.split('.').next().unwrap()));
            whole.push_str(rest);
        }
        whole
    }

    /// What a function's role permits: lines `action resource`.
    pub(crate) fn permissions(&self, function: &str) -> BTreeSet<String> {
        let role = self.text(&self.properties(function)["Role"]);
        let role = self.properties(&role);
        assert!(role["ManagedPolicyArns"].is_null());
        let policies = role["Policies"].as_array().unwrap().iter();
        let statements = policies.flat_map(|it| listed(&it["PolicyDocument"]["Statement"]));
        let mut permissions = BTreeSet::new();
        for statement in statements {
            assert_eq!(statement["Effect"], "Allow");
            assert!(statement["NotAction"].is_null() && statement["NotResource"].is_null());
            for action in listed(&statement["Action"]) {
                for resource in listed(&statement["Resource"]) {
                    let line = format!("{} {}", self.text(action), self.text(resource));
                    assert!(permissions.insert(line.clone()), "{line} is said twice");
                }
            }
        }
        permissions
    }
}

/// The items of a list, or the one item that stands for a list of one.
pub(crate) fn listed(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

/// The long form of a node.
fn long(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Tagged(tag, inner) => {
            let function = match tag.suffix.as_str() {
                name @ ("Ref" | "Condition") => name.to_owned(),
                name => format!("Fn::{name}"),
            };
            json!({ function: long(inner) })
        }
        Yaml::Sequence(items) => items.iter().map(long).collect(),
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = match long(key) {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                map.insert(key, long(value));
            }
            Value::Object(map)
        }
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::Boolean(flag)) => (*flag).into(),
        Yaml::Value(Scalar::Null) => Value::Null,
        other => panic!("{other:?} has no place in a template"),
    }
}

#[test]
fn short_forms_are_read_as_long_ones() {
    let template = Template::parse(
        "Parameters: { P: { Default: 7d } }\n\
         Resources: { Q: { Type: T, Properties: { a: !Ref P, b: !GetAtt Q.Arn, c: !Sub \"${Q.Arn}/x/${P}\", d: [!If [C, 1, !Ref Q]] } } }",
    );
    let properties = template.properties("Q");
    assert_eq!(template.text(&properties["a"]), "7d");
    assert_eq!(template.text(&properties["b"]), "Q");
    assert_eq!(template.text(&properties["c"]), "Q/x/7d");
    assert_eq!(
        properties["d"],
        json!([{ "Fn::If": ["C", 1, { "Ref": "Q" }] }])
    );
}
