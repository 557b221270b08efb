"""What is asked of every page that a browser shows."""

from playwright.sync_api import Page


def assert_fits(page: Page) -> None:
    """Nothing lies beyond its right edge. It is waited for: a click returns when the next page has only begun."""
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, page.url
