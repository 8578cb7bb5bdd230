"""ntadyn arena: rival methods on one stream of tasks, compared fairly."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ntadyn.arena.entry import Entry
from ntadyn.arena.presets import PRESETS, PUBLISHED, chosen, entries_of, on_data
from ntadyn.cli.devices import wake_jax
from ntadyn.cli.progress import say
from ntadyn.cli.values import one_of
from ntadyn.limits import MOST_REPETITIONS
from ntadyn.results.text import printable
from ntadyn.specs.continual_data import ContinualFile

DEFAULT = "population"


@dataclass(frozen=True)
class Arena:
    """Run rival methods of continual learning on one stream of tasks, print a table, draw it, and write a NetCDF file.

    Where a grid is printed, a parameter was chosen from it on teachers, starts and batches of its own, or, of data, on
    a part of what is practised; the untuned row is shown beside. What no grid is printed for is fixed.
    """

    methods: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = ()
    """Who takes part; if omitted, all methods of the preset."""
    preset: Annotated[str, one_of(PRESETS)] = DEFAULT
    """The stream."""
    csv: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """A CSV file in place of a preset: a column "task", a column "class", numbers in all others."""
    seeds: Annotated[int, tyro.conf.arg(metavar="N")] = 5
    """Repetitions of every row."""
    seed: int = 0
    """The one recorded seed."""
    out: Path = Path("arena")
    """Folder for arena.nc, arena.txt, arena.png and arena.pdf."""

    def run(self) -> int:
        """Run, print, write, draw; 0 if every trajectory succeeded, 1 otherwise."""
        if not 1 <= self.seeds <= MOST_REPETITIONS:
            raise ValueError(f"seeds is {self.seeds}; it must be between 1 and {MOST_REPETITIONS}.")
        entries = chosen(self._all(), self.methods)

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            into = printable(str(self.out))
            stream = self.preset if self.csv is None else printable(self.csv)
            say(f"arena: {len(entries)} methods on {stream}, {self.seeds} repetitions, into {into}")

            wake_jax()

            from ntadyn.arena.contest import Contest, run_contest
            from ntadyn.arena.table import table
            from ntadyn.plotting.arena import arena_figure
            from ntadyn.plotting.style import save_figure

            published = "" if self.csv is not None else PUBLISHED.get(self.preset, "")
            contest = Contest(entries, num_seeds=self.seeds, seed=self.seed, published=published)
            dataset = run_contest(contest, tell=lambda line: say(f"  {line}")).assign_attrs(stream=stream)
            written = [storage.write_dataset(dataset, folder / "arena.nc")]  # before anything else can fail
            text = "\n".join(table(dataset))
            print(text)
            written.append(storage.write_bytes(f"{text}\n".encode(), folder / "arena.txt"))
            written += save_figure(arena_figure(dataset), folder / "arena")
        for path in written:
            print(f"wrote {path}")
        return int(bool((dataset.result > 0).any()))

    def _all(self) -> tuple[Entry, ...]:
        """Everybody who could take part."""
        if self.csv is None:
            return entries_of(self.preset)
        if self.preset != DEFAULT:
            raise ValueError(f"--csv {self.csv} and --preset {self.preset} exclude each other; leave out one.")
        if not Path(self.csv).is_file():
            raise ValueError(f"--csv {self.csv!r} is not an existing file; name a CSV file with a header.")
        return on_data(ContinualFile(file=self.csv))
