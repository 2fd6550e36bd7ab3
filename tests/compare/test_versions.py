"""Two versions from what the user names, without a trace in the user's own files."""

import sys
from pathlib import Path

import pytest

from tests.compare.conftest import APP, Shop, fill
from unslow.errors import UsageError
from unslow.lab.compare import NothingToCompare, place, resolve
from unslow.lab.target import Lab, Target
from unslow.progress import Silent


def target(folder: Path) -> Target:
    return Target(root=folder, command=("gunicorn", "app:app"), python=Path(sys.executable))


def texts(folder: Path, base: str | None = None, candidate: str | None = None) -> tuple[str, str]:
    """app.py as both versions have it."""
    before, after = trees(folder, base, candidate)
    return before["app.py"], after["app.py"]


def trees(
    folder: Path, base: str | None = None, candidate: str | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    wanted = target(folder)
    versions = resolve(base, candidate, wanted)
    with Lab(wanted, Silent(), versions.base.patch) as lab:
        made = lab.tree(), lab.tree([versions.candidate.patch])
        before, after = (
            {
                path.relative_to(tree.root).as_posix(): path.read_text()
                for path in tree.root.rglob("*")
                if path.is_file()
            }
            for tree in made
        )
    return before, after


def test_a_clean_work_tree_is_nothing_to_compare(shop: Shop) -> None:
    with pytest.raises(NothingToCompare, match=r"the work tree is as HEAD \("):
        resolve(None, None, target(shop.folder))


def test_touching_a_file_is_no_change(shop: Shop) -> None:
    shop.write("app.py", APP)
    with pytest.raises(NothingToCompare):
        resolve(None, None, target(shop.folder))


def test_nothing_of_the_users_is_touched(shop: Shop) -> None:
    shop.change("LIMIT 20", "LIMIT 10")
    shop.write("new.py", "x = 1\n")
    shop.git("add", "new.py")
    shop.change("LIMIT 10", "LIMIT 5")
    before = shop.state()
    trees(shop.folder)
    assert shop.state() == before


def test_the_work_tree_is_compared_with_head_by_default(shop: Shop) -> None:
    shop.change("LIMIT 20", "LIMIT 10")
    before, after = texts(shop.folder)
    assert before == APP
    assert after == APP.replace("LIMIT 20", "LIMIT 10")


def test_what_is_staged_counts_as_the_work_tree(shop: Shop) -> None:
    shop.change("LIMIT 20", "LIMIT 10")
    shop.git("add", "app.py")
    assert texts(shop.folder)[0] == APP


def test_a_module_that_is_not_added_yet_is_new_in_the_work_tree(shop: Shop) -> None:
    shop.write("selectors.py", "x = 1\n")
    before, after = trees(shop.folder)
    assert "selectors.py" not in before
    assert after["selectors.py"] == "x = 1\n"


def test_a_local_module_that_head_imports_is_in_both(shop: Shop) -> None:
    shop.change("import sqlite3", "import sqlite3, local_values")
    shop.commit()
    shop.write("local_values.py", "x = 1\n")
    shop.change("LIMIT 20", "LIMIT 10")
    before, _ = trees(shop.folder)
    assert "local_values.py" in before


def test_ignored_files_are_in_both(shop: Shop) -> None:
    shop.write(".env", "KEY=1\n")
    shop.change("LIMIT 20", "LIMIT 10")
    before, after = trees(shop.folder)
    assert before[".env"] == after[".env"] == "KEY=1\n"


def test_a_deleted_file_is_in_the_base_alone(shop: Shop) -> None:
    shop.write("old.py", "x = 1\n")
    shop.commit()
    (shop.folder / "old.py").unlink()
    before, after = trees(shop.folder)
    assert "old.py" in before
    assert "old.py" not in after


def test_a_revision_is_compared_with_the_work_tree(shop: Shop) -> None:
    shop.change("LIMIT 20", "LIMIT 10")
    shop.commit()
    shop.change("LIMIT 10", "LIMIT 5")
    before, after = texts(shop.folder, "HEAD~1")
    assert ("LIMIT 20" in before, "LIMIT 5" in after) == (True, True)


@pytest.mark.parametrize("arguments", [("main", "feature"), ("main..feature", None)])
def test_two_revisions_are_compared_whatever_is_checked_out(
    shop: Shop, arguments: tuple[str, str | None]
) -> None:
    shop.git("switch", "--quiet", "--create", "feature")
    shop.change("LIMIT 20", "LIMIT 10")
    shop.commit()
    shop.git("switch", "--quiet", "--create", "third", "main")
    shop.change("LIMIT 20", "LIMIT 3")
    before, after = texts(shop.folder, *arguments)
    assert before == APP
    assert "LIMIT 10" in after


def test_three_dots_start_from_the_merge_base(shop: Shop) -> None:
    shop.git("switch", "--quiet", "--create", "feature")
    shop.change("LIMIT 20", "LIMIT 10")
    shop.commit()
    shop.git("switch", "--quiet", "main")
    shop.change("/customers", "/clients")
    shop.commit()
    before, after = texts(shop.folder, "main...feature")
    assert before == APP
    assert "/customers" in after


def test_files_that_are_no_text_change_too(shop: Shop) -> None:
    (shop.folder / "logo.bin").write_bytes(b"\x00\xff1")
    shop.commit()
    (shop.folder / "logo.bin").write_bytes(b"\x00\xff2")
    versions = resolve(None, None, target(shop.folder))
    assert versions.files == ("logo.bin",)
    assert versions.base.patch.whole[0].content == b"\x00\xff1"
    assert versions.candidate.patch.whole[0].content == b"\x00\xff2"


def test_scripts_stay_executable(shop: Shop) -> None:
    shop.write("start.sh", "#!/bin/sh\n")
    (shop.folder / "start.sh").chmod(0o755)
    shop.commit()
    shop.change("#!/bin/sh", "#!/bin/bash", "start.sh")
    versions = resolve(None, None, target(shop.folder))
    assert versions.base.patch.whole[0].executable


def test_a_database_that_is_tracked_is_data_and_no_change(shop: Shop) -> None:
    shop.git("add", "--force", "shop.sqlite3")
    shop.commit()
    (shop.folder / "shop.sqlite3").unlink()
    fill(shop.folder / "shop.sqlite3")
    shop.change("LIMIT 20", "LIMIT 10")
    assert resolve(None, None, target(shop.folder)).files == ("app.py",)


def test_an_application_below_the_repository_has_paths_of_its_own(shop: Shop) -> None:
    shop.write("backend/app.py", APP)
    shop.write("docs/page.md", "1")
    shop.commit()
    shop.change("LIMIT 20", "LIMIT 10", "backend/app.py")
    shop.write("docs/page.md", "2")
    versions = resolve(None, None, target(shop.folder / "backend"))
    assert versions.files == ("app.py",)
    assert "docs/page.md" in versions.notes[0]


def test_a_change_elsewhere_in_the_repository_is_nothing_to_compare(shop: Shop) -> None:
    shop.write("backend/app.py", APP)
    shop.commit()
    shop.change("LIMIT 20", "LIMIT 10")
    with pytest.raises(NothingToCompare, match=r"the same in .*backend \(.*app\.py"):
        resolve(None, None, target(shop.folder / "backend"))


def test_no_repository_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "app.py").write_text(APP)
    with pytest.raises(UsageError, match="is in no git repository"):
        resolve(None, None, target(tmp_path))


