//! Prints Arrow schemas as JSON, in the form of Arrow's integration tests. The schemas are those of the batches.

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::{
    document::{Json, object},
    view::View,
};
use crate::table::BatchBuilder;

/// Prints the schema of one table, or an array of schemas.
pub(super) fn print(tables: &[View]) -> String {
    match tables {
        [table] => schema(*table).print(),
        _ => Json::List(tables.iter().copied().map(schema).collect()).print(),
    }
}

fn schema(view: View) -> Json {
    let schema = BatchBuilder::new(view.table, Some(&view.columns())).schema();
    let mut dictionaries = 0..;
    let fields: Vec<Json> = schema.fields().iter().map(|f| field(f, &mut dictionaries)).collect();
    object! {"name": view.table.name(), "fields": fields}
}

/// Converts a field. `dictionaries` numbers the dictionaries of a schema.
fn field(field: &Field, dictionaries: &mut std::ops::RangeFrom<i32>) -> Json {
    let (values, keys) = match field.data_type() {
        DataType::Dictionary(keys, values) => (&**values, Some(&**keys)),
        other => (other, None),
    };
    let children: Vec<Json> = match values {
        DataType::List(item) => vec![self::field(item, dictionaries)],
        DataType::Struct(fields) => fields.iter().map(|f| self::field(f, dictionaries)).collect(),
        _ => Vec::new(),
    };
    let mut members = vec![
        ("name".to_owned(), field.name().as_str().into()),
        ("nullable".to_owned(), field.is_nullable().into()),
        ("type".to_owned(), data_type(values)),
        ("children".to_owned(), children.into()),
    ];
    if let Some(keys) = keys {
        let id = dictionaries.next().unwrap_or_default();
        let dictionary = object! {"id": id, "indexType": data_type(keys), "isOrdered": false};
        members.push(("dictionary".to_owned(), dictionary));
    }
    Json::Object(members)
}

fn data_type(data_type: &DataType) -> Json {
    match data_type {
        DataType::Utf8 => object! {"name": "utf8"},
        DataType::Int32 => object! {"name": "int", "bitWidth": 32, "isSigned": true},
        DataType::Int64 => object! {"name": "int", "bitWidth": 64, "isSigned": true},
        DataType::Float64 => object! {"name": "floatingpoint", "precision": "DOUBLE"},
        DataType::Boolean => object! {"name": "bool"},
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            object! {"name": "timestamp", "unit": "MICROSECOND", "timezone": &**zone}
        }
        DataType::FixedSizeBinary(width) => {
            object! {"name": "fixedsizebinary", "byteWidth": *width}
        }
        DataType::List(_) => object! {"name": "list"},
        DataType::Struct(_) => object! {"name": "struct"},
        // No kind of column has another type; the tests look for this name.
        other => object! {"name": format!("unknown: {other}")},
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    #[test]
    fn every_type_has_its_name() {
        let text = print(&Table::ALL.map(View::new));
        assert!(!text.contains("unknown"));
        for name in [
            "utf8",
            "int",
            "floatingpoint",
            "bool",
            "timestamp",
            "fixedsizebinary",
            "list",
            "struct",
        ] {
            assert!(text.contains(&format!(r#"{{"name": "{name}""#)), "{name}");
        }
    }

    #[test]
    fn dictionaries_are_numbered_within_a_schema() {
        let schema: serde_json::Value =
            serde_json::from_str(&print(&[View::new(Table::Hosts)])).unwrap();
        let fields = schema["fields"].as_array().unwrap();
        let ids: Vec<_> =
            fields.iter().filter_map(|field| field["dictionary"]["id"].as_u64()).collect();
        assert!(ids.len() > 2 && ids.iter().copied().eq(0..ids.len() as u64), "{ids:?}");
        // Texts in lists are not dictionaries.
        let names = fields.iter().find(|field| field["name"] == "hostnames").unwrap();
        let item = &names["children"][0];
        assert_eq!((&item["name"], &item["type"]["name"]), (&"item".into(), &"struct".into()));
        assert!(item["children"][1].get("dictionary").is_none(), "{item}");
    }
}
