//! Sources and grants over DynamoDB.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use lead_export_core::access::{Access, Grant, Role, strongest};
use lead_export_core::fields::Source;
use lead_export_core::lead::{OrgId, SourceId};
use lead_export_core::ports::{SourceStore, StoreError};
use uuid::Uuid;

use crate::batch_get::{KEYS, batch_get};
use crate::error::store_error;
use crate::item::source::{
    GRANTS, SOURCES, grant_item, grant_key, grant_of, grants_of, is_source, source_item,
    source_key, source_of,
};
use crate::item::{BadItem, Item, names, text};

const STORE: &str = "sources";

/// A state of a source: what [`DynamoSources::update_source`] must have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(Uuid);

/// A user's grant on a source, or on every source of the organization if none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedTo {
    /// The user.
    pub user: String,
    /// The source.
    pub source: Option<SourceId>,
    /// What is granted.
    pub grant: Grant,
}

/// The sources' table.
///
/// Beside the port it has the writes of the command line; the functions' roles permit none of them.
#[derive(Debug, Clone)]
pub struct DynamoSources {
    client: Client,
    table: String,
}

fn corrupt(bad: BadItem) -> StoreError {
    bad.of(STORE)
}

impl DynamoSources {
    /// The sources and grants in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Writes a source, over whatever is there.
    ///
    /// # Errors
    /// [`StoreError`]; the source may have been written.
    pub async fn put_source(&self, source: &Source) -> Result<Revision, StoreError> {
        let (put, revision) = self.write(source)?;
        let written = put.send().await;
        written
            .map(|_| revision)
            .map_err(|error| store_error(STORE, error))
    }

    /// Writes a source that is not there yet; none, and nothing written, if one of its name is.
    ///
    /// # Errors
    /// [`StoreError`]; the source may have been written.
    pub async fn create_source(&self, source: &Source) -> Result<Option<Revision>, StoreError> {
        let (put, revision) = self.write(source)?;
        let put = put
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", names::PK);
        conditional(put, revision).await
    }

    /// Writes a source if it still is in the state seen; none, and nothing written, if it is not.
    ///
    /// # Errors
    /// [`StoreError`]; the source may have been written.
    pub async fn update_source(
        &self,
        source: &Source,
        seen: Revision,
    ) -> Result<Option<Revision>, StoreError> {
        let (put, revision) = self.write(source)?;
        let put = put
            .condition_expression("#revision = :seen")
            .expression_attribute_names("#revision", names::REVISION)
            .expression_attribute_values(":seen", text(seen.0.to_string()));
        conditional(put, revision).await
    }

    fn write(&self, source: &Source) -> Result<(PutItemFluentBuilder, Revision), StoreError> {
        let revision = Uuid::new_v4();
        let item = source_item(source, revision).map_err(corrupt)?;
        let put = self.client.put_item().table_name(&self.table);
        Ok((put.set_item(Some(item)), Revision(revision)))
    }

    /// Reads a source, consistently.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked, or the source makes no sense.
    pub async fn get_source(
        &self,
        org: &OrgId,
        id: &SourceId,
    ) -> Result<Option<(Source, Revision)>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(source_key(org, id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error(STORE, error))?;
        let found = answer.item.map(source_of).transpose().map_err(corrupt)?;
        Ok(found.map(|(source, revision)| (source, Revision(revision))))
    }

    /// Reads an organization's sources, by id.
    ///
    /// # Errors
    /// As [`DynamoSources::get_source`].
    pub async fn list_sources(&self, org: &OrgId) -> Result<Vec<Source>, StoreError> {
        let items = self.items(org, SOURCES.to_owned()).await?;
        let sources = items
            .into_iter()
            .map(|item| source_of(item).map(|(source, _)| source));
        sources.collect::<Result<_, _>>().map_err(corrupt)
    }

