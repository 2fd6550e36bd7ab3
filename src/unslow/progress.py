"""How long work tells where it is."""

from typing import Protocol


class Progress(Protocol):
    """Receives what happens now; the terminal draws it, tests and pipes ignore or print it."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A stage begins: "observe", "prove 2/3". `total` counts its steps where known."""

    def step(self, detail: str, advance: int = 1, seconds_left: float | None = None) -> None:
        """A step of the stage is done or under way; `detail` names the endpoint or the fix."""

    def note(self, message: str) -> None:
        """A line that stays: something the user should know."""


class Silent:
    """Progress that shows nothing."""

    def stage(self, name: str, total: int | None = None) -> None: ...
    def step(self, detail: str, advance: int = 1, seconds_left: float | None = None) -> None: ...
    def note(self, message: str) -> None: ...
