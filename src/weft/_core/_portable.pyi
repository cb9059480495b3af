from typing_extensions import disjoint_base

from weft._core._poller import Poller

@disjoint_base
class PortablePoller(Poller):
    def __new__(cls, name: str) -> PortablePoller: ...
