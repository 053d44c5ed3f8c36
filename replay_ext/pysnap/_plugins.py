"""Types that somebody has written a class for, to be used where such an instance is rebuilt. docs/adding-a-type.md"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Callable, Dict, Tuple, Type, TypeVar

T = TypeVar("T")

_registered: Dict[Tuple[str, str], type] = {}


def stands_for(name: str) -> Callable[[Type[T]], Type[T]]:
    """Decorate a class: it stands for the captured type `name` ("module.qualname") in snapshots loaded from now on.

    Instances are made without `__new__` or `__init__`. What was captured of one is set as its attributes, which must
    not be properties. Methods, properties and `__repr__` are the class's own, and run when somebody asks for them.
    """
    module, _, qualname = name.rpartition(".")
    if not module:
        raise ValueError(f"{name!r} is not a module and the name of a type in it")

    def register(cls: Type[T]) -> Type[T]:
        if type(cls) is not type or cls.__mro__ != (cls, object):
            raise TypeError(f"{cls!r}: a class that stands for {name} extends object and nothing else")
        _registered[module, qualname] = cls
        return cls

    return register


def registered() -> Dict[Tuple[str, str], type]:
    return dict(_registered)


def run(folder: Path) -> None:
    """Run the *.py files of a plugin's folder, each by itself. OSError if the folder cannot be read."""
    for path in sorted(each for each in folder.iterdir() if each.suffix == ".py"):
        runpy.run_path(str(path), run_name=f"pysnap_plugin_{path.stem}")
