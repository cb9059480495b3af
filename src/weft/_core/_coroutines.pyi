from typing import final

@final
class Coroutines: ...
