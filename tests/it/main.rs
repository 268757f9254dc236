//! One integration binary: the library and the command on real and damaged input.

mod rules;
mod schemas;
