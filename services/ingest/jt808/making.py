"""Frozen values, made fast: a frozen dataclass's own `__init__` takes twice as long to do the same.

`object.__setattr__` finds each slot by its name, every time; here the slots are found once.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

T = TypeVar("T")


def setting(form: type, target: str = "_made") -> tuple[list[str], dict[str, Any]]:
    """Lines of code that make a value of a slotted dataclass from variables named as its fields, and what they use."""
    names = [each.name for each in fields(form)]
    lines = [f"{target} = _new(_form)", *(f"_set_{name}({target}, {name})" for name in names)]
    return lines, {
        "_new": object.__new__,
        "_form": form,
        **{f"_set_{name}": getattr(form, name).__set__ for name in names},
    }


def constructor(form: type[T]) -> Callable[..., T]:
    """A function of all fields, in their order, that makes a value of a slotted dataclass."""
    lines, names = setting(form)
    arguments = ", ".join(each.name for each in fields(form))  # type: ignore[arg-type]
    source = "\n".join([f"def make({arguments}):", *(f"    {line}" for line in lines), "    return _made"])
    exec(compile(source, f"<{form.__name__}>", "exec"), names)  # noqa: S102  built from the class's own fields
    make: Callable[..., T] = names["make"]
    return make