def test_a_repository_without_a_commit_is_a_clear_error(shop: Shop) -> None:
    shop.git("switch", "--quiet", "--orphan", "empty")
    with pytest.raises(UsageError, match="has no commit yet"):
        resolve(None, None, target(shop.folder))


def test_an_unknown_revision_is_named(shop: Shop) -> None:
    with pytest.raises(UsageError, match="'feautre' is no revision"):
        resolve("main", "feautre", target(shop.folder))


def test_an_option_is_no_revision(shop: Shop) -> None:
    with pytest.raises(UsageError, match="is no revision"):
        resolve("--output=x", None, target(shop.folder))
    assert not (shop.folder / "x").exists()


def test_unrelated_revisions_are_refused(shop: Shop) -> None:
    shop.git("switch", "--quiet", "--orphan", "other")
    shop.write("app.py", APP.replace("LIMIT 20", "LIMIT 10"))
    shop.commit()
    with pytest.raises(UsageError, match="share no history"):
        resolve("main", "other", target(shop.folder))


def test_the_same_revision_twice_is_nothing_to_compare(shop: Shop) -> None:
    with pytest.raises(NothingToCompare, match="are the same commit"):
        resolve("main", "HEAD", target(shop.folder))


def test_a_patch_is_applied_to_the_work_tree(shop: Shop) -> None:
    shop.change("LIMIT 20", "LIMIT 10")
    (shop.folder.parent / "faster.patch").write_text(shop.git("diff") + "\n")
    shop.git("checkout", "--quiet", "app.py")
    before, after = texts(shop.folder, "../faster.patch")
    assert (before, after) == (APP, APP.replace("LIMIT 20", "LIMIT 10"))


