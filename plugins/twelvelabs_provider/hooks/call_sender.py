"""What the verbs of a hook need of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from twelvelabs_provider.api.call import Call
    from twelvelabs_provider.api.generations import Dialect
    from twelvelabs_provider.api.models import Page
    from twelvelabs_provider.api.resources import Paging

T = TypeVar("T")


class CallSender(ABC):
    """A hook that sends calls."""

    @property
    @abstractmethod
    def api(self) -> Dialect:
        """The calls of the connection's generation."""

    @abstractmethod
    def execute(self, call: Call[T], *, until: float | None = None) -> T:
        """Send a call and return its response."""

    @abstractmethod
    def items(self, page: Callable[[Paging], Call[Page[T]]]) -> Iterator[T]:
        """Return the entries of all pages of a list."""
