"""Loaded by Python at the start of each process of a Sluice under test: lets faults strike at named points.

The product knows nothing of it. FAULT_POINTS names a folder; a file there with the name of a point, `settle.before` for
instance, arms that point: the first process that comes by takes the file and does what is written in it (`kill`,
`freeze`, `raise`). With ` when TEXT` behind that, the file stays, and the fault strikes each time that TEXT is in what
the function is called with. Where FAULT_POINTS is not set, nothing happens.
"""

import functools
import importlib.abc
import importlib.machinery
import os
import signal
import sys

# Of each point: the module, and the function or method in it whose calls it stands before and after.
POINTS = {
    # The web server: within the transaction of an append, and around it.
    "append": ("assistants.intake.committer", "_append"),
    "store": ("assistants.intake.committer", "_store"),
    # The worker: around one POST, around composing a batch, around composing one event, and around what settles one.
    "post": ("integrations.segment.client", "SegmentClient.post_batch"),
    "compose": ("integrations.compose", "compose"),
    "compose_one": ("integrations.compose", "_compose"),
    "settle": ("integrations.settle", "record_progress"),
    # After the last read of a turn, before the lane is free.
    "release": ("integrations.leases", "release"),
}
FOLDER = os.environ.get("FAULT_POINTS", "")


class StruckError(Exception):
    """A fault that nobody foresaw."""


def strike(point, arguments):
    """Do what a point is armed with, if it is armed."""
    file = os.path.join(FOLDER, point)
    try:
        with open(file) as armed:
            action, _, text = armed.read().partition(" when ")
        if text:
            if text not in repr(arguments):
                return
        else:
            # Of several processes one gets it.
            os.rename(file, f"{file}.struck-{os.getpid()}")
    except OSError:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        raise StruckError(point)


def struck(point, function):
    """Wrap a function with its two points."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        strike(f"{point}.before", (args, kwargs))
        result = function(*args, **kwargs)
        strike(f"{point}.after", (args, kwargs))
        return result

    return wrapper


class Loader(importlib.abc.Loader):
    """Loads a module as its own loader would, and puts the points into it before anybody imports from it."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        for point, (name, path) in POINTS.items():
            if name == module.__name__:
                *owners, attribute = path.split(".")
                owner = functools.reduce(getattr, owners, module)
                setattr(owner, attribute, struck(point, getattr(owner, attribute)))


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules that have points."""

    def find_spec(self, fullname, path, target=None):
        if fullname not in {name for name, _ in POINTS.values()}:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = Loader(spec.loader)
        return spec


if FOLDER:
    sys.meta_path.insert(0, Finder())
