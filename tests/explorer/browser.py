"""A real browser, and the page of `ntadyn explore` in it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 300
"""Seconds until something must be on the page: a machine with other tests on it compiles slowly."""
POLLING = 200
"""Milliseconds between looks at the page; more of them would be half of what the browser does."""
NAMED = """
const models = () => (globalThis.Bokeh?.documents ?? [])[0]?._all_models.values() ?? []
const named = (name) => Array.from(models()).filter((model) => model.name == name).at(-1)
"""
PLACE = """(cell) => {
    const map = named("map"), data = named("cells").data, k = Array.from(data.cell).indexOf(cell)
    const view = Bokeh.index.find_one(map), box = view.el.getBoundingClientRect()
    return [
        box.left + view.frame.x_scale.compute((data.left[k] + data.right[k]) / 2),
        box.top + view.frame.y_scale.compute((data.bottom[k] + data.top[k]) / 2),
    ]
}"""


def chromium() -> str | None:
    """Where the machine's Chromium is."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def needed_or_skipped() -> None:
    """Skip where there is no browser, unless a machine runs this whose business it is to have one."""
    missing = "" if chromium() else "no Chromium is installed"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        missing = "Playwright is not installed"
    if missing and os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{missing}, and CI is true")
    if missing:
        pytest.skip(missing)


@contextmanager
def served(*arguments: str, **environment: str) -> Iterator[str]:
    """The address of a page that the command serves, with some variables of its environment."""
    command = [sys.executable, "-m", "ntadyn", "explore", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, "the command printed no address"
            yield url
        finally:
            process.terminate()


class Tab:
    """A tab of the browser with a view, and what went wrong in it."""

    def __init__(self, browser, url: str, width: int = 1280):
        self.page = browser.new_page(viewport={"width": width, "height": 900}, accept_downloads=True)
        self.wrong: list[str] = []
        self.page.on("console", lambda item: item.type == "error" and self.wrong.append(item.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.goto(url)

    def value(self, script: str, given=None):
        """What a script returns."""
        return self.page.evaluate(_with_names(script), given)

    def wait(self, script: str, given=None) -> None:
        """Until a script returns something true."""
        self.page.wait_for_function(_with_names(script), arg=given, polling=POLLING)

    def wait_for_run(self) -> None:
        """Until a cell is shown."""
        self.wait('() => named("cell-loss-means")?.data.ys?.length > 0')

    def lines(self, name: str, column: str = "ys") -> list:
        """The lines of a source."""
        script = "([name, column]) => Array.from(named(name).data[column], (line) => Array.from(line))"
        return self.value(script, [name, column])

    def text(self) -> str:
        """All text of the page, through shadow roots."""
        return self.page.evaluate("""() => {
            const silent = new Set(["STYLE", "SCRIPT", "OPTION"])
            const told = (node) => node.nodeType == 3 ? node.textContent : silent.has(node.nodeName) ? "" : walk(node)
            const inside = (node) => [node.shadowRoot, ...node.childNodes].filter((child) => child != null)
            const walk = (node) => inside(node).map(told).join(" ")
            return walk(document.body)
        }""")

    def click(self, cell: int) -> None:
        """Click a cell of the map."""
        self.page.mouse.click(*self.value(PLACE, cell))

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a list."""
        self.page.get_by_label(label, exact=True).select_option(label=option)

    def wait_for_text(self, pattern: str) -> None:
        """Until some text is on the page."""
        self._wait_until(lambda text: re.search(pattern, text), f"{pattern!r} is not in")

    def wait_until_gone(self, words: str) -> None:
        """Until some words are no longer on the page."""
        self._wait_until(lambda text: words not in text, f"{words!r} is still in")

    def _wait_until(self, there: Callable[[str], object], otherwise: str) -> None:
        end = time.monotonic() + PATIENCE
        while not there(text := self.text()):
            if time.monotonic() > end:
                raise AssertionError(f"{otherwise} {text[:2000]}")
            self.page.wait_for_timeout(300)

    def download(self, label: str, target: Path) -> bytes:
        """What a button saves."""
        with self.page.expect_download() as download:
            self.page.get_by_text(label, exact=True).click()
        download.value.save_as(target)
        return target.read_bytes()


def _with_names(script: str) -> str:
    head, arrow, body = script.partition("=>")
    body = body.strip()
    inner = body[1:-1] if body.startswith("{") else f"return {body}"
    return f"{head}{arrow} {{ {NAMED} {inner} }}"
