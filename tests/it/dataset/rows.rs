//! The rows of a table of a dataset, as record batches.

use std::fs;

use arrow::compute::concat_batches;
use scanmill::{
    dataset::{Dataset, TableOptions},
    error::Result,
    ops::ReadBatches,
    table::{RecordBatch, Table},
};

use super::{Place, Scan, files_below};
use crate::support;

/// All rows, as one batch.
fn whole(batches: impl Iterator<Item = Result<RecordBatch>>) -> RecordBatch {
    let batches: Vec<_> = batches.map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

#[test]
fn every_table_has_all_its_rows_with_one_schema() {
    let place = Place::new();
    for (number, fixture) in support::fixtures().iter().enumerate() {
        place.write(&fixture.name, &fixture.bytes);
        if number == 20 {
            place.load(&[]);
        }
    }
    place.load(&[]);
    let dataset = Dataset::open(&place.dataset()).unwrap();
    let status = dataset.status().unwrap();
    assert!(status.commits > 1);
    for table in Table::ALL {
        let batches = dataset.table(table, &TableOptions::default().with_batch_rows(50)).unwrap();
        let schema = batches.schema();
        assert_eq!(schema, ReadBatches::schema(table));
        let mut rows = 0;
        for batch in batches.map(Result::unwrap) {
            assert!(batch.schema() == schema && batch.num_rows() <= 50);
            rows += batch.num_rows();
        }
        assert_eq!(rows as u64, status.rows[table.name()], "{}", table.name());
    }
    let some = TableOptions::default().with_columns(["port", "ip"]);
    let batches = dataset.table(Table::Ports, &some).unwrap();
    let schema = batches.schema();
    let some = whole(batches);
    assert_eq!(some.schema(), schema);
    let every = whole(dataset.table(Table::Ports, &TableOptions::default()).unwrap());
    assert_eq!(some.schema().field(0).name(), "port");
    assert_eq!(some.column(1), every.column_by_name("ip").unwrap());
    let none = TableOptions::default().with_columns(["none"]);
    assert!(dataset.table(Table::Ports, &none).is_err());
}

#[test]
fn dates_select_partitions_and_no_other_file_is_opened() {
    let place = Place::new();
    // Three scans per date.
    for second in 0..9 {
        place.write(&format!("{second}.xml"), Scan::new(second, 2).xml());
    }
    place.load(&[]);
    let dataset = Dataset::open(&place.dataset()).unwrap();
    let count = |options: &TableOptions| -> Result<usize> {
        dataset.table(Table::Hosts, options)?.map(|batch| Ok(batch?.num_rows())).sum()
    };
    let all = TableOptions::default();
    let since = all.clone().with_since("2020-09-14");
    let dates: Vec<_> = dataset.files(Some(Table::Hosts)).collect();
    assert_eq!(dates.len(), 3, "{dates:?}");
    assert_eq!(count(&all).unwrap(), 18);
    assert_eq!(count(&since).unwrap(), 12);
    assert_eq!(count(&since.clone().with_until("2020-09-14")).unwrap(), 6);
    assert_eq!(count(&all.clone().with_until("2020-09-13")).unwrap(), 6);
    assert_eq!(count(&all.clone().with_since("2021-01-01")).unwrap(), 0);

    let first = files_below(&place.dataset().join("hosts/scan_date=2020-09-13")).pop().unwrap();
    fs::write(first, "damaged").unwrap();
    assert_eq!(count(&since).unwrap(), 12);
    let mut batches = dataset.table(Table::Hosts, &all).unwrap();
    let error = batches.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("scan_date=2020-09-13"), "{error}");
    assert!(batches.next().is_none(), "an error ends the rows");
}