def test_a_patch_is_applied_to_a_revision(shop: Shop) -> None:
    shop.change("LIMIT 20", "LIMIT 10")
    (shop.folder.parent / "faster.diff").write_text(shop.git("diff") + "\n")
    shop.change("LIMIT 10", "LIMIT 5")
    shop.commit()
    before, after = texts(shop.folder, "HEAD~1", "../faster.diff")
    assert (before, after) == (APP, APP.replace("LIMIT 20", "LIMIT 10"))


def test_a_patch_may_add_and_remove_files(shop: Shop) -> None:
    shop.write("old.py", "x = 1\n")
    shop.commit()
    shop.git("mv", "old.py", "renamed.py")
    shop.write("added/new.py", "y = 1\n")
    shop.git("add", "--all")
    (shop.folder.parent / "files.patch").write_text(shop.git("diff", "--cached", "-M") + "\n")
    shop.git("reset", "--quiet", "--hard")
    versions = resolve("../files.patch", None, target(shop.folder))
    assert versions.files == ("added/new.py", "old.py", "renamed.py")
    assert versions.candidate.patch.removed == ("old.py",)


def test_a_patch_may_be_relative_to_the_application(shop: Shop) -> None:
    shop.write("backend/app.py", APP)
    (shop.folder / "app.py").unlink()
    shop.commit()
    shop.change("LIMIT 20", "LIMIT 10", "backend/app.py")
    patch = shop.folder.parent / "relative.patch"
    patch.write_text(shop.git("diff", "--relative=backend") + "\n")
    shop.git("checkout", "--quiet", "backend/app.py")
    assert resolve(str(patch), None, target(shop.folder / "backend")).files == ("app.py",)


def test_a_patch_needs_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "app.py").write_text("a\nb\nc\n")
    patch = tmp_path / "x.patch"
    patch.write_text("--- a/app.py\n+++ b/app.py\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n")
    versions = resolve(str(patch), None, target(tmp_path))
    assert versions.candidate.patch.whole[0].content == b"a\nB\nc\n"


def test_a_patch_that_does_not_apply_names_file_and_hunk(shop: Shop) -> None:
    shop.change("import sqlite3", "import sqlite3  # driver")
    shop.change("FROM customers", "FROM clients")
    patch = shop.folder.parent / "stale.patch"
    patch.write_text(shop.git("diff", "--unified=1") + "\n")
    shop.git("checkout", "--quiet", "app.py")
    shop.change("SELECT name FROM customers", "SELECT name, id FROM customers")
    with pytest.raises(UsageError, match=r"does not apply to the work tree: app\.py, hunk 2 \(@@"):
        resolve(str(patch), None, target(shop.folder))


