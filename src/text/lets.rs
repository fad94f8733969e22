//! placeholder
use super::Node;
use crate::diagnostic::Diagnostics;
pub(super) fn resolve(_root: &mut Node, _diags: &mut Diagnostics) {}
