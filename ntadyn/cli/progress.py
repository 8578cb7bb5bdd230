"""What a command is doing and how long it will take, on standard error, so that standard output is for results."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

# On a screen, and in a log, where every line stays.
TICK_SECONDS, TICK_SECONDS_OF_A_LOG = 0.5, 10.0
# The most of a stage that is shown as done before it is over.
MOST_OF_A_STAGE = 0.95


def say(text: str) -> None:
    """One line on standard error, at once.

    Args:
        text: what the command is about to do.
    """
    print(text, file=sys.stderr, flush=True)


def warn(sentences: Iterable[str]) -> None:
    """Warnings on standard error, one line each.

    Args:
        sentences: the warnings, see `ntadyn.specs.warnings_of`.
    """
    for sentence in sentences:
        say(f"warning: {sentence}")


@contextmanager
def stages(costs: Mapping[str, float]) -> Iterator[Callable[[str], None]]:
    """A progress bar over stages that cannot say how far they have come.

    Within a stage it moves at the pace of the stages before, so that the guess of the time left improves.

    Args:
        costs: name of every stage, in order -> about how many seconds it takes.

    Yields:
        A function to call with the name of every stage when it begins.
    """
    from tqdm import tqdm

    ends, total = {}, 0.0
    for name, cost in costs.items():
        total += cost
        ends[name] = total
    layout = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} so far, about {remaining} left"
    bar = tqdm(total=total, bar_format=layout, desc=next(iter(costs)), mininterval=0, leave=True)
    stage, over = next(iter(costs)), threading.Event()
    start, began = 0.0, time.monotonic()  # of the stage

    def enter(name: str) -> None:
        nonlocal stage, start, began
        stage, start, began = name, ends[name] - costs[name], time.monotonic()
        bar.set_description_str(name, refresh=False)
        show(start)

    def show(done: float) -> None:
        bar.n = max(bar.n, done)
        bar.refresh()

    def tick() -> None:
        while not over.wait(TICK_SECONDS if sys.stderr.isatty() else TICK_SECONDS_OF_A_LOG):
            pace = start / max(bar.format_dict["elapsed"] - (time.monotonic() - began), 1e-3) if start else 1.0
            here = min(pace * (time.monotonic() - began), MOST_OF_A_STAGE * costs[stage])
            show(start + here)

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield enter
        show(total)
    except BaseException:
        bar.leave = False
        raise
    finally:
        over.set()
        ticker.join()
        bar.close()
