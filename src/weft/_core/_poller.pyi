from typing_extensions import disjoint_base

@disjoint_base
class Poller:
    @property
    def name(self) -> str: ...
