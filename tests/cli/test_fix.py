import hashlib
import subprocess

import msgspec
import pytest

from tests.report.sample import MIGRATION, SOURCES, clean, patched, sample
from unslow.cli import _state
from unslow.lab.report import json
from unslow.lab.write._kept import in_row
from unslow.model import Fix, NewFile, Verdict


def tree(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def expected():
    report = sample()
    fixes = [fix for finding in report.findings for fix in finding.fixes if fix.kept]
    changed = patched(tuple(edit for fix in fixes for edit in fix.edits))
    return SOURCES | changed | {"shop/migrations/0002_order_created_at.py": MIGRATION}


def with_fix(fix):
    report = sample()
    finding = msgspec.structs.replace(report.findings[0], fixes=(fix,))
    return msgspec.structs.replace(report, findings=(finding,))


def test_nothing_is_written_without_a_proven_fix(shop, unslow) -> None:
    _state.keep(clean(), shop)
    ran = unslow("fix")
    assert (ran.code, ran.out) == (0, "Nothing to write: the report has no proven fix.\n")
    assert tree(shop) == SOURCES


def test_nothing_is_written_when_a_file_has_changed(kept, unslow) -> None:
    (kept / "shop/models.py").write_text(SOURCES["shop/models.py"] + "# mine\n")
    before = tree(kept)
    ran = unslow("fix")
    assert ran.code == 1
    assert "shop/models.py has changed since the audit" in ran.err
    assert tree(kept) == before


def test_check_shows_the_change_and_writes_nothing(kept, unslow) -> None:
    ran = unslow("fix", "--check")
    assert ran.code == 0
    assert '.select_related("customer__company")' in ran.out
    assert "0002_order_created_at.py" in ran.out
    assert tree(kept) == SOURCES


def test_the_kept_fixes_are_written_and_no_others(kept, unslow) -> None:
    ran = unslow("fix")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        "wrote shop/migrations/0002_order_created_at.py",
        "wrote shop/models.py",
        "wrote shop/views.py",
    ]
    assert tree(kept) == expected()


def test_twice_changes_nothing_more(kept, unslow) -> None:
    unslow("fix")
    ran = unslow("fix")
    assert ran.code == 1
    assert "carries the fix already" in ran.err
    assert tree(kept) == expected()


def test_a_named_report_is_applied_to_the_current_folder(shop, tmp_path, unslow) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.render(sample()))
    assert unslow("fix", str(path)).code == 0
    assert tree(shop) == expected()


def test_the_last_report_is_found_from_a_folder_below(kept, monkeypatch, unslow) -> None:
    monkeypatch.chdir(kept / "shop")
    assert unslow("fix").code == 0
    assert tree(kept) == expected()


def test_a_report_of_another_folder_is_never_used(kept, tmp_path, monkeypatch, unslow) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    ran = unslow("fix")
    assert ran.code == 2
    assert "run `unslow audit` first" in ran.err


def test_a_file_that_is_not_there_says_where_to_run(tmp_path, monkeypatch, unslow) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.json").write_text(json.render(sample()))
    ran = unslow("fix", "report.json")
    assert ran.code == 1
    assert "run `unslow fix` in the folder that was audited" in ran.err


def test_fixes_to_an_installed_package_are_named_and_left_out(kept, unslow) -> None:
    (kept / "shop/models.py").unlink()
    ran = unslow("fix")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "wrote shop/views.py",
        "left out, not in this folder: shop/models.py (django-index)",
    ]
    assert not (kept / "shop/migrations").exists()


def test_check_shows_the_change_to_an_installed_package(shop, unslow) -> None:
    _state.keep(sample(), shop)
    for path in SOURCES:
        (shop / path).unlink()
    ran = unslow("fix", "--check")
    assert ran.code == 0
    assert "+            models.Index(fields=" in ran.out


def test_a_path_that_leads_out_of_the_folder_is_refused(shop, unslow) -> None:
    fix = Fix("f", "s", "safe", "", Verdict("proven"), True, files=(NewFile("../evil.py", "x"),))
    _state.keep(with_fix(fix), shop)
    ran = unslow("fix")
    assert ran.code == 2
    assert not (shop.parent / "evil.py").exists()


def test_statements_without_a_file_become_a_script(shop, unslow) -> None:
    sql = ('CREATE INDEX "i" ON "t" ("c")',)
    fix = Fix("postgres-index", "Index `t (c)`", "review", "", Verdict("proven"), True, sql=sql)
    _state.keep(with_fix(fix), shop)
    ran = unslow("fix")
    assert ran.code == 0
    script = (shop / "unslow-indexes.sql").read_text()
    assert script == '-- Index `t (c)`\nCREATE INDEX CONCURRENTLY "i" ON "t" ("c");\n'


