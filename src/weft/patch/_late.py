"""Objects that were made before the patch: locks, locals, queues, sockets.

A task that waits for a native lock stops its whole OS thread, and a native
``local`` is one for all the tasks of a thread. Each that nobody uses at the
moment is replaced, be it held by a module, a class, an attribute or a list,
provided that all that refers to it can be given the new one: half of a program
locking another lock than the rest would be worse. What stays is noted in the
registry. Nothing here parks.
"""

import gc
import sys
from collections.abc import Callable
from functools import partial
from types import BuiltinMethodType, CellType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any, NamedTuple

from weft.patch import _registry
from weft.patch._places import Left, attributes, is_a, place_of

Put = Callable[[object], object]
# References to an object that are ours while they are counted: a dictionary's, a local variable's
# and an argument's.
OURS = 3


class Kind(NamedTuple):
    """A native class, whose instances shall not stay as they are."""

    native: type
    what: str
    # Makes the counterpart of an instance; None where there can be none.
    green: Callable[[Any], object] | None
    # Why an instance must stay: somebody uses it. "" where nobody does.
    used: Callable[[Any], str]


class ToBeKeptError(Exception):
    """What refers to an object means the native one: the importer, or weft itself."""


# What the patches just made have counterparts for.
kinds: list[Kind] = []


def replace_all() -> None:
    """Replace, or note, every instance of ``kinds`` there is.

    Threads: any. Another one that takes a lock in this moment may take the old one.
    """
    # By id: a class whose metaclass has an equality of its own may have no hash.
    wanted = {id(kind.native): kind for kind in kinds}
    kinds.clear()
    found = {id(each): each for each in gc.get_objects() if id(type(each)) in wanted}
    if found:
        Search(found).replace(wanted)


class Search:
    """Who refers to which of the native objects found, after one look through all there is."""

    def __init__(self, found: dict[int, Any]) -> None:
        self.found = found
        # A lock's ``acquire`` that somebody keeps, as a Condition does: exchanged along with it.
        self.methods: dict[int, Any] = {}
        self.methods_of: dict[int, list[int]] = {number: [] for number in found}
        for each in gc.get_objects():
            if type(each) is BuiltinMethodType and id(each.__self__) in found:
                self.methods[id(each)] = each
                self.methods_of[id(each.__self__)].append(id(each))
        self.held: dict[int, list[object]] = {number: [] for number in (*found, *self.methods)}
        self.look_around()
        self.owners = owners_of(
            {id(one): one for several in self.held.values() for one in several if is_a(one, dict)}
        )
        # What was replaced by name is to be put back one day.
        self.records = {id(each.args) for each in _registry.undo if type(each) is partial}
        self.modules = {id(names) for names in _registry.modules()}

    def look_around(self) -> None:
        """Find all that refers to what was found, less our own dictionaries."""
        ours = {id(self.found), id(self.methods), *self.methods}
        apart = self.held.keys().isdisjoint
        for holder in gc.get_objects():
            # Nearly all of them refer to none, and pass here without a step of Python.
            if apart(map(id, gc.get_referents(holder))) or id(holder) in ours:
                continue
            for number in {id(each) for each in gc.get_referents(holder)} & self.held.keys():
                self.held[number].append(holder)

    def replace(self, wanted: dict[int, Kind]) -> None:
        """Replace each that can be, note each that cannot."""
        for number, methods in self.methods_of.items():
            kind = wanted[id(type(self.found[number]))]
            try:
                puts = self.exchange(self.found, number, len(methods))
                reason = kind.used(self.found[number])
                of_methods = [self.exchange(self.methods, method, 0) for method in methods]
            except ToBeKeptError:
                continue
            native = self.found[number]
            if kind.green is None or None in (puts, *of_methods) or reason:
                self.note(native, kind, reason)
                continue
            made = kind.green(native)
            for put in puts or ():
                put(made)
            for method, method_puts in zip(methods, of_methods, strict=True):
                for put in method_puts or ():
                    put(getattr(made, self.methods[method].__name__))

    def note(self, native: Any, kind: Kind, reason: str) -> None:
        if kind.green and not reason:
            reason = f"a {kind.what} that a running function, a thread or a tuple has as well"
        module, path = place_of(native)
        # One in use that no name leads to is in a thread of old, which is noted itself.
        nameless = kind.green and not module
        if reason and not nameless and module.partition(".")[0] not in _registry.EXEMPT:
            _registry.left.append(Left(module, path, reason))

    def exchange(self, among: dict[int, Any], number: int, known: int) -> list[Put] | None:
        """What puts another object in the place of one, wherever that is referred to.

        Args:
          among: ``found`` or ``methods``, which has the one under ``number``.
          known: how many references to it are accounted for.

        Returns:
          None where something refers to it that cannot be given another.

        Raises:
          ToBeKeptError: something refers to it that shall not be given another.
        """
        target = among[number]
        puts = [put for holder in self.held[number] for put in self.puts(holder, target)]
        return puts if sys.getrefcount(target) == OURS + known + len(puts) else None

    def puts(self, holder: Any, target: object) -> list[Put]:
        """One call for each reference of ``holder`` to ``target``, for which it puts another."""
        if id(holder) in self.records:
            raise ToBeKeptError
        if type(holder) is CellType:
            return [partial(setattr, holder, "cell_contents")]
        if is_a(holder, list):
            places = [index for index, value in enumerate(holder) if value is target]
            return [partial(list.__setitem__, holder, index) for index in places]
        owner = self.owners.get(id(holder), None if is_a(holder, dict) else holder)
        if is_a(owner, ModuleType) and id(holder) not in self.modules:
            raise ToBeKeptError
        kind: Any = owner if is_a(owner, type) else type(owner)
        if str(vars(kind).get("__module__")).partition(".")[0] in _registry.EXEMPT:
            raise ToBeKeptError
        names = holder if is_a(holder, dict) else attributes(holder)
        keys = [key for key, value in dict.items(names) if value is target]
        if is_a(owner, type):
            return [partial(setattr, owner, key) for key in keys]
        if dict.get(names, "_waiters"):  # a condition of which a thread is waiting
            return []
        return [partial(dict.__setitem__, names, key) for key in keys] + slots(holder, target)


def slots(holder: object, target: object) -> list[Put]:
    """What sets each slot of ``holder`` in which ``target`` lies."""
    members = [
        each
        for kind in type(holder).__mro__
        for each in vars(kind).values()
        if type(each) is MemberDescriptorType
    ]
    return [partial(each.__set__, holder) for each in members if in_slot(each, holder) is target]


def in_slot(member: MemberDescriptorType, holder: object) -> object:
    try:
        return member.__get__(holder)
    except AttributeError:
        return None  # nothing is in it


def owners_of(dictionaries: dict[int, object]) -> dict[int, object]:
    """The module, class or object that each is the ``__dict__`` of, by the dictionary's id."""
    owners: dict[int, object] = {}
    for owner in gc.get_referrers(*dictionaries.values()) if dictionaries else ():
        if type(owner) is not FunctionType:  # that refers to its globals
            own = gc.get_referents(owner) if is_a(owner, type) else [attributes(owner)]
            owners.update({id(names): owner for names in own if id(names) in dictionaries})
    return owners