    /// Writes a user's grant on a source, or on every one if none is named, over whatever is there.
    ///
    /// # Errors
    /// [`StoreError`]; the grant may have been written.
    pub async fn put_grant(
        &self,
        org: &OrgId,
        user: &str,
        source: Option<&SourceId>,
        grant: &Grant,
    ) -> Result<(), StoreError> {
        let item = grant_item(org, user, source, grant).map_err(corrupt)?;
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| store_error(STORE, error))
    }

    /// Takes a grant away. That there is none is no error.
    ///
    /// # Errors
    /// [`StoreError`]; the grant may be gone.
    pub async fn remove_grant(
        &self,
        org: &OrgId,
        user: &str,
        source: Option<&SourceId>,
    ) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.set_key(Some(grant_key(org, user, source)));
        let delete = delete.send().await;
        delete.map(drop).map_err(|error| store_error(STORE, error))
    }

    /// Reads all grants of an organization, by user.
    ///
    /// # Errors
    /// As [`DynamoSources::get_source`].
    pub async fn list_grants(&self, org: &OrgId) -> Result<Vec<GrantedTo>, StoreError> {
        self.granted(org, GRANTS.to_owned()).await
    }

    async fn granted(&self, org: &OrgId, prefix: String) -> Result<Vec<GrantedTo>, StoreError> {
        let items = self.items(org, prefix).await?;
        let grants = items.into_iter().map(|item| {
            grant_of(item).map(|(user, source, grant)| GrantedTo {
                user,
                source,
                grant,
            })
        });
        grants.collect::<Result<_, _>>().map_err(corrupt)
    }

    /// All items of the organization whose sort keys begin so, in their order, consistently.
    async fn items(&self, org: &OrgId, prefix: String) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
                .expression_attribute_names("#pk", names::PK)
                .expression_attribute_names("#sk", names::SK)
                .expression_attribute_values(":pk", text(org.as_str()))
                .expression_attribute_values(":prefix", text(prefix.clone()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| store_error(STORE, error))?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// The items of these keys that are there, in any order, consistently.
    async fn batch(&self, keys: &[Item]) -> Result<Vec<Item>, StoreError> {
        let table = (STORE, self.table.as_str());
        batch_get(&self.client, table, keys.to_vec(), |asked| asked).await
    }
}

async fn conditional(
    put: PutItemFluentBuilder,
    revision: Revision,
) -> Result<Option<Revision>, StoreError> {
    match put.send().await {
        Ok(_) => Ok(Some(revision)),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
        {
            Ok(None)
        }
        Err(error) => Err(store_error(STORE, error)),
    }
}

#[async_trait]
impl SourceStore for DynamoSources {
    async fn access(
        &self,
        org: &OrgId,
        user: &str,
        source: &SourceId,
    ) -> Result<Access, StoreError> {
        let keys = [
            source_key(org, source),
            grant_key(org, user, Some(source)),
            grant_key(org, user, None),
        ];
        let mut access = Access::default();
        for item in self.batch(&keys).await? {
            if is_source(&item) {
                access.source = Some(source_of(item).map_err(corrupt)?.0);
                continue;
            }
            match grant_of(item).map_err(corrupt)? {
                (_, Some(_), grant) => access.own = Some(grant),
                (_, None, grant) => access.every = Some(grant),
            }
        }
        Ok(access)
    }

    async fn visible(&self, org: &OrgId, user: &str) -> Result<Vec<(Source, Role)>, StoreError> {
        let grants = self.granted(org, grants_of(user)).await?;
        let role_on = |source: Option<&SourceId>| {
            let mut on = grants.iter().filter(|to| to.source.as_ref() == source);
            on.next().map(|to| to.grant.role)
        };
        let every = role_on(None);
        let mut sources = if every.is_some() {
            self.list_sources(org).await?
        } else {
            let named = grants.iter().filter_map(|to| to.source.as_ref());
            let keys: Vec<Item> = named.map(|id| source_key(org, id)).collect();
            let mut sources = Vec::new();
            for keys in keys.chunks(KEYS) {
                for item in self.batch(keys).await? {
                    sources.push(source_of(item).map_err(corrupt)?.0);
                }
            }
            sources
        };
        sources.sort_by(|a, b| a.id.cmp(&b.id));
        let seen = sources.into_iter().filter_map(|source| {
            let role = strongest(role_on(Some(&source.id)), every)?;
            Some((source, role))
        });
        Ok(seen.collect())
    }
}
