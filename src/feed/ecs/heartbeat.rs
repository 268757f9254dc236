//! Event of a watch that has nothing else to write.

use super::{event::VERSION, options::Ecs};
use crate::{
    model::Timestamp,
    text::json::{OBJECT, key, write_array, write_container, write_members},
};

/// Dataset of the event, which is also that of its data stream.
const DATASET: &str = "scanmill.heartbeat";

impl Ecs {
    /// Writes an event that shows that a watch runs and reaches its feed. `id` must be unique.
    pub fn heartbeat(&self, id: &str, time: Timestamp, out: &mut Vec<u8>) {
        self.line(id, out, &mut |_, out| {
            write_members!(out, "@timestamp": time);
            write_container(
                key!("ecs"),
                OBJECT,
                out,
                |out| write_members!(out, "version": VERSION),
            );
            write_container(key!("data_stream"), OBJECT, out, |out| {
                write_members!(out, "type": "logs", "dataset": DATASET, "namespace": &self.namespace);
            });
            write_container(key!("observer"), OBJECT, out, |out| {
                write_members!(out,
                    "product": "scanmill",
                    "version": env!("CARGO_PKG_VERSION"),
                    "type": "scanner",
                    "name": self.sensor.as_deref(),
                );
            });
            write_container(key!("event"), OBJECT, out, |out| {
                write_members!(out, "kind": "event");
                write_array(key!("category"), ["process"], out);
                write_array(key!("type"), ["info"], out);
                write_members!(out,
                    "module": "scanmill",
                    "dataset": DATASET,
                    "id": id,
                    "action": "heartbeat",
                    "outcome": "success",
                );
            });
            write_members!(out, "message": "scanmill watch is running");
        });
    }
}
