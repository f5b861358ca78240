"""A store with results that no kernel had to find."""

import pytest
from record_cases import LAB

from grooves.grading.records.store import Store


@pytest.fixture
def put(tmp_path):
    """A function that stores a graded submission; its `store` is the store."""
    with Store(tmp_path / "feedback") as store:
        store.name_lab(LAB, "A lab of three")

        def put(one, handed_in=""):
            store.put(LAB, one, path="", content=one.submission, checks="c", time_limit_s=60,
                      handed_in=handed_in)  # fmt: skip

        put.store = store
        yield put
