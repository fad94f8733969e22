//! What is measured: observations in a [`histogram`], counts over time in a [`gauge`].

pub mod gauge;
pub mod histogram;
