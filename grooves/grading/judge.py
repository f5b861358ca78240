"""The judge: the part of grading that runs inside a submission's kernel.

Key idea: it trusts nothing that the submission could have left behind. The grader sends this text
anew with every check, with the source of the checks as it was before any submission ran, so a
check that was replaced, a progress file or a printed "passed" count for nothing. What it says goes
back with the token of that one check, and with the identity of every function the checks lean on,
which the grader compares with what it was at the start.

It cannot be complete: the student's code and the judge share one process (see
`grooves.grading.grader`). Nothing imports this module; `grooves.grading.grader` reads it as text.
Labs of every chapter.
"""


def prepare(imports):
    """Make the master's imports before any student's code; tell what came of it.

    Returns: JSON with the files of the modules that hold checks, and the first fingerprint.
    """
    import json
    import sys

    from IPython import get_ipython

    get_ipython().ask_exit = lambda: None  # exit() in a cell must not end the kernel
    exec(imports, {})
    make_one_of_each_optimizer()
    checks = sys.modules["grooves.checks"]
    names = [name for name in sys.modules if name.startswith("grooves.checks")]
    names += [name for name in checks.modules() if name not in names]
    files = {name: sys.modules[name].__file__ for name in names}
    return json.dumps({"files": files, "fingerprint": fingerprint()})


def make_one_of_each_optimizer():
    """PyTorch wraps the `step` of an optimizer's class when the first one is made.

    Done here, before the first fingerprint, so that it is not taken for the student's doing.
    """
    import sys

    torch = sys.modules.get("torch")
    if torch is None:
        return
    ours = [module for name, module in sys.modules.items() if name.startswith("grooves.")]
    kinds = {thing for module in ours for thing in vars(module).values() if type(thing) is type}
    for kind in kinds:
        if issubclass(kind, torch.optim.Optimizer):
            kind([torch.nn.Parameter(torch.zeros(1, 1))])


def judge(token, imports, answer_names, cell, sources, namespace):
    """Run the master's check cell with fresh checks and the student's answers.

    `imports` are the master's import statements, made again here; `answer_names` are the names
    that the answers define, which those imports leave alone; `sources` maps the modules that hold
    checks to (file, text); `namespace` is the student's.
    Returns: JSON with the token, how it ended, what was said, and the fingerprints around it.
    """
    import builtins
    import json

    before = fingerprint()
    load_checks(sources)
    from grooves.checks import CheckFailed

    fresh = {}
    exec(imports, fresh)
    room = dict(namespace) | {k: v for k, v in fresh.items() if k not in answer_names}
    room["__builtins__"] = builtins
    ended, said = "passed", ""
    try:
        exec(compile(cell, "<check>", "exec"), room)
    except CheckFailed as failure:
        ended = failure.hint if failure.hint in ("not_started", "raised") else "wrong"
        said = failure.message
        if ended == "not_started" and not getattr(failure, "needs", None):
            said = ""
    except NameError as error:
        ended, said = "undefined", str(error.name)
    except BaseException as error:
        ended, said = "wrong", f"{type(error).__name__}: {error}"
    return json.dumps(
        {
            "token": token,
            "ended": ended,
            "said": said[:5000],
            "before": before,
            "after": fingerprint(),
        }
    )


def look(token):
    """The fingerprint as it is now. Returns: JSON with the token."""
    import json

    return json.dumps({"token": token, "now": fingerprint()})


def load_checks(sources):
    """Import the modules that hold checks again, from the texts given and from nothing else."""
    import importlib
    import importlib.machinery
    import os
    import sys

    class FromText:
        def find_spec(self, name, path=None, target=None):
            if name not in sources:
                return None
            file = sources[name][0]
            spec = importlib.machinery.ModuleSpec(name, self, origin=file)
            spec.has_location = True
            if os.path.basename(file) == "__init__.py":
                spec.submodule_search_locations = [os.path.dirname(file)]
            return spec

        def create_module(self, spec):
            return None

        def exec_module(self, module):
            file, text = sources[module.__name__]
            exec(compile(text, file, "exec"), vars(module))

    for name in sources:
        sys.modules.pop(name, None)
    finder = FromText()
    sys.meta_path.insert(0, finder)
    try:
        for name in sources:
            importlib.import_module(name)
    finally:
        sys.meta_path.remove(finder)


def fingerprint():
    """Who is who: the identity of every function and class that checks lean on, by name.

    Python's own, NumPy's, PyTorch's and the course's, and the means by which IPython runs a cell.
    """
    import sys

    from IPython import get_ipython

    watched = {"builtins", "math", "json", "importlib", "inspect", "numpy", "numpy.linalg"}
    watched |= {"numpy.testing", "torch", "torch.nn", "torch.nn.functional", "torch.linalg"}
    watched |= {"torch.testing", "torch.autograd", "torch.random"}

    def identity(thing):
        return [id(thing), id(getattr(thing, "__code__", None))]

    def members(holder, prefix, into):
        for key, value in list(vars(holder).items()):
            if callable(value) or isinstance(value, (staticmethod, classmethod, property)):
                into[f"{prefix}.{key}"] = identity(value)

    seen = {}
    for name, module in list(sys.modules.items()):
        ours = name.split(".")[0] == "grooves" and not name.startswith("grooves.checks")
        if ours or name in watched:
            members(module, name, seen)
        if ours:
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__ == name:
                    members(value, f"{name}.{value.__name__}", seen)
    torch = sys.modules.get("torch")
    if torch is not None:
        for kind in reversed(torch.Tensor.__mro__):  # the nearest definition wins
            members(kind, "torch.Tensor", seen)
    # PyTorch replaces this one itself, when its first optimiser is made
    seen.pop("torch.manual_seed", None)
    shell = get_ipython()
    for kind in (*reversed(type(shell).__mro__), shell):
        for key in ("run_cell", "run_cell_async", "run_code", "run_ast_nodes", "user_expressions"):
            if key in vars(kind):
                seen[f"IPython.{key}"] = identity(vars(kind)[key])
    seen["IPython.ast_transformers"] = [len(shell.ast_transformers)]
    seen["IPython.input_transformers"] = [
        len(shell.input_transformers_cleanup),
        len(shell.input_transformers_post),
    ]
    return seen
