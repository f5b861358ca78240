"""A checkpoint is whole or absent, is never run, and says in one sentence why it cannot be used."""

import ast
import errno
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import INGREDIENTS, some_ids, tiny

import grooves
from grooves.training import checkpoint
from grooves.training.checkpoint import CheckpointError, load_model, save_model


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of a small model, and the model."""
    model = tiny()
    path = tmp_path / "model.safetensors"
    save_model(model, path, {"made": "in a test"})
    return path, model


def refusal(load, path):
    """The one sentence with which `load(path)` refuses a file, which stays as it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(CheckpointError) as refused:
        load(path)
    assert (path.read_bytes() if path.is_file() else None) == before
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert str(path) in sentence
    return sentence


# ---- there and back ----------------------------------------------------------------------------


@pytest.mark.parametrize("changes", INGREDIENTS.values(), ids=INGREDIENTS.keys())
def test_a_loaded_model_is_the_saved_one_bit_for_bit(tmp_path, changes):
    model, ids = tiny(**changes), some_ids(2, 9)
    save_model(model, tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors").eval()
    assert loaded.config == model.config
    for (name, a), b in zip(model.named_parameters(), loaded.parameters(), strict=True):
        assert torch.equal(a, b), name
    with torch.no_grad():
        assert torch.equal(loaded(ids), model(ids))
    assert loaded.head.weight is loaded.embedding.weight


def test_any_safetensors_reader_can_read_it_and_a_tied_weight_is_stored_once(saved):
    path, model = saved
    tensors = load_file(path)
    assert tensors.keys() == dict(model.named_parameters()).keys()
    assert "head.weight" not in tensors
    assert torch.equal(tensors["embedding.weight"], model.embedding.weight)


def test_the_notes_come_back(saved):
    _, notes = checkpoint.read(saved[0])
    assert notes["notes"] == {"made": "in a test"}


# ---- whole or absent ---------------------------------------------------------------------------


def test_a_write_that_breaks_off_leaves_the_old_checkpoint_and_no_rest(saved, monkeypatch):
    path, model = saved
    before = path.read_bytes()

    def disk_full(tensors, target, metadata):
        Path(target).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", disk_full)
    with pytest.raises(OSError, match="No space left"):
        save_model(model, path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_file_takes_its_name_only_once_it_is_complete_on_the_disk(saved, monkeypatch):
    """At the moment of renaming, the part must be loadable and must have been synced."""
    path, model = saved
    synced, seen = [], []
    fsync, replace = checkpoint.os.fsync, Path.replace

    def watch_sync(descriptor):
        synced.append(descriptor)
        return fsync(descriptor)

    def watch_replace(self, target):
        seen.append((load_file(self).keys(), len(synced)))
        return replace(self, target)

    monkeypatch.setattr(checkpoint.os, "fsync", watch_sync)
    monkeypatch.setattr(Path, "replace", watch_replace)
    save_model(model, path)
    assert seen == [(dict(model.named_parameters()).keys(), 1)]


def test_a_folder_that_is_not_there_is_made(tmp_path):
    save_model(tiny(), tmp_path / "new" / "folder" / "m.safetensors")
    load_model(tmp_path / "new" / "folder" / "m.safetensors")


# ---- refused, in one sentence ------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 0.001, 0.02, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused_and_left_alone(saved, share):
    path, _ = saved
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "is damaged or not a safetensors file" in refusal(load_model, path)


@pytest.mark.parametrize(
    "content",
    [b"a letter to my aunt", b"\xff" * 64, b"PK\x03\x04" + bytes(60), b"\x00" * 4096],
    ids=["text", "a header too long", "a zip", "zeros"],
)
def test_what_is_not_safetensors_is_refused_and_left_alone(saved, content):
    path, _ = saved
    path.write_bytes(content)
    assert "is damaged or not a safetensors file" in refusal(load_model, path)


def test_a_missing_checkpoint_is_refused_with_the_remedy(tmp_path):
    assert "train first, or check the name" in refusal(load_model, tmp_path / "none.safetensors")
    assert "there is no checkpoint" in refusal(load_model, tmp_path)


def test_somebody_elses_safetensors_file_is_refused(saved):
    path, model = saved
    save_file(load_file(path), path)
    assert "but not one of this course: its notes are missing" in refusal(load_model, path)
    save_file(load_file(path), path, metadata={"grooves": "{"})
    assert "but not one of this course" in refusal(load_model, path)


@pytest.mark.parametrize(
    "notes",
    [{}, [], {"config": None}, {"config": {"width": 3}}, {"config": {"vocabulary_size": -1}}],
)
def test_a_checkpoint_without_a_usable_config_is_refused(saved, notes):
    path, _ = saved
    save_file(load_file(path), path, metadata={"grooves": json.dumps(notes)})
    assert "holds no usable config" in refusal(load_model, path)


def test_weights_of_another_size_are_refused_by_name_and_shape(saved):
    path, _ = saved
    wider = tiny(n_embd=32)
    tensors, _ = checkpoint.read(path)
    with pytest.raises(CheckpointError, match="another size") as refused:
        checkpoint.restore(wider, tensors, path)
    sentence = str(refused.value)
    assert "(16, 16)" in sentence
    assert "(32, 32)" in sentence
    assert "'blocks.0.attention.out.weight'" in sentence


@pytest.mark.parametrize("what", ["missing", "extra"])
def test_a_missing_or_extra_weight_is_refused_by_name(saved, what):
    path, model = saved
    tensors, notes = checkpoint.read(path)
    if what == "missing":
        del tensors["mix"]
        words = "'mix' is missing in"
    else:
        tensors["gain"] = torch.ones(3)
        words = "'gain' has no place for what is in"
    checkpoint.write(path, tensors, notes)
    assert words in refusal(load_model, path)


def test_a_refused_checkpoint_changes_no_weight_of_the_model(saved):
    path, model = saved
    tensors, _ = checkpoint.read(path)
    tensors = {name: t + 1 for name, t in tensors.items()}
    tensors["mix"] = tensors["mix"][:3]  # sorted last: everything before it fits
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(CheckpointError):
        checkpoint.restore(model, tensors, path)
    assert all(map(torch.equal, before, model.parameters()))


# ---- nothing is run ----------------------------------------------------------------------------


class Trap:
    """An object whose unpickling leaves a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("form", ["pickle", "torch"])
def test_a_pickle_is_refused_and_never_run(tmp_path, form):
    path, mark = tmp_path / "model.safetensors", tmp_path / "it-ran"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Trap(mark)))
    else:
        torch.save({"weights": Trap(mark)}, path)
    assert "not a safetensors file" in refusal(load_model, path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Trap(mark)))
    assert mark.exists(), "the trap works"


def test_no_module_of_the_course_can_unpickle():
    """Writing a pickle, to measure a value, runs nothing; reading one may run anything."""
    banned = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
    calls = {"torch.load", "numpy.load", "np.load"}
    modules = sorted(Path(grooves.__file__).parent.rglob("*.py"))
    assert len(modules) > 10
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & banned, module
            elif isinstance(node, ast.ImportFrom):
                names = {alias.name for alias in node.names}
                assert names == {"dumps"} or (node.module or "").split(".")[0] not in banned, module
                assert not {f"{node.module}.{alias.name}" for alias in node.names} & calls, module
            elif isinstance(node, ast.Attribute):
                assert ast.unparse(node) not in calls, module
