from typing_extensions import disjoint_base

from weft._core._poller import Poller

@disjoint_base
class PortablePoller(Poller):
    def __init__(self) -> None: ...

@disjoint_base
class PollPoller(PortablePoller): ...

@disjoint_base
class SelectPoller(PortablePoller): ...
