import pytest

from seapo.errors import SeapoError, UnknownNameError
from seapo.registry import Registry


def test_plug_ins_are_found_by_name_in_their_order():
    registry = Registry("check", "seapo.none")
    registry.register("b")(len)
    registry.add("a", max)
    assert list(registry) == ["b", "a"]
    assert registry["a"] is max
    assert "c" not in registry


def test_a_name_is_taken_once():
    registry = Registry("check", "seapo.none")
    registry.add("a", len)
    with pytest.raises(SeapoError, match="a check named 'a' already"):
        registry.add("a", max)


def test_an_unknown_name_gets_the_nearest_one():
    registry = Registry("check", "seapo.none")
    registry.add("disclosure", len)
    registry.add("length", len)
    with pytest.raises(UnknownNameError) as caught:
        registry["disclosre"]
    assert str(caught.value) == "no check named 'disclosre'. Did you mean 'disclosure'? Known: disclosure, length"


def test_an_installed_package_adds_its_plug_in(tmp_path, monkeypatch):
    package = tmp_path / "seapo_extra-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: seapo-extra\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[seapo.checks_of_this_test]\nshouting = seapo_extra:shouting\n")
    (tmp_path / "seapo_extra.py").write_text("def shouting(text):\n    return text.isupper()\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("check", "seapo.checks_of_this_test")
    assert registry["shouting"]("LOUD")
