import pytest

from seapo.errors import RunError
from seapo.runfolder import RunFolder


def write(text):
    return lambda folder: (folder / "out.txt").write_text(text)


def test_a_stage_appears_whole_with_its_fingerprint(tmp_path):
    run = RunFolder(tmp_path)
    assert run.fingerprint("mix") is None
    run.produce("mix", "f1", write("a"))
    assert run.fingerprint("mix") == "f1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mix"]


def test_a_new_output_takes_the_place_of_the_old_one(tmp_path):
    run = RunFolder(tmp_path)
    run.produce("mix", "f1", lambda folder: [write("a")(folder), (folder / "gone.txt").touch()])
    run.produce("mix", "f2", write("b"))
    assert run.fingerprint("mix") == "f2"
    assert (tmp_path / "mix" / "out.txt").read_text() == "b"
    assert not (tmp_path / "mix" / "gone.txt").exists()


def test_an_output_that_somebody_changed_is_not_reused(tmp_path):
    run = RunFolder(tmp_path)
    run.produce("mix", "f1", write("a"))
    (tmp_path / "mix" / "out.txt").write_text("changed")
    assert run.fingerprint("mix") is None


def fail(folder):
    (folder / "half.txt").write_text("half")
    raise RuntimeError("killed")


def test_a_stopped_stage_goes_on_where_it_was_when_its_inputs_are_the_same(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(RuntimeError, match="killed"):
        run.produce("mix", "f1", fail)
    seen = []
    run.produce("mix", "f1", lambda folder: seen.extend(path.name for path in folder.iterdir()))
    assert "half.txt" in seen


def test_a_stopped_stage_begins_anew_when_its_inputs_changed(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(RuntimeError, match="killed"):
        run.produce("mix", "f1", fail)
    run.produce("mix", "f2", write("b"))
    assert not (tmp_path / "mix" / "half.txt").exists()


def test_a_run_belongs_to_one_process(tmp_path):
    run = RunFolder(tmp_path)
    with run.lock(), pytest.raises(RunError, match="another seapo process works in"), run.lock():
        pass
    with run.lock():
        pass