def test_an_unwritable_place_leaves_everything_as_it_was(kept, unslow) -> None:
    (kept / "shop/migrations").write_text("in the way")
    before = tree(kept)
    ran = unslow("fix")
    assert ran.code == 1
    assert tree(kept) == before


def test_a_branch_needs_a_repository(kept, unslow) -> None:
    ran = unslow("fix", "--branch", "faster")
    assert ran.code == 2
    assert "is not in a git repository" in ran.err


def test_a_branch_is_never_overwritten(git, unslow) -> None:
    git("branch", "faster")
    before = git("rev-parse", "faster")
    ran = unslow("fix", "--branch", "faster")
    assert ran.code == 2
    assert "branch faster exists already" in ran.err
    assert git("rev-parse", "faster") == before


@pytest.mark.parametrize("name", ["a..b", "-x", ""])
def test_a_branch_name_is_checked(name, git, unslow) -> None:
    assert unslow("fix", f"--branch={name}").code == 2


def test_a_branch_starts_only_from_the_audited_files(git, kept, unslow) -> None:
    (kept / "shop/views.py").write_text("# other\n")
    git("commit", "--quiet", "--all", "--message", "Other")
    ran = unslow("fix", "--branch", "faster")
    assert ran.code == 1
    assert "commit what was audited first" in ran.err
    assert git("branch", "--list", "faster") == ""


def test_a_branch_has_one_commit_per_fix_and_the_proof_in_its_message(git, kept, unslow) -> None:
    ran = unslow("fix", "--branch", "faster")
    assert ran.code == 0, ran.err
    assert git("log", "--format=%s", "main..faster").splitlines() == [
        "Index shop_order (created_at DESC) in Order.Meta and a … (×3.44 CPU)",
        "Load customer and customer.company with the orders (×12.1 CPU)",
    ]
    message = git("log", "--format=%B", "-1", "faster~1")
    for fact in ("×12.1 [11.2, 13.1]", "101 → 1", "shop/views.py:10:16", "120 of 120"):
        assert fact in " ".join(message.split())
    assert message.rstrip().endswith(
        "Unslow-Finding: repeated-query\nUnslow-Fixer: django-select-related"
    )
    assert max(map(len, message.splitlines())) <= 72


def test_the_branch_holds_what_the_tree_would_get(git, unslow) -> None:
    unslow("fix", "--branch", "faster")
    for path, text in expected().items():
        assert git("show", f"faster:{path}") == text


def test_a_branch_leaves_the_checkout_alone(git, kept, unslow) -> None:
    (kept / "notes.txt").write_text("not committed")
    before, head = tree(kept), git("rev-parse", "HEAD")
    unslow("fix", "--branch", "faster")
    assert tree(kept) == before
    assert git("status", "--porcelain") == "?? notes.txt\n"
    assert git("rev-parse", "HEAD") == head
    assert git("branch", "--show-current") == "main\n"
    assert git("worktree", "list").count("\n") == 1


def test_a_branch_works_when_the_application_is_a_folder_of_the_repository(
    tmp_path, monkeypatch, unslow
) -> None:
    root = tmp_path / "repo" / "services" / "shop"
    for path, text in SOURCES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", tmp_path / "repo", *words], check=True, capture_output=True, text=True
        ).stdout

    git("init", "--quiet")
    git("config", "user.name", "Test")
    git("config", "user.email", "test@example.com")
    git("add", ".")
    git("commit", "--quiet", "--message", "Start")
    _state.keep(sample(), root)
    monkeypatch.chdir(tmp_path / "repo")
    assert unslow("fix", "--branch", "faster").code == 0
    changed = git("diff", "--name-only", "HEAD", "faster").splitlines()
    assert sorted(changed) == [
        "services/shop/shop/migrations/0002_order_created_at.py",
        "services/shop/shop/models.py",
        "services/shop/shop/views.py",
    ]


def test_the_sample_knows_its_own_files() -> None:
    for path, digest in sample().files.items():
        assert hashlib.sha256(SOURCES[path].encode()).hexdigest() == digest


def test_commits_add_migrations_in_the_order_in_which_they_follow_each_other() -> None:
    finding = sample().findings[0]
    fix = msgspec.structs.replace(finding.fixes[0], edits=())
    named = {
        name: (finding, msgspec.structs.replace(fix, files=files))
        for name, files in (
            ("b", (NewFile("b.py", "b", "b", "a"),)),
            ("none", ()),
            ("a", (NewFile("a.py", "a", "a", "a"),)),
        )
    }
    assert in_row(list(named.values())) == [named["a"], named["none"], named["b"]]
