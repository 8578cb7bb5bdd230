"""How long something took, compilation apart."""

import dataclasses
import time
from types import TracebackType

import jax

# What JAX reports of tracing, lowering and compiling.
_COMPILING = "/jax/core/compile/"


@dataclasses.dataclass
class Stopwatch:
    """Seconds inside a `with` statement.

    Attributes:
        running: without compilation.
        compiling: tracing, lowering and compiling.
    """

    running: float = 0.0
    compiling: float = 0.0

    def __enter__(self) -> "Stopwatch":
        self._began = time.perf_counter()
        jax.monitoring.register_event_duration_secs_listener(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        jax.monitoring.unregister_event_duration_listener(self._listen)
        self.running = max(time.perf_counter() - self._began - self.compiling, 0.0)

    @property
    def half(self) -> "Stopwatch":
        """Half of everything, for each of two that were run together."""
        return Stopwatch(0.5 * self.running, 0.5 * self.compiling)

    def _listen(self, event: str, duration_secs: float, **_: object) -> None:
        if event.startswith(_COMPILING):
            self.compiling += duration_secs
