def test_a_folder_that_is_not_empty_is_refused(tmp_path, unslow) -> None:
    (tmp_path / "django" / "slow").mkdir(parents=True)
    (tmp_path / "django" / "slow" / "mine.txt").write_text("mine")
    ran = unslow("demo", "--keep", str(tmp_path), "--size", "small", "--flavour", "django")
    assert ran.code == 2
    assert "is not empty; name a new folder" in ran.err
    assert (tmp_path / "django" / "slow" / "mine.txt").read_text() == "mine"


def test_an_unknown_flavour_is_a_usage_error(unslow) -> None:
    assert unslow("demo", "--flavour", "rails").code == 2
