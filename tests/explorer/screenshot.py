"""The picture in the how-to: `python tests/explorer/screenshot.py docs/_static/explore.png`."""

import sys

from browser import Tab, chromium, served
from playwright.sync_api import sync_playwright

QUERY = "?preset=small&cell=75&pin=78"


def main() -> None:
    """Open a view, and keep what it looks like."""
    with sync_playwright() as playwright, served("--preset", "small") as url:
        tab = Tab(playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"]), f"{url}{QUERY}")
        tab.wait_for_run()
        tab.wait("() => named('cells').data.value.some((value) => value == value)")
        tab.wait("() => named('pin 0-loss-means')?.data.ys?.length > 0")
        tab.page.wait_for_timeout(3000)
        tab.page.screenshot(path=sys.argv[1], clip={"x": 0, "y": 0, "width": 1280, "height": 940}, full_page=True)


if __name__ == "__main__":
    main()
