from typing_extensions import disjoint_base

from weft._core._poller import Poller

@disjoint_base
class PortablePoller(Poller):
    def __init__(self, *args: object, **kwargs: object) -> None: ...

@disjoint_base
class PollPoller(PortablePoller): ...

@disjoint_base
class SelectPoller(PortablePoller): ...
