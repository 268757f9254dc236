//! Columns of few different texts.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{ArrayRef, DictionaryArray, Int32Builder, StringArray},
    datatypes::Int32Type,
};

use crate::error::{Error, ErrorKind, Result};

/// Gathers a dictionary column. A text is mostly the one before it, so that is looked at first; Arrow's own
/// builder hashes each.
#[derive(Default)]
pub(super) struct DictionaryBuilder {
    keys: Int32Builder,
    values: Vec<String>,
    places: HashMap<String, i32>,
    last: i32,
}

impl DictionaryBuilder {
    pub(super) fn append_value(&mut self, text: &str) {
        let last = usize::try_from(self.last).ok().and_then(|last| self.values.get(last));
        if last.is_none_or(|last| last != text) {
            self.last = self.place(text);
        }
        self.keys.append_value(self.last);
    }

    pub(super) fn append_nulls(&mut self, nulls: usize) {
        self.keys.append_nulls(nulls);
    }

    fn place(&mut self, text: &str) -> i32 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        // A batch has far fewer rows than that.
        let place = i32::try_from(self.values.len()).unwrap_or(i32::MAX);
        self.values.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        place
    }

    /// The column; the builder is empty then.
    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        self.places.clear();
        self.last = 0;
        let values = StringArray::from_iter_values(self.values.drain(..));
        let array = DictionaryArray::<Int32Type>::try_new(self.keys.finish(), Arc::new(values));
        let array = array.map_err(|error| Error::new(ErrorKind::Schema(error.to_string())))?;
        Ok(Arc::new(array))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _};

    use super::*;

    #[test]
    fn texts_come_back_in_order_and_are_kept_once() {
        let mut builder = DictionaryBuilder::default();
        for _ in 0..2 {
            for text in ["tcp", "tcp", "udp", "", "tcp", "udp"] {
                builder.append_value(text);
            }
            builder.append_nulls(2);
            let array = builder.finish().unwrap();
            let array = array.as_dictionary::<Int32Type>();
            assert_eq!((array.len(), array.null_count(), array.values().len()), (8, 2, 3));
            let texts: Vec<_> = array.downcast_dict::<StringArray>().unwrap().into_iter().collect();
            assert_eq!(texts[..6], ["tcp", "tcp", "udp", "", "tcp", "udp"].map(Some));
        }
    }
}
