"""Functions that remember their results (functools.lru_cache), with the results that they remembered."""

from __future__ import annotations

import functools
from typing import Any, Dict, Iterator, Tuple

from pysnap._parts import number

#: What functools.lru_cache makes of a function.
LRU_CACHE: type = type(functools.lru_cache()(lambda: None))


def cached_function(parts: Dict[str, Any]) -> Any:
    """Such a function. Its hits and misses are counted from 0; calls with keyword arguments are not remembered."""
    size, typed = number(parts, "maxsize"), bool(number(parts, "typed"))
    function = _Remembering(parts["__wrapped__"], parts.get("cache"), typed)
    function.wrapper = functools.lru_cache(maxsize=None if size < 0 else size, typed=typed)(function)
    return function.wrapper


class _Remembering:
    """What is called when there is no result yet: the first time, it fills the cache.

    Not before: the classes of the keys, and so their hashes, are whole only when everything is.
    """

    def __init__(self, function: Any, cache: Any, typed: bool) -> None:
        self.wrapper: Any = None
        self._function = function
        self._cache = cache
        self._typed = typed
        self._is_filled = False
        self._filling = False
        self._result: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._filling:
            return self._result
        if self._is_filled:
            return self._function(*args, **kwargs)
        self._filling = True
        try:
            for arguments, result in self._remembered():
                self._result = result
                self.wrapper(*arguments)
            self._is_filled = True
        finally:
            self._filling = False
        return self.wrapper(*args, **kwargs)

    def _remembered(self) -> Iterator[Tuple[Tuple[Any, ...], Any]]:
        """Arguments and results, by the keys that are made of them (Modules/_functoolsmodule.c, lru_cache_make_key)."""
        if type(self._cache) is not dict:
            return
        for key, value in self._cache.items():
            # Of a limited cache the values are objects of their own.
            attributes = getattr(value, "attributes", None)
            if type(attributes) is dict and "key" in attributes:
                value = attributes.get("result")
            if type(key) is not tuple:
                yield (key,), value
            elif not any(type(item) is object for item in key):  # which is between positional and keyword arguments
                yield key[: len(key) // 2] if self._typed else key, value
