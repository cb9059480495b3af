from typing import final

@final
class Tracing: ...
