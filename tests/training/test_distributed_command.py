"""`grooves train`: what it says, what it refuses, what starts it, and what a kill -9 costs."""

import hashlib
import os
import random
import shlex
import subprocess
from pathlib import Path

import pytest
import torch
import yaml
from torch.distributed.run import get_args_parser

from grooves import cli
from grooves.language.stories import Stories
from grooves.training.checkpoint import load_model
from grooves.training.distributed import kill_worker, launch

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(folder, *words, corpus=60):
    """Run the command in this process; returns its exit code."""
    return cli.main(["train", "--corpus", str(corpus), "--checkpoints", str(folder), *words])


def test_one_process_trains_a_model_that_the_course_can_load(tmp_path, capsys):
    words = ["--steps", "4", "--every", "2", "--width", "32", "--layers", "1"]
    assert train(tmp_path, *words) == 0
    said = capsys.readouterr().out
    assert "1 process on" in said and "Trained to step 4 (4 steps in" in said
    assert train(tmp_path, *words) == 0
    assert "Trained to step 4 (before)" in capsys.readouterr().out
    model = load_model(tmp_path / "model.safetensors")
    assert model.config.n_embd == 32
    assert model.config.vocabulary_size == len(Stories().vocabulary)


def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_bits(tmp_path, monkeypatch):
    words = ["--steps", "6", "--every", "2", "--json"]
    assert train(tmp_path / "whole", *words) == 0
    steps = []

    def write(text):
        steps.append(text)
        if len(steps) == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout.write", write)
        assert train(tmp_path / "stopped", *words) == 130
    assert train(tmp_path / "stopped", *words) == 0
    files = [tmp_path / name / "training.safetensors" for name in ("whole", "stopped")]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--steps", "0"], "--steps 0 must be at least 1"),
        (["--micro-batches", "-1"], "--micro-batches -1 must be at least 1"),
        (["--seed", "-1"], "--seed -1 must be at least 0"),
        (["--way", "zero4"], "--way zero4 is not one of naive, flat, buckets, ddp, zero1"),
        (
            ["--way", "zero2", "--optimizer", "muon"],
            "--optimizer muon does not go with --way zero2",
        ),
        (["--stories", "99"], "--corpus 60 holds less than one batch of 99"),
        (["--micro-batches", "7"], "--stories 6 cannot be divided between 7"),
        (["--width", "10"], "n_embd=10 must be a multiple of 2 * n_head=4"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path, capsys, words, sentence):
    assert train(tmp_path, *words) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith("grooves train: ") and sentence in said and "\n" not in said


def test_a_checkpoint_of_another_run_is_refused(tmp_path, capsys):
    assert train(tmp_path, "--steps", "2") == 0
    assert train(tmp_path, "--steps", "2", "--seed", "3") == 1
    assert "was made with seed=0, not 3: use the same, or another folder" in capsys.readouterr().err
    (tmp_path / "training.safetensors").write_bytes(b"torn")
    assert train(tmp_path, "--steps", "2") == 1
    assert "is damaged" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert train(tmp_path / "file", "--steps", "2") == 1
    assert "is a file: name a folder" in capsys.readouterr().err


def test_what_a_killed_process_left_unfinished_is_removed(tmp_path):
    unfinished = tmp_path / ".training.safetensors.123.part"
    unfinished.write_bytes(b"half")
    assert train(tmp_path, "--steps", "1") == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "training.safetensors",
        "model.safetensors",
    }


