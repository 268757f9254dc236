//! Columns with few distinct texts.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{ArrayRef, DictionaryArray, Int32Array, StringArray},
    buffer::NullBuffer,
    datatypes::Int32Type,
};

use crate::error::{Error, Result};

/// Number of texts that are compared one by one: most columns have fewer, and comparing them costs less than a hash.
const COMPARED: usize = 8;

/// Builder of a dictionary column. Most texts equal the one before, so that is compared first; Arrow's own builder
/// hashes every text.
#[derive(Default)]
pub(super) struct DictionaryBuilder {
    keys: Vec<i32>,
    values: Vec<String>,
    /// Places of the texts after the first [`COMPARED`].
    places: HashMap<String, i32>,
    last: i32,
}

impl DictionaryBuilder {
    pub(super) fn append_value(&mut self, text: &str) {
        let last = usize::try_from(self.last).ok().and_then(|last| self.values.get(last));
        if last.is_none_or(|last| last != text) {
            self.last = self.place(text);
        }
        self.keys.push(self.last);
    }

    pub(super) fn append_nulls(&mut self, nulls: usize) {
        self.keys.resize(self.keys.len().saturating_add(nulls), 0);
    }

    fn place(&mut self, text: &str) -> i32 {
        let compared = self.values.iter().take(COMPARED).position(|value| value == text);
        // A batch has far fewer rows than `i32::MAX`.
        debug_assert!(i32::try_from(self.values.len()).is_ok(), "more values than keys");
        let place = |at| i32::try_from(at).unwrap_or(i32::MAX);
        if let Some(found) = compared.map(place).or_else(|| self.places.get(text).copied()) {
            return found;
        }
        let place = place(self.values.len());
        if self.values.len() >= COMPARED {
            self.places.insert(text.to_owned(), place);
        }
        self.values.push(text.to_owned());
        place
    }

    /// Returns the column and empties the builder.
    pub(super) fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        self.places.clear();
        self.last = 0;
        let values = StringArray::from_iter_values(self.values.drain(..));
        let room = Vec::with_capacity(self.keys.len());
        let keys = std::mem::replace(&mut self.keys, room);
        let keys = Int32Array::new(keys.into(), nulls);
        let array = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values));
        let array = array.map_err(|error| Error::internal(error.to_string()))?;
        Ok(Arc::new(array))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _};

    use super::*;

    #[test]
    fn many_texts_are_stored_once() {
        let mut builder = DictionaryBuilder::default();
        let texts: Vec<String> = (0..40).map(|number| (number % 20).to_string()).collect();
        for _ in 0..2 {
            for text in &texts {
                builder.append_value(text);
            }
            let array = builder.finish(None).unwrap();
            let array = array.as_dictionary::<Int32Type>();
            let values = array.downcast_dict::<StringArray>().unwrap();
            assert_eq!(array.values().len(), 20);
            assert!(values.into_iter().eq(texts.iter().map(|text| Some(text.as_str()))));
        }
    }

    #[test]
    fn texts_are_returned_in_order_and_stored_once() {
        let mut builder = DictionaryBuilder::default();
        for _ in 0..2 {
            for text in ["tcp", "tcp", "udp", "", "tcp", "udp"] {
                builder.append_value(text);
            }
            builder.append_nulls(2);
            let nulls = NullBuffer::from(vec![true, true, true, true, true, true, false, false]);
            let array = builder.finish(Some(nulls)).unwrap();
            let array = array.as_dictionary::<Int32Type>();
            assert_eq!((array.len(), array.null_count(), array.values().len()), (8, 2, 3));
            let texts: Vec<_> = array.downcast_dict::<StringArray>().unwrap().into_iter().collect();
            assert_eq!(texts[..6], ["tcp", "tcp", "udp", "", "tcp", "udp"].map(Some));
        }
    }
}
