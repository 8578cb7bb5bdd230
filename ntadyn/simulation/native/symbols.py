"""Numbers that write down what is done to them: formulas on components become straight lines of code.

A formula is written once, with the operators of Python and the functions below, for any number of components. Called
with symbols it writes one line per operation. Nothing is written twice, and nothing for sums with zero and products
with zero and one: what a formula does not need costs nothing.
"""

from collections.abc import Iterable, Sequence


class Code:
    """Lines of code, and the constants that they use.

    Attributes:
        lines: the lines, without indentation.
        constants: value -> name of a constant; several pieces of code may share them.
    """

    def __init__(self, constants: dict[float, str], prefix: str = "v"):
        self.lines: list[str] = []
        self.constants = constants
        self._prefix = prefix
        self._known: dict[str, Symbol] = {}

    def written(self, expression: str) -> "Symbol":
        """The symbol of an expression, on a new line unless there is one."""
        if expression not in self._known:
            name = f"{self._prefix}{len(self._known)}"
            self.lines.append(f"{name} = {expression}")
            self._known[expression] = Symbol(self, name)
        return self._known[expression]

    def named(self, name: str) -> "Symbol":
        """A number that has a name already, such as an argument."""
        return Symbol(self, name)

    def loaded(self, place: str) -> "Symbol":
        """A number in memory, read once."""
        return self.written(place)

    def store(self, place: str, value: "Number") -> None:
        """Write a number to memory; what was read from there before stays what it was."""
        self.lines.append(f"{place} = {self.text(value)}")

    def text(self, value: "Number") -> str:
        """How a number is written: by its name."""
        if isinstance(value, Symbol):
            return value.name
        return self.constants.setdefault(float(value), f"k{len(self.constants)}")


class Symbol:
    """A number of one lane."""

    def __init__(self, code: Code, name: str):
        self.code = code
        self.name = name

    def _with(self, operator: str, left: "Number", right: "Number") -> "Symbol":
        return self.code.written(f"{self.code.text(left)} {operator} {self.code.text(right)}")

    def __add__(self, other: "Number") -> "Symbol":
        return self if _is(other, 0) else self._with("+", self, other)

    def __radd__(self, other: "Number") -> "Symbol":
        return self + other

    def __sub__(self, other: "Number") -> "Symbol":
        return self if _is(other, 0) else self._with("-", self, other)

    def __rsub__(self, other: "Number") -> "Symbol":
        return -self if _is(other, 0) else self._with("-", other, self)

    def __mul__(self, other: "Number") -> "Number":
        if _is(other, 0):
            return 0.0
        return self if _is(other, 1) else self._with("*", self, other)

    def __rmul__(self, other: "Number") -> "Number":
        return self * other

    def __truediv__(self, other: "Number") -> "Symbol":
        return self._with("/", self, other)

    def __rtruediv__(self, other: "Number") -> "Symbol":
        return self._with("/", other, self)

    def __neg__(self) -> "Symbol":
        return self.code.written(f"-{self.name}")


Number = Symbol | float | int


def where(condition: str, left: Number, right: Number, then: Number, otherwise: Number) -> Symbol:
    """`then` where left < right, left > right or left == right, as the condition says; `otherwise` elsewhere."""
    code = next(item.code for item in (left, right) if isinstance(item, Symbol))
    told = f"{code.text(left)} {condition} {code.text(right)}"
    return code.written(f"{code.text(then)} if {told} else {code.text(otherwise)}")


def larger(one: Number, other: Number) -> Number:
    """max(one, other); at least one is a symbol, as in the functions below."""
    return where(">", one, other, one, other)


def smaller(one: Number, other: Number) -> Number:
    """min(one, other)."""
    return where("<", one, other, one, other)


def sign(number: Number) -> Number:
    """-1, 0 or 1."""
    return where(">", number, 0.0, 1.0, where("<", number, 0.0, -1.0, 0.0))


def size(number: Number) -> Number:
    """|number|."""
    return larger(number, -number)


def total(numbers: Iterable[Number]) -> Number:
    """Their sum, from left to right."""
    found: Number = 0.0
    for number in numbers:
        found = number + found if _is(found, 0) else found + number
    return found


def product(left: Sequence[Number], right: Sequence[Number]) -> Number:
    """The scalar product of two vectors."""
    return total(x * y for x, y in zip(left, right, strict=True))


def less(number: Number, left: Sequence[Number], right: Sequence[Number]) -> Number:
    """A number less a scalar product, term by term: each is one fused operation."""
    for x, y in zip(left, right, strict=True):
        number = number - x * y
    return number


def _is(number: Number, value: int) -> bool:
    return not isinstance(number, Symbol) and number == value
