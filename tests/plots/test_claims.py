"""The list of claims is whole, and a verdict reaches the ledger as the cell stated it."""

import re
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, new_output

from grooves.plots import claims

ROOT = Path(__file__).parents[2]
KINDS = {"compute", "measure", "train", "simulate", "build", "explain"}


def notebook_with(*bundles):
    """A notebook whose cells hold these outputs."""
    cells = [new_code_cell(outputs=[new_output("display_data", data=data)]) for data in bundles]
    return new_notebook(cells=cells)


def bundle(claim_id="C07", holds=True, found="Seen.", correction=""):
    return claims._checked(claim_id, holds, found, correction)._repr_mimebundle_()


def test_every_claim_is_listed_once_in_order():
    text = (ROOT / "grooves/assets/claims.toml").read_text("utf-8")
    stated = re.findall(r"^\[claims\.(\w+)\]", text, flags=re.M)
    assert stated == [f"C{number:02d}" for number in range(1, 56)]
    assert list(claims.claims()) == stated


def test_every_claim_names_a_source_of_the_bibliography_a_kind_and_a_chapter():
    bibliography = (ROOT / "book/references.bib").read_text("utf-8")
    keys = set(re.findall(r"^@\w+\{([^,]+),", bibliography, flags=re.M))
    for claim in claims.claims().values():
        assert claim.sources and set(claim.sources) <= keys, claim.id
        assert claim.kind and set(claim.kind) <= KINDS, claim.id
        assert claim.chapters, claim.id
        assert len(claim.text) > 20 and claim.text.endswith((".", "!")), claim.id


def test_every_chapter_has_a_claim_and_its_own_number():
    listed = {chapter for claim in claims.claims().values() for chapter in claim.chapters}
    assert listed == set(claims.chapters().values())
    assert [c.number for c in claims.chapters().values()] == list(range(1, 16))


def test_a_verdict_stated_in_a_kernel_is_collected_from_the_executed_notebook(tmp_path):
    source = (
        "from grooves.plots import claims\n"
        'claims.verdict("C10", holds="in part", found="6 × N × T is 3646.", correction="Say <6>.")'
    )
    notebook = new_notebook(cells=[new_code_cell("6 * 175"), new_code_cell(source)])
    executed = nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    path = tmp_path / "executed.ipynb"
    nbformat.write(executed, path)
    (stated,) = claims.collect([path])
    assert stated == claims.Verdict(
        claim="C10",
        verdict="holds in part",
        found="6 × N × T is 3646.",
        correction="Say <6>.",
        notebook=path.as_posix(),
    )
    assert claims.collect([executed])[0].claim == "C10"


def test_the_reader_sees_verdict_claim_and_finding_as_text():
    shown = bundle(holds=False, found="1 < 2 & 3", correction="Say half.")
    assert "Claim C07 does not hold." in shown["text/html"]
    assert claims.claims()["C07"].text in shown["text/html"]
    assert "1 &lt; 2 &amp; 3" in shown["text/html"]
    assert 'id="claim-C07"' in shown["text/html"]
    assert shown["text/plain"] == "Claim C07 does not hold. Found: 1 < 2 & 3 Better: Say half."


@pytest.mark.parametrize("truth", [np.bool_(True), torch.tensor(True), np.array(True)])
def test_a_comparison_of_arrays_is_a_truth_value(truth):
    assert claims._checked("C07", truth, "Seen.", "").verdict == "holds"


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (("C56", True, "Seen."), ValueError, "no claim has the id 'C56'"),
        (("c07", True, "Seen."), ValueError, "no claim has the id 'c07'"),
        (("C07", "maybe", "Seen."), ValueError, "holds='maybe' is unknown"),
        (("C07", 1, "Seen."), TypeError, "holds=1 is neither"),
        (("C07", None, "Seen."), TypeError, "holds=None is neither"),
        (("C07", True, 3.2), TypeError, "found=3.2 is not text"),
        (("C07", True, " . "), ValueError, "says nothing"),
        (("C07", True, "Seen.", None), TypeError, "correction=None is not text"),
    ],
)
def test_a_verdict_that_says_nothing_sound_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        claims.verdict(*arguments)


def test_two_verdicts_on_one_claim_in_one_notebook_are_refused():
    with pytest.raises(ValueError, match="two verdicts on C07"):
        claims.collect([notebook_with(bundle(), bundle(holds=False))])
    both = claims.collect([notebook_with(bundle()), notebook_with(bundle(holds=False))])
    assert [stated.verdict for stated in both] == ["holds", "does not hold"]


def test_a_stored_verdict_that_the_list_does_not_know_is_refused():
    for change in ({"claim": "C99"}, {"verdict": "holds well"}, {"extra": 1}):
        data = bundle()
        data[claims.MIME] = data[claims.MIME] | change
        with pytest.raises(ValueError, match="verdict"):
            claims.collect([notebook_with(data)])


def test_other_outputs_are_no_verdicts():
    streams = new_notebook(cells=[new_code_cell(outputs=[new_output("stream", text="C07 holds")])])
    assert claims.collect([streams, notebook_with({"text/plain": "C07"})]) == []
