"""Nested learning: learners made of parts that learn from different data at different speeds."""
