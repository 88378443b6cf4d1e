from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.artist import Artist
from matplotlib.figure import Figure


@pytest.fixture
def part() -> Callable[[Figure, str], Any]:
    """The one artist of a figure that carries this name."""

    def find(figure: Figure, gid: str) -> Artist:
        (found,) = figure.findobj(lambda artist: artist.get_gid() == gid)
        return found

    return find
