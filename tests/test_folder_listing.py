"""Listings: which files a folder or table names, their labels and parts, and what is said about the rest."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from photos import touched

from kinwise.data.folder.listing import Listing, list_pictures
from kinwise.data.folder.names import label_name, part_of, printable
from kinwise.errors import InputError

needs_links = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX systems")


def rows(listing: Listing) -> list[tuple[str, str, str]]:
    """id, label and part of each picture."""
    labels = ("/".join(label) for label in listing.labels)
    return list(zip(listing.ids, labels, listing.parts, strict=True))


def table(folder: Path, text: str, name: str = "photos.csv") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder / name


# --- names ------------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(min_codepoint=1, exclude_characters="/")), st.text(st.characters(min_codepoint=1)))
def test_printable_names_can_be_written_anywhere_and_stay_different(one: str, other: str) -> None:
    shown = printable(one)
    assert shown.isprintable()
    assert shown.encode("utf-8").decode() == shown
    assert (printable(other) == shown) == (other == one)
    assert label_name(one) == label_name(one).strip()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("snow día 犬.jpg", "snow día 犬.jpg"),
        ("a\nb\t'c\"<b>.jpg", "a\\nb\\t'c\"<b>.jpg"),
        ("back\\slash", "back\\\\slash"),
        (os.fsdecode(b"caf\xe9.jpg"), "caf\\xe9.jpg"),
        ("turned\u202eround", "turned\\u202eround"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_how_names_are_printed(name: str, shown: str) -> None:
    assert printable(name) == shown


def test_labels_are_composed_and_without_white_space_around_them() -> None:
    assert label_name(" cafe\u0301 ") == "caf\u00e9"
    assert label_name(" ") == "_"


def test_the_names_of_parts() -> None:
    known = {"train": ["train", "Training"], "validation": ["val", "VALID", "validation"], "test": ["test", "testing"]}
    assert {part: [name for name in names if part_of(name) == part] for part, names in known.items()} == known
    assert part_of("trains") == part_of("") == ""


# --- folders ----------------------------------------------------------------------------------------------------------


def test_folders_are_the_tree(tmp_path: Path) -> None:
    touched(tmp_path, ["tops/shirt/2.JPG", "tops/shirt/1.png", "tops/3.webp", "hat/4.gif", "hat/5.TIFF", "hat/6.bmp"])
    listing = list_pictures(tmp_path)
    assert rows(listing) == [
        ("hat/4.gif", "hat", ""),
        ("hat/5.TIFF", "hat", ""),
        ("hat/6.bmp", "hat", ""),
        ("tops/3.webp", "tops", ""),
        ("tops/shirt/1.png", "tops/shirt", ""),
        ("tops/shirt/2.JPG", "tops/shirt", ""),
    ]
    assert listing.files[4] == tmp_path / "tops" / "shirt" / "1.png"
    assert listing.skipped == ()
    assert listing.notes == (
        "there is no test part: of each class a fifth of the pictures is drawn, unless --split says otherwise",
    )


def test_what_is_no_picture_is_counted_and_what_has_no_class_is_listed(tmp_path: Path) -> None:
    names = ["a/1.jpg", "a/.2.jpg", ".git/3.jpg", "__MACOSX/a/1.jpg", "a/Thumbs.db", "a/x.txt", "b/4.jpg", "b/README"]
    touched(tmp_path, [*names, "5.jpg", "b/y.TXT"])
    listing = list_pictures(tmp_path)
    assert listing.ids == ("a/1.jpg", "b/4.jpg")
    assert listing.others == {".db": 1, ".txt": 2, "hidden": 3, "without a suffix": 1}
    assert listing.skipped == (("5.jpg", "lies in no folder of a class"),)


@pytest.mark.parametrize(("train", "val", "test"), [("train", "val", "test"), ("Training", "VALID", "Testing")])
def test_parts_are_the_folders_at_the_top(tmp_path: Path, train: str, val: str, test: str) -> None:
    touched(tmp_path, [f"{train}/a/1.jpg", f"{val}/a/2.jpg", f"{test}/b/c/3.jpg", f"{test}/4.jpg", "drafts/a/5.jpg"])
    listing = list_pictures(tmp_path)
    assert sorted(rows(listing)) == sorted(
        [
            (f"{test}/b/c/3.jpg", "b/c", "test"),
            (f"{train}/a/1.jpg", "a", "train"),
            (f"{val}/a/2.jpg", "a", "validation"),
        ]
    )
    assert dict(listing.skipped) == {
        f"{test}/4.jpg": "lies in no folder of a class",
        "drafts/a/5.jpg": f"lies beside the folders {', '.join(sorted([train, val, test]))}, in none of them",
    }
    assert listing.notes == ()


def test_without_a_test_folder_the_validation_folder_is_the_test_part(tmp_path: Path) -> None:
    listing = list_pictures(touched(tmp_path, ["train/a/1.jpg", "val/b/2.jpg"]))
    assert listing.parts == ("train", "test")
    assert listing.notes == ("there is no test part: the validation part is taken for it",)


def test_a_single_part(tmp_path: Path) -> None:
    only_train = list_pictures(touched(tmp_path / "1", ["train/a/1.jpg", "train/b/2.jpg"]))
    assert only_train.parts == ("train", "train")
    assert only_train.labels == (("a",), ("b",))
    assert "a fifth of the pictures is drawn" in only_train.notes[0]
    only_test = list_pictures(touched(tmp_path / "2", ["test/a/1.jpg", "test/b/2.jpg"]))
    assert only_test.parts == ("test", "test")
    assert only_test.notes == ("there is no train part: these pictures can be judged by, not learnt from",)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    listing = list_pictures(touched(tmp_path, ["train/1.jpg", "bus/2.jpg", "car/3.jpg"]))
    assert rows(listing) == [("bus/2.jpg", "bus", ""), ("car/3.jpg", "car", ""), ("train/1.jpg", "train", "")]


def test_parts_below_the_top_are_told(tmp_path: Path) -> None:
    touched(tmp_path / "1", ["photos/train/a/1.jpg", "photos/test/a/2.jpg"])
    with pytest.raises(InputError, match=f"holds nothing but photos/ with test, train; give {tmp_path}/1/photos$"):
        list_pictures(tmp_path / "1")
    listing = list_pictures(touched(tmp_path / "2", ["cat/test/2.jpg", "cat/train/1.jpg", "dog/train/1.jpg"]))
    assert listing.notes[0] == (
        "the folder cat/test counts as a class; parts are known at the top only: test/CLASS/picture.jpg"
    )


def test_a_folder_around_everything_is_no_node(tmp_path: Path) -> None:
    listing = list_pictures(touched(tmp_path, ["train/all/photos/a/1.jpg", "train/all/photos/b/c/2.jpg"]))
    assert listing.labels == (("a",), ("b", "c"))
    assert listing.notes[0] == "all pictures lie below all/photos, which is left out of the tree"


@needs_links
def test_links_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    root = touched(tmp_path / "photos", ["b/1.jpg", "c/d/2.jpg"])
    elsewhere = touched(tmp_path / "elsewhere", ["3.jpg", "deep/4.jpg"])
    for name, target in {
        "a": elsewhere,  # a class by a link
        "again": elsewhere,
        "a_copy_of_b": root / "b",  # comes before b, but b is the real folder
        "c/up": root,
        "c/round": root / "c" / "round",
        "b/5.jpg": root / "nowhere.jpg",
        "b/6.jpg": elsewhere / "3.jpg",
    }.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "b" / "7.jpg")
    listing = list_pictures(root)
    assert rows(listing) == [
        ("a/3.jpg", "a", ""),
        ("a/deep/4.jpg", "a/deep", ""),
        ("b/1.jpg", "b", ""),
        ("b/6.jpg", "b", ""),
        ("c/d/2.jpg", "c/d", ""),
    ]
    reasons = dict(listing.skipped)
    assert reasons == {
        "a_copy_of_b": "leads to a folder that was read already: b",
        "again": "leads to a folder that was read already: a",
        "b/5.jpg": "a symbolic link to nothing",
        "b/7.jpg": "a pipe, not a file",
        "c/round": "a symbolic link that leads back to itself",
        "c/up": "leads to a folder that was read already: the top",
    }


@needs_links
def test_folders_that_link_to_each_other_take_no_longer_than_they_are(tmp_path: Path) -> None:
    folders = [touched(tmp_path / f"f{number:02}", ["1.jpg"]) for number in range(30)]
    for folder in folders:
        for other in folders:
            (folder / f"to_{other.name}").symlink_to(other)  # 30! ways
    assert len(list_pictures(tmp_path)) == 30


def test_a_folder_that_cannot_be_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched(tmp_path, ["a/1.jpg", "b/2.jpg", "c/3.jpg"])
    scan = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "b":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr("kinwise.data.folder.walk.os.scandir", refuse)
    listing = list_pictures(tmp_path)
    assert listing.ids == ("a/1.jpg", "c/3.jpg")
    assert listing.skipped == (("b", "the folder cannot be read: Permission denied"),)


@pytest.mark.skipif(os.name != "posix", reason="names that other systems do not allow")
def test_hostile_names_survive(tmp_path: Path) -> None:
    names = ["a\nb/1\n.jpg", "<b>&\"'/2;.jpg", os.fsdecode(b"caf\xe9/\xff.jpg"), "  /3.jpg"]
    listing = list_pictures(touched(tmp_path, names))
    assert sorted(zip(listing.ids, listing.labels, strict=True)) == sorted(
        [
            ("a\\nb/1\\n.jpg", ("a\\nb",)),
            ("<b>&\"'/2;.jpg", ("<b>&\"'",)),
            ("caf\\xe9/\\xff.jpg", ("caf\\xe9",)),
            ("  /3.jpg", ("__",)),
        ]
    )
    assert all(file.is_file() for file in listing.files)


# --- tables -----------------------------------------------------------------------------------------------------------

PICTURES = ["p/1.jpg", "p/2.jpg", "p/3.bin"]


@pytest.mark.parametrize(
    "text",
    [
        "path,group,class,part\np/2.jpg,tops,shirt,train\np/1.jpg,tops,,Training\np/3.bin,hat,,val\n",
        "\ufeffFile Name;group;split;class\r\np/2.jpg;tops;;shirt\r\n./p/1.jpg;tops;train;\r\np/3.bin;hat;test\r\n",
        ",image,group,class,subset\n0,p\\2.jpg,tops,shirt,train\n1,p/../p/1.jpg,tops,,\n2,p/3.bin,hat,,testing\n",
    ],
    ids=["commas", "semicolons and a byte order mark", "numbered rows and backslashes"],
)
def test_tables(tmp_path: Path, text: str) -> None:
    listing = list_pictures(table(touched(tmp_path, PICTURES), text))
    assert rows(listing) == [
        ("p/1.jpg", "tops", "train"),
        ("p/2.jpg", "tops/shirt", "train"),
        ("p/3.bin", "hat", "test"),
    ]
    assert listing.levels == ("group", "class")
    assert listing.root == tmp_path
    assert all(file.is_file() for file in listing.files)


def test_a_table_without_parts_in_tabs_with_an_unusual_header(tmp_path: Path) -> None:
    touched(tmp_path, ["1.jpg", "2.jpg"])
    listing = list_pictures(table(tmp_path, "which one\tkind\n1.jpg\tant\n2.jpg\tbee\n", "t.TSV"))
    assert rows(listing) == [("1.jpg", "ant", ""), ("2.jpg", "bee", "")]
    assert "a fifth of the pictures" in listing.notes[0]


def test_a_table_that_runs_fine_to_coarse_is_turned_round(tmp_path: Path) -> None:
    touched(tmp_path, ["1.jpg", "2.jpg", "3.jpg"])
    text = "path,species,genus\n1.jpg,s1,g1\n2.jpg,s2,g1\n3.jpg,s3,g2\n"
    listing = list_pictures(table(tmp_path, text))
    assert listing.labels == (("g1", "s1"), ("g1", "s2"), ("g2", "s3"))
    assert listing.levels == ("genus", "species")
    assert listing.notes[0] == "the columns run fine to coarse and were turned round: genus > species"


def test_files_of_a_table_may_lie_anywhere(tmp_path: Path) -> None:
    outside = touched(tmp_path, ["x/1.jpg", "y/2.jpg"])
    (tmp_path / "t").mkdir()
    listing = list_pictures(table(tmp_path / "t", f"path,class\n../x/1.jpg,a\n{outside / 'y' / '2.jpg'},b\n"))
    assert listing.ids == ("../x/1.jpg", f"{outside.as_posix()}/y/2.jpg")
    assert all(file.is_file() for file in listing.files)


def test_rows_that_give_no_picture_are_listed_with_their_line(tmp_path: Path) -> None:
    touched(tmp_path, PICTURES)
    text = "path,class\np/1.jpg,a\np/2.jpg,b\np/4.jpg,b\np,b\np/3.bin,\n./p/1.jpg,a\np/2.jpg,a\n,a\n"
    assert list_pictures(table(tmp_path, text)).skipped == (
        (".", "line 9: names no file"),
        ("p", "line 5: not a plain file"),
        ("p/1.jpg", "line 7: stands in line 2 already"),
        ("p/2.jpg", "line 8: stands in line 3 already, there as b, here as a"),
        ("p/3.bin", "line 6: has no label"),
        ("p/4.jpg", "line 4: there is no such file"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty; expected a table with the columns path and class"),
        (b"a,b\n1,2\n", "has the columns a, b; expected one with the picture files, called path, file, filename or im"),
        (b"p/1.jpg,ant\np/2.jpg,bee\n", "its first line must name the columns: path,class for example"),
        (b"path,part\np/1.jpg,train\n", "has the columns path, part; expected one more for the class"),
        (b"path,group,class\np/1.jpg,,ant\n", "line 2: the group is empty but the class is not; fill it"),
        (b"path,class,part\np/1.jpg,ant,dev\n", "line 2: the part is 'dev'; expected train, validation or test"),
        (b"path,class\np/9.jpg,ant\np/8.jpg,bee\n", "no picture that can be used; p/9.jpg, line 2: there is no such f"),
        (b"path,class\np/1.jpg,caf\xe9\n", "line 2: not UTF-8 text; save the file as UTF-8"),
        ("path,class\n".encode("utf-16"), "is not UTF-8 text; save it as CSV in UTF-8"),
        (b'path,class\n"p/1.jpg,ant\n', "not CSV"),
    ],
)
def test_faults_of_tables(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(text)
    touched(tmp_path, PICTURES)
    with pytest.raises(InputError, match=message) as raised:
        list_pictures(tmp_path / "t.csv")
    assert str(tmp_path / "t.csv") in str(raised.value)


# --- what is neither --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("photos.zip", "is an archive; unpack it first and give the folder that comes of it"),
        ("photos.tar.gz", "is an archive"),
        ("cat.jpg", "cat.jpg is a picture; expected a folder with a folder of pictures per class, or a table"),
        ("notes.txt", "is no folder and no table"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, message: str) -> None:
    touched(tmp_path, [name])
    with pytest.raises(InputError, match=message):
        list_pictures(tmp_path / name)


def test_folders_without_labelled_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"there are no pictures in {tmp_path}; expected one folder per class"):
        list_pictures(tmp_path)
    touched(tmp_path, ["a.txt", "b.txt", "labels.csv", ".hidden"])
    with pytest.raises(InputError, match=r"\(but other files: 2 .txt, 1 hidden, 1 .csv\).*or give the table .*labels"):
        list_pictures(tmp_path)
    touched(tmp_path, ["1.jpg", "train/2.jpg"])
    with pytest.raises(InputError, match=r"no picture of the 2 in .* lies in the folder of a class; expected one fold"):
        list_pictures(tmp_path)
