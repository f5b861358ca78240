"""Every test has a fault on which it was seen to fail, and every fault still has its place."""

import pytest
from see_fail import (
    ROOT,
    TESTS,
    Break,
    all_tests,
    breaks,
    chosen,
    plant,
    readme,
    red_before,
    seen_to_fail,
)


def test_every_test_has_a_break_and_every_break_a_test():
    written = {fault.test for fault in breaks() if fault.command is None}
    assert all_tests() - written == set(), "tests without a break in tests/breaks/"
    assert written - all_tests() == set(), "breaks of tests that are gone"


@pytest.mark.parametrize("fault", breaks(), ids=lambda fault: fault.test)
def test_every_break_still_has_its_place(fault):
    whole = (ROOT / fault.file).read_text("utf-8")
    assert plant(whole, fault) != whole
    assert fault.broken.strip()


def test_the_readme_lists_what_is_written_down():
    assert (TESTS / "README.md").read_text("utf-8") == readme(), (
        "run `python tests/see_fail.py --write`"
    )


def test_a_test_that_notices_is_told_from_one_that_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # none is needed, and all are slow
    (tmp_path / "tests").mkdir()
    (tmp_path / "sums.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "tests" / "test_sums.py").write_text(
        "import pytest\n"
        "from sums import double\n"
        "def test_awake(): assert double(3) == 6\n"
        "def test_asleep(): assert double(3)\n"
        "def test_away(): pytest.skip('not here')\n"
        "@pytest.fixture\n"
        "def six(): assert double(3) == 6\n"
        "def test_unprepared(six): pass\n"
    )
    outcomes = {
        "test_awake": "",
        "test_asleep": "PASSED",
        "test_away": "SKIPPED",
        "test_unprepared": "could not be run",
        "test_none": "could not be run",
    }
    assert red_before("test_sums", tmp_path) == ""
    for name, said in outcomes.items():
        fault = Break("test_sums", name, "the factor", "sums.py", "2 * x", "5 * x")
        trouble = seen_to_fail(fault, tmp_path)
        assert said in trouble and bool(trouble) == bool(said)
    assert (tmp_path / "sums.py").read_text() == "def double(x):\n    return 2 * x\n"
    missing = Break("test_sums", "test_awake", "nothing", "sums.py", "3 * x", "4 * x")
    assert "stands 0 times" in seen_to_fail(missing, tmp_path)
    (tmp_path / "sums.py").write_text("def double(x):\n    return 3 * x\n")
    assert "2 failed" not in (red := red_before("test_sums", tmp_path)) and "1 failed" in red


def test_a_word_chooses_the_breaks_of_a_file_or_some_of_them():
    group = {fault.group for fault in chosen(["train_loop"])}
    assert group == {"training/test_train_loop"}
    assert len(chosen(["train_loop::resumed"])) < len(chosen(["train_loop"])) < len(chosen([]))
    with pytest.raises(ValueError, match="'tests/train' names no break"):
        chosen(["train_loop", "tests/train"])