def test_help_names_every_way_to_start_and_to_divide(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    said = capsys.readouterr().out
    for what in (
        "grooves train --steps",
        "torchrun --standalone --nproc-per-node 2 -m grooves train",
        "--nnodes 2",
        "sbatch cluster/train.sbatch",
        "kubectl apply -f cluster/pytorchjob.yaml",
        "is_host=1",
        "is_host=0",
        *("naive", "flat", "buckets", "ddp", "zero1", "zero2", "zero3", "fsdp"),
    ):
        assert what in said, what
    for name in ("cluster/train.sbatch", "cluster/pytorchjob.yaml", "cluster/README.md"):
        assert (ROOT / name).is_file()


# ---- what starts it on a cluster ----------------------------------------------------------------


def understood(words):
    """torchrun's settings in a command, and those of `grooves train`, read by their own parsers."""
    settings = get_args_parser().parse_args(words)
    assert settings.module and settings.training_script == "grooves"
    command, *rest = settings.training_script_args
    assert command == "train"
    return settings, rest


def test_the_slurm_file_starts_the_command_on_every_node(tmp_path):
    for name, script in {
        "scontrol": 'echo node7; echo node8; echo "$@" >&2',
        "srun": 'printf "%s\\n" "$@"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / name).chmod(0o755)
    slurm = dict(SLURM_JOB_NODELIST="node[7-8]", SLURM_JOB_NUM_NODES="2", SLURM_JOB_ID="41")
    done = subprocess.run(
        ["bash", str(ROOT / "cluster/train.sbatch"), "--steps", "9"],
        env=os.environ
        | slurm
        | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        | {"SLURM_SUBMIT_DIR": "shared folder", "PROCESSES": "4"},
        capture_output=True,
        text=True,
        check=True,
    )
    option, program, *words = done.stdout.splitlines()
    assert (option, program) == ("--kill-on-bad-exit=1", "torchrun")
    settings, rest = understood(words)
    assert (settings.nnodes, settings.nproc_per_node, settings.max_restarts) == ("2", "4", 3)
    assert (settings.rdzv_endpoint, settings.rdzv_id) == ("node7:29400", "41")
    assert rest == ["--checkpoints", "shared folder/checkpoints", "--steps", "9"]


def test_the_kubernetes_job_starts_the_command_and_shares_its_checkpoints():
    text = (ROOT / "cluster/pytorchjob.yaml").read_text("utf-8")
    claim, job = yaml.safe_load_all(text)
    spec = job["spec"]["pytorchReplicaSpecs"]["Worker"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert container["name"] == "pytorch" and container["command"] == ["torchrun"]
    settings, rest = understood(container["args"])
    assert int(settings.nproc_per_node) == container["resources"]["limits"]["nvidia.com/gpu"]
    elastic = job["spec"]["elasticPolicy"]
    assert elastic["rdzvBackend"] == "c10d" and elastic["maxRestarts"] > 0
    assert elastic["minReplicas"] == elastic["maxReplicas"] == spec["replicas"]
    (mount,), (volume,) = container["volumeMounts"], pod["volumes"]
    assert f"--checkpoints={mount['mountPath']}" in rest and mount["name"] == volume["name"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_the_commands_of_the_readme_are_understood():
    text = (ROOT / "cluster/README.md").read_text("utf-8")
    commands = [c for c in text.split("`") if c.startswith("torchrun ")]
    assert len(commands) == 2
    for command in commands:
        understood(shlex.split(command)[1:])


# ---- kill -9 ------------------------------------------------------------------------------------


def test_a_killed_worker_costs_the_steps_since_the_checkpoint_and_nothing_else(
    tmp_path, one_thread
):
    """One process that nobody disturbs gives the file that must be found at the end."""
    steps, every = 40, 5
    words = kill_worker.program(tmp_path / "alone", steps, every)[2:]
    assert cli.main([*words, "--micro-batches", "2"]) == 0
    alone = (tmp_path / "alone" / "training.safetensors").read_bytes()
    kill_at, victim = random.randrange(1, steps // 2), random.randrange(2)
    found = kill_worker.train_and_kill(
        tmp_path / "killed", kill_at, victim, steps=steps, every=every
    )
    assert found["killed_after"] >= kill_at and found["victim"] == victim
    assert found["resumed_from"] % every == 0
    assert found["resumed_from"] >= found["killed_after"] // every * every
    assert found["digest"] == hashlib.sha256(alone).hexdigest()
    assert found["left_over"] == []


def test_torchrun_is_told_how_many_processes_and_hosts():
    here = launch.torchrun(["script.py", 3], 4, 2)
    assert "--standalone" in here and here[-2:] == ["script.py", "3"]
    assert "--nproc-per-node=4" in here and "--max-restarts=2" in here
    there = launch.torchrun(["script.py"], options=["--nnodes=2", "--rdzv-id=x"])
    assert "--standalone" not in there and there[-1] == "script.py"
