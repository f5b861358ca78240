"""The pages on a telephone, in a file of its own: the other process reads them meanwhile."""

from read_pages import read


def test_axe_finds_nothing_on_a_telephone_and_nothing_sticks_out(browser, book, book_address):
    # Colours do not hang on the width, so they are left to wide pages.
    faults, too_wide = read(browser, book, book_address, width=390, coloured=())
    assert faults == []
    assert too_wide == [], "wider than 390 pixels"
