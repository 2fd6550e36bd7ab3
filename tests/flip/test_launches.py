import pytest

from tests.builders import query, request, trace
from tests.prove import library
from unslow.lab.prove import Candidate, prove_all, traffic
from unslow.lab.target import Lab
from unslow.lab.workload import Call, Client
from unslow.model import Patch
from unslow.progress import Silent


class Stages(Silent):
    """Remembers which stages began."""

    def __init__(self):
        self.names = []

    def stage(self, name, total=None):
        self.names.append(name)


@pytest.fixture
def lab(postgres):
    with Lab(library.target(postgres, "launches"), Silent()) as lab:
        app = lab.launch(lab.tree(), "seen")
        client = Client(app.base_url)
        client.send(Call("GET", "/books/", library.BOOKS))  # now its database is known
        client.close()
        app.stop()
        yield lab


def test_an_index_without_gain_is_never_launched(lab):
    patch = Patch("postgres-index", "s", "safe", sql=("CREATE INDEX by_title ON book (title)",))
    reads = request("GET", "books/", query("SELECT * FROM book WHERE author_id = 3", parameters=()))
    stages = Stages()
    proof, combination = prove_all(
        lab,
        library.workload(),
        [Candidate("title", patch, (library.BOOKS,))],
        budget_s=100.0,
        progress=stages,
        traffic=traffic(trace(reads).requests, {}),
    )
    assert stages.names == ["flip indexes"]
    assert proof.verdicts["title"].verdict == "no-gain"
    assert proof.verdicts["title"].flip.statements[0].same_plan
    assert (combination.kept, combination.total.rejected) == ((), 1)
