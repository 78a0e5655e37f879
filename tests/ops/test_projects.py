from lepton.ops import projects


def test_mirror_makes_equal_and_copies_only_what_differs(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    for name in ("a.txt", "deep/b.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    projects.mirror(source, target)
    assert {p.name: p.read_text() for p in target.rglob("*.txt")} == {"a.txt": "a.txt", "b.txt": "deep/b.txt"}
    inode = (target / "a.txt").stat().st_ino
    (source / "deep/b.txt").unlink()
    (source / "c.txt").write_text("c")
    projects.mirror(source, target)
    assert sorted(p.name for p in target.rglob("*.txt")) == ["a.txt", "c.txt"]
    assert (target / "a.txt").stat().st_ino == inode
