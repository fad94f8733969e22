//! The time series as comma-separated values.
