"""Settings: the global options that a student may change, and the values that the course uses.

Key idea: Python, NumPy and PyTorch let their users set default types, printing, warnings, seeds and
the like. A check therefore runs under the course's settings, whatever a cell has set, and the
student's settings are restored afterwards. They neither break an answer nor count against it.

`grooves.grading.kernel` executes this text; nothing imports it. Labs of every chapter.
"""

import contextlib
import decimal
import gc
import os
import random
import sys
import warnings

SEED = 20_240_229  # arbitrary; each check draws the same numbers for everybody


def current():
    """All settings as they are now: a list of (how to set it, the value)."""
    found = [
        (os.chdir, _folder()),
        (sys.setrecursionlimit, sys.getrecursionlimit()),
        (_set_filters, list(warnings.filters)),
        (_set_decimal, decimal.getcontext().copy()),
        (_set_collecting, gc.isenabled()),
        (_set_environment, dict(os.environ)),
        (random.setstate, random.getstate()),
    ]
    np, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if np is not None:
        found += [
            (_set_numpy_errors, np.geterr()),
            (_set_numpy_printing, np.get_printoptions()),
            (np.random.set_state, np.random.get_state()),
        ]
    if torch is not None:
        found += [
            (_set_torch_device, _torch_device()),
            (torch.set_default_dtype, torch.get_default_dtype()),
            (torch.set_grad_enabled, torch.is_grad_enabled()),
            (torch.set_num_threads, torch.get_num_threads()),
            (_set_deterministic, torch.get_deterministic_debug_mode()),
            (torch.set_float32_matmul_precision, torch.get_float32_matmul_precision()),
            (torch.autograd.set_detect_anomaly, torch.is_anomaly_enabled()),
            (torch.set_flush_denormal, False),
            (torch.set_rng_state, torch.get_rng_state()),
        ]
    return found


def use(settings):
    """Apply these settings; those that cannot be set, such as a deleted folder, are skipped."""
    for put, value in settings:
        with contextlib.suppress(Exception):
            put(value)


@contextlib.contextmanager
def under(settings):
    """Run something under these settings and a fixed seed, then restore the previous settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student may have turned them into errors
        before = current()
    before.append((_set_filters, list(warnings.filters)))
    use(settings)
    _seed()
    try:
        yield
    finally:
        use(before)


def _seed():
    random.seed(SEED)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(SEED)
    if "torch" in sys.modules:
        sys.modules["torch"].random.default_generator.manual_seed(SEED)


def _folder():
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return os.path.expanduser("~")


def _set_filters(filters):
    warnings.filters[:] = filters
    warnings._filters_mutated() if hasattr(warnings, "_filters_mutated") else None


def _set_decimal(context):
    decimal.setcontext(context.copy())


def _set_collecting(enabled):
    gc.enable() if enabled else gc.disable()


def _set_environment(values):
    for name in set(os.environ) - set(values):
        del os.environ[name]
    os.environ.update(values)


def _set_numpy_errors(values):
    sys.modules["numpy"].seterr(**values)


def _set_numpy_printing(values):
    sys.modules["numpy"].set_printoptions(**values)


def _set_deterministic(mode):
    if sys.modules["torch"].get_deterministic_debug_mode() != mode:
        sys.modules["torch"].set_deterministic_debug_mode(mode)


def _torch_device():
    """The device set for new tensors, or None if none was set; PyTorch reports the CPU for both."""
    module = sys.modules.get("torch.utils._device")
    return getattr(module, "CURRENT_DEVICE", None)


def _set_torch_device(device):
    if _torch_device() != device:
        sys.modules["torch"].set_default_device(device)
