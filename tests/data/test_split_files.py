import pytest

from yanmo.data.split_files import find_split
from yanmo.data.tasks import Task, TaskSet
from yanmo.errors import InputError

SOHU = TaskSet.load("sohu")
CHINESE = {
    "ssA": "短短匹配A类",
    "ssB": "短短匹配B类",
    "slA": "短长匹配A类",
    "slB": "短长匹配B类",
    "llA": "长长匹配A类",
    "llB": "长长匹配B类",
}


def make(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(root, split, tasks=SOHU):
    return {name: path.relative_to(root).as_posix() for name, path in find_split(root, tasks, split).items()}


def test_folders_by_task_name(tmp_path):
    make(
        tmp_path, *(f"{name}/{file}" for name in SOHU.names for file in ("train.txt", "valid.txt", "test_with_id.txt"))
    )
    make(tmp_path, "ssA/train.provenance.txt", "ssA/samples.txt")
    for split, file in (("train", "train"), ("valid", "valid"), ("test", "test_with_id"), ("dev", "valid")):
        assert found(tmp_path, split) == {name: f"{name}/{file}.txt" for name in SOHU.names}
    assert found(tmp_path, "samples") == {"ssA": "ssA/samples.txt"}


def test_folders_by_their_original_names(tmp_path):
    make(tmp_path, *(f"{folder}/train.txt" for folder in CHINESE.values()))
    assert found(tmp_path, "train") == {name: f"{folder}/train.txt" for name, folder in CHINESE.items()}


def test_shared_folders(tmp_path):
    make(tmp_path, "ss/train.txt", "sl/train.jsonl.gz", "ll/train.csv.zst")
    paths = found(tmp_path, "train")
    assert paths["ssA"] == paths["ssB"] == "ss/train.txt"
    assert paths["slA"] == paths["slB"] == "sl/train.jsonl.gz"
    assert paths["llA"] == paths["llB"] == "ll/train.csv.zst"
    assert tuple(paths) == SOHU.names


def test_the_first_folder_that_holds_the_split_is_taken(tmp_path):
    make(tmp_path, "ssA/train.txt", "ss/train.txt", "ss/valid.txt")
    assert found(tmp_path, "train") == {"ssA": "ssA/train.txt", "ssB": "ss/train.txt"}
    assert found(tmp_path, "valid") == {"ssA": "ss/valid.txt", "ssB": "ss/valid.txt"}


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".json", ".ndjson", ".csv", ".tsv"])
@pytest.mark.parametrize("packing", ["", ".gz", ".zst", ".xz"])
def test_every_kind_of_file(tmp_path, suffix, packing):
    tasks = TaskSet(name="one", tasks=(Task(name="lcqmc", folders="pairs/lcqmc"),))
    make(tmp_path, f"pairs/lcqmc/dev{suffix}{packing}")
    assert found(tmp_path, "valid", tasks) == {"lcqmc": f"pairs/lcqmc/dev{suffix}{packing}"}


def test_exact_names_go_before_their_likes(tmp_path):
    make(tmp_path, "ssA/dev.txt", "ssA/valid.txt", "ssA/test.txt")
    assert found(tmp_path, "valid") == {"ssA": "ssA/valid.txt"}
    assert found(tmp_path, "dev") == {"ssA": "ssA/dev.txt"}
    assert found(tmp_path, "test") == {"ssA": "ssA/test.txt"}


def test_the_same_split_twice_is_not_guessed(tmp_path):
    make(tmp_path, "ssA/train.txt", "ssA/train.jsonl.gz")
    with pytest.raises(InputError, match=r"train\.txt and train\.jsonl\.gz"):
        find_split(tmp_path, SOHU, "train")


def test_nothing_found_says_where_it_looked_and_what_is_there(tmp_path):
    make(tmp_path, "Sohu/ssA/train.txt")
    with pytest.raises(InputError, match=r"split 'train'.*ssA, 短短匹配A类, ss, .*holds Sohu"):
        find_split(tmp_path, SOHU, "train")
    with pytest.raises(InputError, match="no folder"):
        find_split(tmp_path / "none", SOHU, "train")
