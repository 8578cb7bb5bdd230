"""Small symmetric matrices by components, with plain arithmetic: the same for arrays of lanes and for symbols."""

from typing import Any

Matrix = list[list[Any]]


def combined(left: list[Any], right: list[Any]) -> Any:
    """The scalar product of two vectors, from left to right."""
    first, *rest = (x * y for x, y in zip(left, right, strict=True))
    return sum(rest, start=first)


def pair(symmetric: Matrix, p: int, q: int) -> Any:
    """An entry of a symmetric matrix that holds each pair once, q <= p."""
    return symmetric[max(p, q)][min(p, q)]


def factorised(matrix: Matrix) -> tuple[Matrix, list[Any]]:
    """L (below its unit diagonal) and 1/D of a symmetric positive definite L D L^T, given below its diagonal."""
    lower: Matrix = []
    inverse: list[Any] = []
    for p, row in enumerate(matrix):
        scaled, left = [], row[p]
        for q in range(p):
            entry = row[q]
            for k in range(q):
                entry = entry - scaled[k] * lower[q][k]
            scaled.append(entry)
        factors = [x * inverse[q] for q, x in enumerate(scaled)]
        for x, y in zip(scaled, factors, strict=True):
            left = left - x * y
        lower.append(factors)
        inverse.append(1 / left)
    return lower, inverse


def solved(factor: tuple[Matrix, list[Any]], right: list[Any]) -> list[Any]:
    """The solution x of L D L^T x = right, from what `factorised` returns."""
    lower, inverse = factor
    x = list(right)
    size = len(x)
    for p in range(size):
        for q in range(p):
            x[p] = x[p] - lower[p][q] * x[q]
    x = [value * inverse[p] for p, value in enumerate(x)]
    for p in reversed(range(size)):
        for q in range(p + 1, size):
            x[p] = x[p] - lower[q][p] * x[q]
    return x
