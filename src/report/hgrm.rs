//! The latency distribution in the text format of HdrHistogram.
