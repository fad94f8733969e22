//! The ground of plimsoll: quantities, tables, chance, numbers, and the future event set.

pub mod units;

pub mod table;

pub mod reader;

pub mod random;

pub mod theory;

pub mod distribution;

pub mod measure;

pub mod calendar;
