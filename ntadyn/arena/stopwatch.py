"""How long something took, and how much of that was compiling."""

import dataclasses
import time
from types import TracebackType

import jax

# What JAX reports when it has compiled a program; tracing, which is reported nested, is not among it.
_COMPILING = "/jax/core/compile/backend_compile_duration"


@dataclasses.dataclass
class Stopwatch:
    """Seconds inside a `with` statement.

    Attributes:
        total: of everything.
        compiling: those of the total in which XLA compiled.
    """

    total: float = 0.0
    compiling: float = 0.0

    def __enter__(self) -> "Stopwatch":
        self._began = time.perf_counter()
        jax.monitoring.register_event_duration_secs_listener(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        jax.monitoring.unregister_event_duration_listener(self._listen)
        self.total = time.perf_counter() - self._began

    @property
    def half(self) -> "Stopwatch":
        """Half of everything, for each of two that were run together."""
        return Stopwatch(0.5 * self.total, 0.5 * self.compiling)

    def _listen(self, event: str, duration_secs: float, **_: object) -> None:
        if event == _COMPILING:
            self.compiling += duration_secs
