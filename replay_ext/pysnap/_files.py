"""What stands for something that was open in the program: it tells what it was, and nothing is open here."""

from __future__ import annotations

import errno
import socket
from typing import Any, Callable, Dict, NoReturn, Optional, Tuple

from pysnap._absent import Absent, CodeNotRun
from pysnap._parts import Parts, number


class OpenFile:
    """Stands for a file of the io module.

    `name`, `mode`, `fd`, `closed`, and as its kind has it `raw`, `buffer`, `encoding`, `errors`, `line_buffering`,
    `position` (in bytes, where it was known) and `unwritten` (what it was given and had not passed on).
    """

    __slots__ = ("__dict__", "_kind", "_parts")

    def __init__(self, kind: str, parts: Parts) -> None:
        self._kind = kind
        self._parts = parts

    def __getattr__(self, name: str) -> Any:
        if name in self._parts:
            return self._parts[name]
        # It says as its own what is said by the file underneath.
        below = self._parts.get("buffer", self._parts.get("raw"))
        if name in ("fd", "mode", "name", "position") and type(below) is OpenFile:
            return getattr(below, name)
        raise AttributeError(f"the {self._kind} of the snapshot has no {name!r}")

    @property
    def closed(self) -> bool:
        fd = getattr(self, "fd", None)
        return type(fd) is int and fd < 0

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise CodeNotRun("this file was open in the program that the snapshot is of, and is not open here")

    read = readline = readlines = write = writelines = seek = tell = truncate = flush = fileno = close = _refuse
    __iter__ = __next__ = __enter__ = __exit__ = _refuse

    def __repr__(self) -> str:
        if self._kind == "_io.FileIO" and self.closed:
            return "<_io.FileIO [closed]>"
        name = getattr(self, "name", None)
        shown = "" if name is None else f" name={name!r}"
        if self._kind == "_io.FileIO":
            shown = f"{shown or f' fd={self.fd}'} mode={self.mode!r} closefd={'closefd' in self._parts}"
        elif self._kind == "_io.TextIOWrapper":
            mode = self.__dict__.get("mode")
            shown += ("" if mode is None else f" mode={mode!r}") + f" encoding={self._parts.get('encoding')!r}"
        return f"<{self._kind}{shown}>"


def _raw_mode(parts: Parts) -> str:
    """mode_string, Modules/_io/fileio.c."""
    readable, writable = "readable" in parts, "writable" in parts
    for flag, mode in ("created", "xb"), ("appending", "ab"):
        if flag in parts:
            return mode + ("+" if readable else "")
    if readable and writable:
        return "wb+" if "truncate" in parts else "rb+"
    return "rb" if readable else "wb"


def _raw(parts: Parts) -> OpenFile:
    number(parts, "fd")
    return OpenFile("_io.FileIO", {**parts, "mode": _raw_mode(parts)})


class Socket:
    """Stands for a socket: `fd`, `family`, `type`, `proto`, `timeout` in seconds or None, `laddr` and `raddr`.

    It answers what can be asked of a socket without using it: `fileno()`, `getsockname()`, `getpeername()`,
    `gettimeout()`, `getblocking()`. An address is None where there is none, and a `pysnap.Absent` with the reason where
    the kernel did not tell it.
    """

    __slots__ = ("__dict__", "_kind", "family", "fd", "laddr", "proto", "raddr", "timeout", "type")

    def __init__(self, kind: str, parts: Parts) -> None:
        self._kind = kind
        self.fd, family, sort, self.proto = (number(parts, name) for name in ("fd", "family", "type", "proto"))
        self.family: int = socket.AddressFamily(family) if family in _FAMILIES else family
        self.type: int = socket.SocketKind(sort) if sort in _KINDS else sort
        timeout = number(parts, "timeout")
        self.timeout = None if timeout < 0 else timeout / 1e9
        self.laddr, self.raddr = (_address(parts, name) for name in ("laddr", "raddr"))

    def fileno(self) -> int:
        return self.fd

    def gettimeout(self) -> Optional[float]:
        return self.timeout

    def getblocking(self) -> bool:
        return self.timeout is None or self.timeout > 0

    def getsockname(self) -> Any:
        return self._known(self.laddr)

    def getpeername(self) -> Any:
        return self._known(self.raddr)

    def _known(self, address: Any) -> Any:
        if isinstance(address, Absent):
            raise CodeNotRun(f"the address of this socket is not in the snapshot: {address.reason}")
        if address is None:
            raise OSError(*((errno.EBADF, "Bad file descriptor") if self.fd < 0 else _NOT_CONNECTED))
        return address

    def __repr__(self) -> str:
        facts = f"fd={self.fd}, family={self.family!s}, type={self.type!s}, proto={self.proto}"
        if self._kind == "_socket.socket":
            return f"<socket object, fd={self.fd}, family={self.family:d}, type={self.type:d}, proto={self.proto}>"
        if self.__dict__.get("_closed") is True:
            return f"<{self._kind} [closed] {facts}>"
        for name in "laddr", "raddr":
            address = getattr(self, name)
            facts += f", {name}={address}" if address else ""
        return f"<{self._kind} {facts}>"

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"{name!r}: the socket was open in the program that the snapshot is of, and is not open here"
        )


def _address(parts: Parts, name: str) -> Any:
    address = parts.get(name)
    if address is not None and type(address) not in (tuple, str, bytes, Absent):
        raise ValueError(f"{name} is no address")
    return address


_FAMILIES = frozenset(int(family) for family in socket.AddressFamily)
_KINDS = frozenset(int(kind) for kind in socket.SocketKind)
_NOT_CONNECTED = (errno.ENOTCONN, "Transport endpoint is not connected")


def file_stand_ins() -> Dict[Tuple[str, str], Callable[[Parts], Any]]:
    """By the module and the name of the type."""

    def layer(kind: str) -> Callable[[Parts], Any]:
        return lambda parts: OpenFile(kind, parts)

    def sockets(kind: str) -> Callable[[Parts], Any]:
        return lambda parts: Socket(kind, parts)

    kinds = ("BufferedReader", "BufferedWriter", "BufferedRandom", "TextIOWrapper")
    return {
        ("_io", "FileIO"): _raw,
        **{("_io", kind): layer(f"_io.{kind}") for kind in kinds},
        **{(module, "socket"): sockets(f"{module}.socket") for module in ("_socket", "socket")},
    }
