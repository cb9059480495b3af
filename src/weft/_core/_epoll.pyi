from typing_extensions import disjoint_base

from weft._core._poller import Poller

@disjoint_base
class EpollPoller(Poller):
    def fileno(self) -> int: ...
