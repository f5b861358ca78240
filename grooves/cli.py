"""The command `grooves`, or `python -m grooves`: one word for each thing a terminal is good for.

Key idea: this module knows only names. Each command lives in a module of its own, which brings
`add_arguments(parser)` and `main(args) -> int`, and is imported only when it is asked for, so that
`grooves doctor` still answers on a machine where torch does not import. Every chapter uses it.
"""

import argparse
import importlib
import sys

COMMANDS = {
    "lab": ("grooves.jupyterlab.start", "open the course in JupyterLab"),
    "doctor": ("grooves.hardware.doctor", "check that this machine can run the course"),
    "progress": ("grooves.checks.progress", "show which exercises are solved"),
    "labs": ("grooves.grading.command", "make the student labs, or grade submissions"),
    "student-copy": (
        "grooves.grading.term.student_copy_command",
        "copy the course for students, without solutions and tests",
    ),
    "record": (
        "grooves.hardware.record",
        "measure this machine's devices and write what was found",
    ),
    "serve": (
        "grooves.inference.server",
        "serve a story model over HTTP, with the OpenAI protocol",
    ),
    "load": (
        "grooves.inference.load",
        "send many requests to a server and measure its latencies",
    ),
    "lineage": (
        "grooves.inference.evaluation",
        "remake the trained weights that later chapters start from",
    ),
    "train": (
        "grooves.training.distributed.train_command",
        "train the story model with one process or with several",
    ),
    "learn": (
        "grooves.fine_tuning.learn_command",
        "train the story model on the thumbs of a feedback file",
    ),
}


def main(argv=None):
    """Run one command.

    argv: list of words after `grooves`; None takes them from the command line.
    Returns: the exit status, 0 for success.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(
        prog="grooves", description="Grooves: how generative AI is trained, answers and runs."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, (module, what) in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what)
        if name in words[:1]:
            importlib.import_module(module).add_arguments(command)
    args, args.more = parser.parse_known_args(words)
    if args.more and not getattr(args, "passes_on", False):
        parser.error(f"unrecognized arguments: {' '.join(args.more)}")
    if args.command is None:
        parser.print_help()
        return 0
    module, _ = COMMANDS[args.command]
    try:
        return importlib.import_module(module).main(args)
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError) as error:
        # Our modules raise these with one sentence that names the value and the remedy.
        print(f"grooves {args.command}: {error}", file=sys.stderr)
        return 1
