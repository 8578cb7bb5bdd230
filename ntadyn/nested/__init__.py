"""Nested learning: learners made of parts that learn from different data at different speeds."""

from ntadyn.nested.gate_hierarchy import GateHierarchy as GateHierarchy
from ntadyn.nested.hierarchy_flow import (
    CONTEXT_SHARES as CONTEXT_SHARES,
    CONTEXT_SIMILARITY as CONTEXT_SIMILARITY,
    PATH_GATES as PATH_GATES,
    HierarchyFlow as HierarchyFlow,
    HierarchyState as HierarchyState,
)
