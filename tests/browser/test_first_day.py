"""Pages on the day of the installation, when there is nothing to show yet."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import check_every_look
from tests.browser.windows import Window

pytestmark = pytest.mark.django_db(transaction=True)


TITLES = {
    "/": "Create your first assistant",
    "/sandbox/": "Nothing received yet",
    "/audit/": "Nothing has been changed yet",
}


@pytest.mark.parametrize("address", TITLES)
def test_an_empty_page_says_what_to_do(alices: Page, address: str, subtests: pytest.Subtests) -> None:
    window = Window(alices)

    alices.goto(address)

    expect(alices.get_by_role("heading", name=TITLES[address], level=2)).to_be_visible()
    check_every_look(alices, subtests)
    assert window.said == []
