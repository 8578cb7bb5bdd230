"""The cells of the page: a card for the one that is shown and for every pin, and what their quantities mean."""

import html

import panel as pn

from ntadyn.explorer.cell_plots import CellPlots
from ntadyn.explorer.curves import Curves
from ntadyn.explorer.layers import explained
from ntadyn.explorer.shown import Shown
from ntadyn.explorer.styles import STRETCHED, WIDE, text_pane
from ntadyn.explorer.view import Chosen
from ntadyn.sweeps.cell_runs import CellRun


class Cards:
    """Cards of cells.

    Attributes:
        root: all of them.
        glossary: what the quantities in them mean.
    """

    def __init__(self, shown: Shown):
        self._shown = shown
        self._cards: dict[str, _Card] = {}
        self.root = pn.FlexBox(**STRETCHED, gap="0.5rem")
        self.glossary = text_pane()

    def show(self, wanted: dict[str, Chosen], found: dict[str, tuple[CellRun, Curves]]) -> None:
        """Show cells that were run.

        Args:
            wanted: "cell" or "pin NUMBER" -> which cell it is.
            found: likewise -> its run, and the curves of it.
        """
        for name in [*self._cards]:
            if name not in found:
                del self._cards[name]
        for name, (run, curves) in found.items():
            if name in self._cards and self._cards[name].plots.fits(curves):
                self._cards[name].plots.show(curves)
            else:
                self._cards[name] = _Card(name, curves)
            self._cards[name].shows = wanted[name], run, curves
        self.tell()
        cards = [self._cards[name].root for name in found]
        if self.root.objects != cards:
            self.root.objects = cards
        texts = dict(text for card in self._cards.values() for text in card.plots.texts)
        self._tell_glossary(texts)

    def tell(self) -> None:
        """Say of every cell where it is and what came out; again when there is a map to compare it with."""
        for name, card in self._cards.items():
            if card.shows is not None:
                card.title.object = _title(self._shown, name, *card.shows)

    def _tell_glossary(self, texts: dict[str, str]) -> None:
        rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in texts.items())
        rows += "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in _PLANE_WORDS)
        self.glossary.object = f"<dl>{rows}</dl>"


class _Card:
    def __init__(self, name: str, curves: Curves):
        self.plots = CellPlots(curves, name)
        self.title = text_pane()
        self.shows: tuple[Chosen, CellRun, Curves] | None = None
        figures = [pn.pane.Bokeh(figure, **STRETCHED) for figure in self.plots.figures]
        styles = WIDE | {"flex": "1 1 290px", "min-width": "min(290px, 100%)"}
        self.root = pn.Column(self.title, *figures, styles=styles, **STRETCHED)


def _title(shown: Shown, name: str, chosen: Chosen, run: CellRun, curves: Curves) -> str:
    """Where a cell is, what was moved, its score beside that of the map, and how far finer records moved it."""
    assert shown.plot is not None
    what = "Cell" if name == "cell" else f"Pinned {int(name.split()[1]) + 1}"
    lines = [f"<h2>{what}: {html.escape(shown.plot.says(chosen.cell))}</h2>"]
    if chosen.moved:
        lines.append(html.escape(", ".join(f"{path} = {value}" for path, value in chosen.moved)))
    score = shown.view.score or ("alignment" if "alignment" in run.scores else str(next(iter(run.scores))))
    if score in run.scores and run.scores[score].ndim == 1:
        lines.append(_score_line(shown, score, chosen, run))
    if run.apart == run.apart:
        lines.append(
            f'<abbr title="{_APART}">finer records</abbr> move gates by up to {run.apart:.0e}'
            + (f"; {curves.failed} repetitions failed and are left out" if curves.failed else "")
        )
    return "<br>".join(lines)


def _score_line(shown: Shown, score: str, chosen: Chosen, run: CellRun) -> str:
    assert shown.map is not None
    values = run.scores[score].values.astype(float)
    mean, number = float(values.mean()), len(values)
    sem = f" ± {float(values.std(ddof=1)) / number**0.5:.2g}" if number > 1 else ""
    text = html.escape(explained(score), quote=True)
    line = f'<abbr title="{text}">{html.escape(score.replace("_", " "))}</abbr> {mean:.4f}{sem}'
    stored = None if chosen.moved else shown.map.score_at(chosen.cell, score)
    if stored is None:
        return line
    gap = float(abs(stored - values).max())
    return line + ("; the map has the same to the last bit" if gap == 0 else f"; the map differs by up to {gap:.1e}")


_APART = (
    "Trajectories have records inside blocks, which need steps of their own; the score is that of the steps of the map."
)
_PLANE_WORDS = (
    ("c₁ − c₂", "difference of both gates"),
    ("Dₑ", "component of W¹ − W² along the difference of both teachers, A − B"),
    (
        "task A, task B: both rest",
        "nullcline: there the error along A − B is gone, at the end of the last block of that task",
    ),
    ("exact curve, constant Q", "Dₑ² − (τ_c/τ_W)(c₁ − c₂)², conserved while both gates are positive, through the end"),
    ("thin lines", "single repetitions; the thick line is their mean"),
)
