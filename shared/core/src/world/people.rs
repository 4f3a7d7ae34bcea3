//! What goes on beside exports: leads that come, go and change, a source whose fields change.

use std::time::Duration;

use super::{World, model, org, source, source_id};
use crate::fields::Source;
use crate::lead::Value;
use crate::ports::Clock as _;

impl World {
    /// One lead comes, goes or changes its status, as `which` says.
    pub(super) fn change(&self, which: u64) {
        let leads = self.leads.leads(&org(), &source_id());
        let number = u32::try_from(which).unwrap();
        let Some(one) = leads.get(number as usize % leads.len().max(1)) else {
            return;
        };
        match which % 3 {
            // A lead that comes meanwhile was not there all the while, whatever the caller's clock says.
            0 => {
                let later = self.clock.0.now().plus(Duration::from_millis(1));
                let lead = model::odd_lead(5000 + number, later);
                let mut versions = self.versions.lock().unwrap();
                versions.entry(lead.key()).or_default().push(None);
                drop(versions);
                self.put_lead(lead);
            }
            1 => self.remove_lead(&one.key()),
            _ => {
                let mut changed = one.clone();
                let is_sold = changed.values["status"] == Value::from("sold");
                let status = if is_sold { "active" } else { "sold" };
                changed.values.insert("status".into(), status.into());
                self.put_lead(changed);
            }
        }
    }

    /// The source's fields change: what was asked for is frozen (I10).
    pub(super) fn rename(&self) {
        self.sources.put_source(Source {
            name: "renamed".into(),
            time_zone: "Asia/Tokyo".into(),
            people: true,
            attributes: vec![crate::fields::Attribute {
                key: "later".into(),
                label: "Later".into(),
            }],
            ..source("crm")
        });
    }
}
