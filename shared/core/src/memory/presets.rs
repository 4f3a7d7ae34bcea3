//! Presets in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::lead::{OrgId, SourceId};
use crate::ports::{PresetStore, StoreError};
use crate::presets::{Preset, PresetHead, PresetName};

/// The presets of all sources.
#[derive(Debug, Default)]
pub struct MemoryPresets {
    presets: Mutex<BTreeMap<(OrgId, SourceId, PresetName), Preset>>,
}

impl MemoryPresets {
    /// No presets.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl PresetStore for MemoryPresets {
    async fn get(
        &self,
        org: &OrgId,
        source: &SourceId,
        name: &PresetName,
    ) -> Result<Option<Preset>, StoreError> {
        let key = (org.clone(), source.clone(), name.clone());
        Ok(lock(&self.presets).get(&key).cloned())
    }

    async fn list(&self, org: &OrgId, source: &SourceId) -> Result<Vec<PresetHead>, StoreError> {
        let presets = lock(&self.presets);
        let here = presets
            .values()
            .filter(|preset| preset.org == *org && preset.source == *source);
        Ok(here.map(|preset| preset.head.clone()).collect())
    }

    async fn put(&self, preset: &Preset, most: usize) -> Result<bool, StoreError> {
        let mut presets = lock(&self.presets);
        let (org, source) = (preset.org.clone(), preset.source.clone());
        let others = presets.keys().filter(|(its_org, its_source, name)| {
            *its_org == org && *its_source == source && *name != preset.head.name
        });
        if others.count() >= most {
            return Ok(false);
        }
        presets.insert((org, source, preset.head.name.clone()), preset.clone());
        Ok(true)
    }

    async fn remove(
        &self,
        org: &OrgId,
        source: &SourceId,
        name: &PresetName,
    ) -> Result<bool, StoreError> {
        let key = (org.clone(), source.clone(), name.clone());
        Ok(lock(&self.presets).remove(&key).is_some())
    }
}
