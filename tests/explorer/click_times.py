"""How long a click takes, in a real browser: `python tests/explorer/click_times.py [ARGUMENTS OF ntadyn explore]`.

Prints, for clicks on cells of different block lengths after the first one, which compiles: milliseconds from the
release of the button until the new numbers are in the page, and until they are painted, by the clock of the browser;
and what the server took to run the cell.
"""

import re
import sys

from browser import PLACE, Tab, chromium, served
from playwright.sync_api import sync_playwright

WATCH = """() => {
    window.times = {}
    window.addEventListener("pointerup", () => { window.times = { up: performance.now() } }, true)
    named("cell-loss-means").properties.data.change.connect(() => {
        window.times.data = performance.now()
        const painted = () => { window.times.painted = performance.now() }
        requestAnimationFrame(() => requestAnimationFrame(painted))
    })
}"""


def main() -> None:
    """Click, and print."""
    with sync_playwright() as playwright, served(*(sys.argv[1:] or ["--preset", "small"])) as url:
        tab = Tab(playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"]), url)
        tab.wait_for_run()
        tab.wait_for_text("run in|computed")
        tab.wait("() => named('cells').data.value.some((value) => value == value)")
        tab.page.wait_for_timeout(3000)
        tab.value(WATCH)
        cells = tab.value("() => Array.from(named('cells').data.cell)")
        for cell in cells[:: max(1, len(cells) // 12)]:
            tab.page.mouse.move(*tab.value(PLACE, cell))
            tab.page.wait_for_timeout(700)
            tab.click(cell)
            tab.page.wait_for_function("() => window.times.painted > 0", polling=20)
            tab.page.wait_for_timeout(500)
            times = tab.page.evaluate("() => [times.data - times.up, times.painted - times.up]")
            server = re.search(r"run in (\S+) s", tab.text())
            print(f"cell {cell}: data {times[0]:.0f} ms, painted {times[1]:.0f} ms, server {server and server[1]} s")


if __name__ == "__main__":
    main()
