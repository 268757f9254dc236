//! Hosts of a merge, and histories, to rows and lines.

use super::{
    super::{
        OUTPUT,
        output::{Output, Taker},
    },
    Coder, Way, encode, hand,
};
use crate::{
    error::Result,
    merge::HistoryParts,
    model::{HostState, MergedHost, RunHeader},
    table::{Row, host_interval_row, merged_rows, port_interval_row},
};

impl Coder {
    /// A host of a merge; what is not to be written of it is left out now.
    pub(in super::super) fn merged(
        &mut self,
        mut merged: MergedHost<'_>,
        runs: &[&RunHeader],
        taker: &mut dyn Taker,
    ) -> Result<()> {
        if self.filters.up && merged.host.status.state != HostState::Up {
            return Ok(());
        }
        if let Some(engine) = &self.filters.engine {
            let status = merged.origins.status;
            let run = usize::try_from(status).ok().and_then(|number| runs.get(number));
            let run = run.map(|run| (*run).clone()).unwrap_or_default();
            self.report.fail(engine.run_at_once(&run, &mut merged.host));
            merged.origins.scripts.resize(merged.host.scripts.len(), status);
        }
        if !self.filters.states.is_empty() {
            let mut kept = merged.host.ports.iter().map(|port| self.filters.keeps(port));
            merged.origins.ports.retain(|_| kept.next().unwrap_or_default());
            merged.host.ports.retain(|port| self.filters.keeps(port));
        }
        match &mut self.way {
            Way::Tables(encoder) => {
                let ids: Vec<&str> = runs.iter().map(|run| run.scan_id.as_str()).collect();
                merged_rows(&merged, &ids, &mut |row| encode(encoder, &mut self.rows, row))
            }
            Way::Feed { buffer, feed } => {
                let lines =
                    feed.merged_in_pieces(&merged, runs, buffer, &mut |text| hand(text, taker))?;
                self.report.lines = self.report.lines.saturating_add(lines);
                Ok(())
            }
            Way::Staged(_) | Way::Nothing => Ok(()),
        }
    }

    /// What was true of a host. Of ports those in the states to keep.
    pub(in super::super) fn history(
        &mut self,
        history: &HistoryParts<'_>,
        ids: &[&str],
        taker: &mut dyn Taker,
    ) -> Result<()> {
        let Way::Tables(encoder) = &mut self.way else { return Ok(()) };
        let host_key = history.host_key;
        for interval in history.host() {
            let mut put = |row: &Row<'_>| encode(encoder, &mut self.rows, row);
            host_interval_row(host_key, &interval, ids, &mut put)?;
        }
        for interval in history.ports().filter(|port| self.filters.keeps_state(&port.state)) {
            let mut put = |row: &Row<'_>| encode(encoder, &mut self.rows, row);
            port_interval_row(host_key, &interval, ids, &mut put)?;
            // A host may have any number of them.
            if encoder.buffered() >= OUTPUT {
                taker.take(Output::Pieces(encoder.take()))?;
            }
        }
        Ok(())
    }
}
