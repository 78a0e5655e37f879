"""Kills a run at a point of its code. Python imports this file by itself where its folder stands on PYTHONPATH.

$LEPTON_FAULT is a list of points, as JSON:

    process   words that the command line of the process holds; other processes are left alone
    at        module:function or module:Class.method
    when      before | after the call | half: after it, with the file that it wrote cut in half | note: not at all
              owner: before it, and the stage's run alone, not the stage
    call      which call of it, the first one being 1
    argument  of the call, that names the file (half)
    match     what the call's arguments hold as text, for the call to count

What is reached is a line in $LEPTON_FAULT_LOG. The kill is a SIGKILL to the whole process group, as a machine that runs out of
memory or power would end it: no handler runs, no buffer is written.
"""

import functools
import importlib
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import time


def _log(line):
    with open(os.environ["LEPTON_FAULT_LOG"], "a") as log:
        log.write(line + "\n")


def _cut(target):
    """Halves the file that a call wrote: a path, or a stream on it."""
    path = target
    if hasattr(target, "flush"):
        target.flush()
        path = target.name
    os.truncate(path, os.path.getsize(path) // 2)


def _patched(point, function):
    left = [point.get("call", 1)]

    @functools.wraps(function)
    def call(*arguments, **options):
        if point.get("match", "") in " ".join(map(str, arguments)):
            left[0] -= 1
        if left[0] or (point["when"] == "note"):
            if point["when"] == "note":
                _log(f"{time.time():.2f} {point['name']}")
            return function(*arguments, **options)
        if point["when"] == "owner":
            _log("killed")
            os.kill(int(os.environ["LEPTON_OWNER"]), signal.SIGKILL)
            return function(*arguments, **options)
        if point["when"] != "before":
            function(*arguments, **options)
        if point["when"] == "half":
            _cut(arguments[point["argument"]])
        _log("killed")
        os.killpg(os.getpgrp(), signal.SIGKILL)
        signal.pause()

    return call


def _patch(point, module):
    *owners, name = point["at"].split(":")[1].split(".")
    owner = functools.reduce(getattr, owners, module)
    setattr(owner, name, _patched(point, getattr(owner, name)))


class _Finder(importlib.abc.MetaPathFinder):
    """Patches a module as soon as it has been imported, so that this costs no other process its time."""

    def __init__(self, point):
        self.point, self.busy = point, False

    def find_spec(self, name, path=None, target=None):
        if self.busy or name != self.point["at"].split(":")[0]:
            return None
        self.busy = True
        spec = importlib.util.find_spec(name)
        self.busy = False
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            _patch(self.point, module)

        spec.loader.exec_module = exec_module
        return spec


def _install():
    line = " ".join(sys.orig_argv)
    for point in json.loads(os.environ.get("LEPTON_FAULT") or "[]"):
        if point["process"] not in line:
            continue
        if loaded := sys.modules.get(point["at"].split(":")[0]):
            _patch(point, loaded)
        else:
            sys.meta_path.insert(0, _Finder(point))


_install()
