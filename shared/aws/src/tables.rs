//! The tables: the one place that defines their keys and indexes. The template's are checked against it.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement,
    KeyType, Projection, ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
    TimeToLiveStatus,
};
use lead_export_core::ports::{StoreError, StoreErrorKind};

use crate::error::store_error;
use crate::item::names;

const STORE: &str = "tables";
/// Looks at a table that is being made, and the wait between them: DynamoDB takes some seconds.
const LOOKS: u32 = 120;
const BETWEEN: Duration = Duration::from_millis(500);

/// The names of the tables.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TableNames {
    /// Leads.
    pub leads: String,
    /// Sources and grants.
    pub sources: String,
    /// Exports.
    pub exports: String,
    /// Audit rows.
    pub audit: String,
}

/// The type of an attribute that is part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAttribute {
    /// A text, compared by its UTF-8 bytes.
    Text(&'static str),
    /// A number.
    Number(&'static str),
}

impl KeyAttribute {
    /// The attribute's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text(name) | Self::Number(name) => name,
        }
    }
}

/// What an index holds beside the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Nothing.
    Keys,
    /// This attribute.
    Also(&'static str),
}

/// An index of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name.
    pub name: &'static str,
    /// Its partition key.
    pub partition: KeyAttribute,
    /// Its sort key, if it has one.
    pub sort: Option<KeyAttribute>,
    /// What it holds.
    pub holds: Holds,
}

/// A table. Its keys are the texts `PK` and `SK`; it is paid by the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableDefinition {
    /// Its indexes.
    pub indexes: &'static [IndexDefinition],
    /// The attribute after whose seconds since 1970 an item may be deleted.
    pub expires_by: Option<&'static str>,
}

impl TableDefinition {
    /// The partition key and the sort key.
    pub const KEY: [KeyAttribute; 2] =
        [KeyAttribute::Text(names::PK), KeyAttribute::Text(names::SK)];

    /// All attributes that are part of a key, each once.
    pub fn key_attributes(&self) -> Vec<KeyAttribute> {
        let of_indexes = self.indexes.iter().flat_map(|index| {
            let partition = std::iter::once(index.partition);
            partition.chain(index.sort)
        });
        let mut all = Vec::new();
        for attribute in Self::KEY.into_iter().chain(of_indexes) {
            if !all.contains(&attribute) {
                all.push(attribute);
            }
        }
        all
    }
}

/// The leads' table: by id, and the sample of one lead in 1 024.
pub const LEADS: TableDefinition = TableDefinition {
    indexes: &[
        IndexDefinition {
            name: names::BY_ID,
            partition: KeyAttribute::Text(names::ID_PK),
            sort: None,
            holds: Holds::Keys,
        },
        IndexDefinition {
            name: names::SAMPLE,
            partition: KeyAttribute::Text(names::SAMPLE_PK),
            sort: Some(KeyAttribute::Text(names::SK)),
            holds: Holds::Keys,
        },
    ],
    expires_by: None,
};

/// The table of sources, grants and presets.
pub const SOURCES: TableDefinition = TableDefinition {
    indexes: &[],
    expires_by: None,
};

/// The exports' table: a source's history, and what is due.
pub const EXPORTS: TableDefinition = TableDefinition {
    indexes: &[
        IndexDefinition {
            name: names::HISTORY,
            partition: KeyAttribute::Text(names::HISTORY_PK),
            sort: Some(KeyAttribute::Text(names::HISTORY_SK)),
            holds: Holds::Also(names::HEAD),
        },
        IndexDefinition {
            name: names::DUE,
            partition: KeyAttribute::Number(names::DUE_SHARD),
            sort: Some(KeyAttribute::Text(names::DUE_AT)),
            holds: Holds::Keys,
        },
    ],
    expires_by: Some(names::EXPIRES_AT),
};

/// The audit's table: an export's rows, and a source's.
pub const AUDIT: TableDefinition = TableDefinition {
    indexes: &[IndexDefinition {
        name: names::BY_SOURCE,
        partition: KeyAttribute::Text(names::SOURCE_PK),
        sort: Some(KeyAttribute::Text(names::SK)),
        holds: Holds::Also(names::BY),
    }],
    expires_by: None,
};

