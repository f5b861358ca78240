"""The judge: the part of grading that runs the master's checks inside a submission's kernel.

Key idea: it trusts nothing that the submission could have left behind. Every check is reloaded from
the text that it had before any submission ran, so a replaced check, a progress file or a printed
"passed" has no effect. A result does not count if a function that checks rely on was replaced,
before or after.

The protection cannot be complete, because the student's code and the judge share one process: see
`grooves labs grade --help`. `grooves.grading.kernel` executes this text; nothing imports it.
Labs of every chapter.
"""

import builtins
import functools
import importlib
import importlib.machinery
import os
import sys
import types

_fingerprint, _settings = private["fingerprint"], private["settings"]  # noqa: F821 - by the kernel
_CELLS = ("<ipython-input", "<string>")  # files of students' code: cells, and what they exec
_CACHED = type(functools.cache(len))
_FRAMEWORK = ("grooves.checks", "grooves.checks.progress")


class Court:
    """Everything that the grader asks of a kernel except running cells.

    `namespace` is the student's.
    """

    def __init__(self, namespace):
        self.namespace = namespace

    def prepare(self, imports, open_names):
        """Execute the master's imports before any student's code.

        `open_names` are the names in the checks that students may call.

        Returns: the files of the modules that contain checks, by name; or what went wrong.
        """
        try:
            exec(imports, {})
            _make_one_of_each_optimizer()
            checks = sys.modules["grooves.checks"]
        except BaseException as error:
            return {"problem": f"{type(error).__name__}: {text_of(error)}"}
        names = [name for name in sys.modules if name.startswith("grooves.checks")]
        names += [name for name in checks.modules() if name not in names]
        files = {name: sys.modules[name].__file__ for name in names}
        self.files = frozenset(files.values())
        _keep_to_the_checks([sys.modules[name] for name in files], open_names)
        self.tracing = _guard_tracing()
        texts = [_read(file) for name, file in files.items() if name not in _FRAMEWORK]
        self.fingerprint = _fingerprint.Fingerprint(texts)
        self.course = _settings.current()
        return {"files": files}

    def given(self, run):
        """The function that runs a cell of the master under the course's settings."""

        def cell(source):
            with _settings.under(self.course):
                return run(source)

        return cell

    def look(self):
        """What the last cell changed among the functions that checks rely on."""
        with _settings.under(self.course):
            return {"changed": self.fingerprint.changed()}

    def judge(self, imports, answer_names, open_names, cell, sources):
        """Run the master's check cell with fresh checks and the student's answers.

        `imports` are the master's import statements, executed again here; `answer_names` are the
        names that the answers define, which those imports do not overwrite; `open_names` are the
        names in the checks that students may call; `sources` maps the modules that contain checks
        to (file, text).
        Returns: how it ended, the message, the recognised mistake, and what was changed.
        """
        with _settings.under(self.course):
            changed = self.fingerprint.changed()
            if changed:
                return {"ended": "", "said": "", "hint": "", "changed": changed}
            self.tracing.clear()
            modules = load_checks(sources)
            _keep_to_the_checks(modules, open_names)
            first = _fingerprint.functions_of(modules)
            ended, said, hint = self._verdict(imports, answer_names, cell)
            last = _fingerprint.functions_of(modules)
            changed = self.fingerprint.changed() + [k for k in first if last.get(k) != first[k]][:3]
            changed += self.tracing
            sys.settrace(None)
            sys.setprofile(None)
        return {"ended": ended, "said": said[:5000], "hint": hint[:200], "changed": changed}

    def _verdict(self, imports, answer_names, cell):
        from grooves.checks import CheckFailed

        fresh = {}
        exec(imports, fresh)
        room = dict(self.namespace) | {k: v for k, v in fresh.items() if k not in answer_names}
        room["__builtins__"] = builtins
        for name in answer_names:
            if _file_of(self.namespace.get(name)) in self.files:
                return "wrong", f"{name} must be written by you; this one is the check's own.", ""
        try:
            exec(compile(cell, "<check>", "exec"), room)
        except CheckFailed as failure:
            hint = failure.hint if type(failure.hint) is str else ""
            ended = hint if hint in ("not_started", "raised") else "wrong"
            unsaid = ended == "not_started" and not getattr(failure, "needs", None)
            return ended, "" if unsaid else _plain(failure.message), hint
        except NameError as error:
            return "undefined", _plain(error.name), ""
        except BaseException as error:
            return "wrong", f"{type(error).__name__}: {text_of(error)}", ""
        return "passed", "", ""


def text_of(error):
    """What an error says, whatever its `__str__` does."""
    try:
        return _plain(str(error))[:2000]
    except BaseException:
        return ""


def _plain(text):
    return str.__str__(text) if isinstance(text, str) else ""


def _read(file):
    with open(file, encoding="utf-8") as opened:
        return opened.read()


def _make_one_of_each_optimizer():
    """Make an optimizer, because PyTorch wraps the `step` of its class when the first one is made.

    This happens before the first fingerprint, so that it does not look like a student's change.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return
    ours = [module for name, module in sys.modules.items() if name.startswith("grooves.")]
    kinds = {thing for module in ours for thing in vars(module).values() if type(thing) is type}
    for kind in kinds:
        if issubclass(kind, torch.optim.Optimizer):
            kind([torch.nn.Parameter(torch.zeros(1, 1))])


def _guard_tracing():
    """Record when a student's cell sets or ends a trace.

    Some checks count lines by tracing. Returns: the list to which the names are added.
    """
    noted = []

    def guarded(name, real):
        def setter(function):
            watching = sys.gettrace() or sys.getprofile()
            if watching and sys._getframe(1).f_code.co_filename.startswith(_CELLS):
                noted.append(f"tracing (sys.{name})")
            return real(function)

        return setter

    sys.settrace = guarded("settrace", sys.settrace)
    sys.setprofile = guarded("setprofile", sys.setprofile)
    return noted


def _keep_to_the_checks(modules, open_names):
    """Make a lab's check functions, such as reference answers, refuse students' calls."""
    for module in modules:
        framework = module.__name__ in _FRAMEWORK or module.__name__.startswith("grooves.checks.")
        if framework and module.__name__.count(".") == 2 and not hasattr(module, "__path__"):
            continue  # modules that all labs share contain no answers
        for name, function in list(vars(module).items()):
            own = isinstance(function, (types.FunctionType, _CACHED)) and (
                function.__module__ == module.__name__
            )
            if own and name not in open_names and not hasattr(function, "exercise"):
                setattr(module, name, _kept_from_cells(function))


def _kept_from_cells(function):
    frame = sys._getframe

    @functools.wraps(function)
    def kept(*args, **kwargs):
        if frame(1).f_code.co_filename.startswith(_CELLS):
            raise RuntimeError(
                f"{function.__name__} belongs to the check; an answer must not call it."
            )
        return function(*args, **kwargs)

    if isinstance(function, _CACHED):
        kept.cache_clear, kept.cache_info = function.cache_clear, function.cache_info
    return kept


def _file_of(answer):
    """The file in which a function was written; an empty text for anything else."""
    inner = getattr(answer, "func", answer)  # of a partial
    inner = getattr(inner, "__wrapped__", inner)
    return getattr(getattr(inner, "__code__", None), "co_filename", "")


def load_checks(sources):
    """Reload the modules that contain checks, from the given texts only.

    Returns: the new modules.
    """

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
        return [importlib.import_module(name) for name in sources]
    finally:
        sys.meta_path.remove(finder)
