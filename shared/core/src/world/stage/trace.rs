//! What happens, told line by line.

use super::Stage;
use crate::record::Export;

impl Stage {
    pub(crate) fn trace(&self) -> &[String] {
        self.trace.as_deref().unwrap_or_default()
    }

    pub(super) fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let at = self.now().since(self.began);
            let line = format!("{:>10.3} s  {}", at.as_secs_f64(), line(self));
            if let Some(trace) = &mut self.trace {
                trace.push(line);
            }
        }
    }

    /// Tells a state that was written.
    pub(in crate::world) fn note_state(&mut self, export: &Export) {
        self.note(|_| {
            let (head, lease) = (&export.head, export.lease.map(|lease| lease.run));
            let pieces: u32 = export
                .checkpoint
                .iter()
                .flat_map(|known| known.runs.iter().map(|run| run.pieces))
                .sum();
            format!(
                "    version {} {}: {} rows, {pieces} pieces, lease {lease:?}, due {:?}",
                export.version,
                head.status.as_str(),
                head.progress.leads_written,
                export.due_at.map(|at| at.to_string())
            )
        });
    }

    pub(super) fn tell_calls(&mut self, name: &str, before: u64, struck: usize) {
        let all = self.world.plan.calls();
        let struck = self.world.script.struck().split_off(struck);
        for call in &all[usize::try_from(before).unwrap()..] {
            let faults: Vec<String> = struck
                .iter()
                .filter(|(number, ..)| *number == call.number)
                .map(|(_, kind, _)| format!("  <== {kind}"))
                .collect();
            self.note(|_| {
                format!(
                    "{name}: {:>3} {}{}",
                    call.number,
                    call.name,
                    faults.concat()
                )
            });
        }
    }
}
