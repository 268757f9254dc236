//! Hosts to Arrow record batches of all tables.

use criterion::Criterion;
use scanmill::table::{BatchBuilder, Table, host_rows};

use crate::{Input, group};

pub fn bench(criterion: &mut Criterion, input: &Input) {
    let mut group = group(criterion, "table", input);
    group.bench_function(input.name, |b| b.iter(|| batches(input)));
}

fn batches(input: &Input) -> usize {
    let mut builders = Table::ALL.map(|table| BatchBuilder::new(table, None));
    for host in &input.hosts {
        let rows = host_rows(&input.run, host, &mut |row| {
            builders[row.table().number()].push(row);
            Ok(())
        });
        assert!(rows.is_ok(), "rows of generated hosts fit their tables");
    }
    builders.iter_mut().filter_map(|builder| builder.finish().ok()).map(|b| b.num_rows()).sum()
}