def test_a_patch_for_a_file_that_is_not_there_names_it(shop: Shop) -> None:
    patch = shop.folder.parent / "gone.patch"
    patch.write_text("--- a/gone.py\n+++ b/gone.py\n@@ -1 +1 @@\n-a\n+b\n")
    with pytest.raises(UsageError, match=r"gone\.py: No such file"):
        resolve(str(patch), None, target(shop.folder))


def test_a_patch_without_changes_is_refused(shop: Shop) -> None:
    patch = shop.folder.parent / "empty.patch"
    patch.write_text("dear reviewer,\n")
    with pytest.raises(UsageError, match="holds no change to a file"):
        resolve(str(patch), None, target(shop.folder))


def test_a_missing_patch_is_a_clear_error(shop: Shop) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        resolve("nowhere.patch", None, target(shop.folder))


def test_two_folders_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    for name, text in (("v1", APP), ("v2", APP.replace("LIMIT 20", "LIMIT 10"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(text)
    (tmp_path / "v1" / ".env").write_text("KEY=1")
    (tmp_path / "v1" / "gone.py").write_text("x = 1")
    fill(tmp_path / "v2" / "shop.sqlite3")
    assert place("v1", "v2", tmp_path) == tmp_path / "v1"
    versions = resolve("v1", "v2", target(tmp_path / "v1"))
    assert versions.files == ("app.py", "gone.py")
    assert versions.candidate.patch.removed == ("gone.py",)
    assert (versions.base.label, versions.candidate.label) == ("v1", "v2")


def test_the_same_folder_twice_is_refused(shop: Shop) -> None:
    with pytest.raises(UsageError, match="are the same folder"):
        resolve(".", ".", target(shop.folder))


def test_statements_in_a_file_are_a_change(shop: Shop) -> None:
    shop.write("../index.sql", "CREATE INDEX CONCURRENTLY i ON orders (customer);\nSET jit = off;")
    versions = resolve("../index.sql", None, target(shop.folder))
    first, second = versions.candidate.patch.sql
    assert first == "CREATE INDEX i ON orders (customer)"
    assert "ALTER DATABASE %I SET jit" in second


def test_other_statements_are_refused_with_their_line(shop: Shop) -> None:
    shop.write("../index.sql", "SET jit = off;\n\nDELETE FROM orders;\n")
    with pytest.raises(UsageError, match="near line 3: DELETE FROM is neither an index"):
        resolve("../index.sql", None, target(shop.folder))


DJANGO = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    pass\n"
ALEMBIC = 'revision = "2"\ndown_revision = "1"\n\n\ndef upgrade() -> None:\n    pass\n'


def test_without_new_migrations_nothing_is_run(shop: Shop) -> None:
    shop.write("shop/migrations/__init__.py", "")
    shop.change("LIMIT 20", "LIMIT 10")
    assert resolve(None, None, target(shop.folder)).candidate.patch.prepare == ()


def test_a_new_django_migration_is_run_for_the_candidate_alone(shop: Shop) -> None:
    shop.write("manage.py", "")
    shop.commit()
    shop.write("shop/migrations/0002_index.py", DJANGO)
    versions = resolve(None, None, target(shop.folder))
    assert versions.candidate.patch.prepare == (("python", "manage.py", "migrate", "--noinput"),)
    assert versions.base.patch.prepare == ()


def test_a_new_alembic_revision_is_run(shop: Shop) -> None:
    shop.write("db/alembic.ini", "[alembic]\n")
    shop.commit()
    shop.write("db/versions/2_index.py", ALEMBIC)
    (words,) = resolve(None, None, target(shop.folder)).candidate.patch.prepare
    assert words[-2:] == ("upgrade", "heads")
    assert "db/alembic.ini" in words
