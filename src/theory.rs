//! Closed forms: the oracles the simulation is tested against, and the "expected" values of reports.
//!
//! Nothing here draws or simulates. Times are in whatever unit the rates are per; loads are in erlang. What can go wrong:
//! a load at or above capacity has no steady state, and the functions then return `f64::INFINITY`, never a wrong number.

pub mod balance;
pub mod cache;
pub mod erlang;
pub mod estimate;
pub mod multi;
pub mod network;
pub mod quorum;
pub mod single;
pub mod special;
