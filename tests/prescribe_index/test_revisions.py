from unslow.lab._revisions import chained
from unslow.model import NewFile


def django(name, follows="0001_initial"):
    text = f'    dependencies = [("shop", "{follows}")]\n'
    return NewFile(f"shop/migrations/{name}.py", text, name, follows)


def test_a_file_that_is_no_migration_stays():
    files = [NewFile("shop/x.py", 'a = ""\n'), NewFile("shop/y.py", 'b = ""\n')]
    assert list(chained(files)) == files


def test_a_single_migration_stays():
    assert list(chained([django("0002_a")])) == [django("0002_a")]


def test_migrations_of_two_apps_do_not_meet():
    other = NewFile("sales/migrations/0002_a.py", '"0001_initial"', "0002_a", "0001_initial")
    assert list(chained([django("0002_a"), other])) == [django("0002_a"), other]


def test_an_equal_file_comes_once():
    assert list(chained([django("0002_a"), django("0002_a")])) == [django("0002_a")]


def test_the_second_follows_the_first_and_the_third_the_second():
    assert list(chained([django("0002_a"), django("0002_b"), django("0002_c")])) == [
        django("0002_a"),
        django("0002_b", "0002_a"),
        django("0002_c", "0002_b"),
    ]


def test_an_alembic_revision_says_it_in_its_docstring_too():
    def revision(name, follows):
        text = f'"""Revises: {follows}\n"""\ndown_revision = "{follows}"\n'
        return NewFile(f"versions/{name}.py", text, name, follows)

    assert list(chained([revision("b", "a1"), revision("c", "a1")]))[1] == revision("c", "b")