/// Makes the tables that are not there yet, and waits until all can be used. Repeating it is harmless.
///
/// # Errors
/// [`StoreError`] if a table cannot be made; others may be there.
pub async fn create_all(client: &Client, names: &TableNames) -> Result<(), StoreError> {
    let tables = [
        (&names.leads, &LEADS),
        (&names.sources, &SOURCES),
        (&names.exports, &EXPORTS),
        (&names.audit, &AUDIT),
    ];
    for (name, definition) in tables {
        create(client, name, definition).await?;
    }
    for (name, definition) in tables {
        wait(client, name).await?;
        if let Some(attribute) = definition.expires_by {
            expire(client, name, attribute).await?;
        }
    }
    Ok(())
}

async fn create(
    client: &Client,
    name: &str,
    definition: &TableDefinition,
) -> Result<(), StoreError> {
    let schema = |partition: KeyAttribute, sort: Option<KeyAttribute>| {
        let of = |attribute: KeyAttribute, kind: KeyType| {
            let element = KeySchemaElement::builder().attribute_name(attribute.name());
            element.key_type(kind).build()
        };
        let partition = std::iter::once(of(partition, KeyType::Hash));
        partition
            .chain(sort.map(|sort| of(sort, KeyType::Range)))
            .collect::<Result<Vec<_>, BuildError>>()
    };
    let index = |index: &IndexDefinition| {
        let projection = match index.holds {
            Holds::Keys => Projection::builder().projection_type(ProjectionType::KeysOnly),
            Holds::Also(attribute) => Projection::builder()
                .projection_type(ProjectionType::Include)
                .non_key_attributes(attribute),
        };
        GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .set_key_schema(Some(schema(index.partition, index.sort)?))
            .projection(projection.build())
            .build()
    };
    let attribute = |attribute: KeyAttribute| {
        let kind = match attribute {
            KeyAttribute::Text(_) => ScalarAttributeType::S,
            KeyAttribute::Number(_) => ScalarAttributeType::N,
        };
        let definition = AttributeDefinition::builder().attribute_name(attribute.name());
        definition.attribute_type(kind).build()
    };
    let attributes = definition.key_attributes().into_iter().map(attribute);
    let attributes = attributes.collect::<Result<Vec<_>, _>>().map_err(unbuilt)?;
    let indexes = definition.indexes.iter().map(index);
    let indexes = indexes.collect::<Result<Vec<_>, _>>().map_err(unbuilt)?;
    let [partition, sort] = TableDefinition::KEY;
    let made = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes))
        .set_key_schema(Some(schema(partition, Some(sort)).map_err(unbuilt)?))
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
        .send()
        .await;
    match made {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(CreateTableError::is_resource_in_use_exception) =>
        {
            Ok(())
        }
        Err(error) => Err(failed(error)),
    }
}

fn unbuilt(error: BuildError) -> StoreError {
    StoreError::caused(StoreErrorKind::Denied, STORE, error)
}

fn failed<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    store_error(STORE, error)
}

/// Waits until the table answers a read of an item that is nowhere.
///
/// DescribeTable would do in AWS; DynamoDB's stand-ins count the table's items for it, a minute long for a million.
async fn wait(client: &Client, name: &str) -> Result<(), StoreError> {
    for _ in 0..LOOKS {
        let [partition, sort] = TableDefinition::KEY;
        let nowhere = AttributeValue::S("-".to_owned());
        let read = client.get_item().table_name(name);
        let read = read.key(partition.name(), nowhere.clone());
        match read.key(sort.name(), nowhere).send().await {
            Ok(_) => return Ok(()),
            // A table that is being made is no table yet (API reference: "its status might not be ACTIVE").
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetItemError::is_resource_not_found_exception) => {}
            Err(error) => return Err(failed(error)),
        }
        tokio::time::sleep(BETWEEN).await;
    }
    Err(StoreError::new(StoreErrorKind::Unavailable, STORE))
}

async fn expire(client: &Client, name: &str, attribute: &str) -> Result<(), StoreError> {
    let seen = client.describe_time_to_live().table_name(name).send().await;
    let status = seen.map_err(failed)?.time_to_live_description;
    let status = status.and_then(|description| description.time_to_live_status);
    // DynamoDB refuses to enable what is enabled.
    if matches!(
        status,
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    ) {
        return Ok(());
    }
    let wanted = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(attribute)
        .build()
        .map_err(unbuilt)?;
    let set = client.update_time_to_live().table_name(name);
    let set = set.time_to_live_specification(wanted).send().await;
    set.map(drop).map_err(failed)
}
