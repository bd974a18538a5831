"""The names of a package, each imported when it is first used: a process loads only the modules that it needs."""

import sys
from collections.abc import Mapping
from importlib import import_module


class LazyNames:
    """The ``__getattr__`` of *package*. *modules* has the names that each of its modules defines, in one string.

    Once a name was used, it is an attribute like any other.
    """

    def __init__(self, package: str, modules: Mapping[str, str]) -> None:
        self._package = package
        self._modules = {name: module for module, names in modules.items() for name in names.split()}

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def __call__(self, name: str) -> object:
        """The value of *name*.

        Raises:
            AttributeError: there is no such name.
        """
        if name not in self:
            raise AttributeError(f"module {self._package!r} has no attribute {name!r}")
        value: object = getattr(import_module(self._modules[name], self._package), name)
        setattr(sys.modules[self._package], name, value)
        return value
