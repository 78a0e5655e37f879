"""Lepton: one model for many related tasks, kept fresh."""

from importlib.metadata import version

__version__ = version("lepton")
