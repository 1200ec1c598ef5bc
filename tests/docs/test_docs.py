"""What README and docs say exists: commands, options, files, keys, worker commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
import yaml
from pydantic.fields import FieldInfo

import protein_sweeps
from shared.config.compose import compose
from shared.config.protein import NO_EFFECT, ProteinSettings
from shared.config.schema import Budget, SweepConfig, SweepJob
from shared.config.settings import WorkerSettings
from shared.control.init import plan
from shared.control.missing import COMMANDS
from shared.local.workers import LOCAL_SETTINGS
from shared.store import keys
from sweepctl.main import app

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*/README.md"))
FRONT = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES = sorted([*FRONT, *(ROOT / "docs").rglob("*.md"), *EXAMPLES])
CONFIGURATION = ROOT / "docs/reference/configuration.md"
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?: title=\"(?P<file>[^\"\n]+)\")?\n(?P<code>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)
INLINE = re.compile(r"`(?P<code>[^`\n]+)`")
SOURCES = re.compile(r"`((?:protein_sweeps|sweepctl|services|shared|configs|tests|docs|benchmarks)/[\w./-]*)`")
DECISIONS = re.compile(r"^\| \[(?P<part>[^\]]+)\]\((?P<page>[^)]+)\) \|", re.MULTILINE)
SUBCOMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
WORKERS = [["celery", *command] for command in COMMANDS.values()] + [["celery", "-A", "services.trainer", "flower"]]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

INSIDE = ("architecture.md", "CONTRIBUTING.md", "CHANGELOG.md")  # for people who change the code
USERS = [page for page in PAGES if page.name not in INSIDE and page.parent.name != "decisions"]
WORKING = [page for page in PAGES if page.name != "errors.md"]  # there they fail on purpose


@EACH_PAGE
def test_every_link_to_a_file_and_to_a_heading_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        assert place.exists(), target
        assert not anchor or anchor in anchors_of(place), target


@EACH_PAGE
def test_every_command_of_sweepctl_exists_with_its_options(page: Path) -> None:
    for words in commands_in(page, "sweepctl"):
        if len(words) == 1 or words[1] in ("COMMAND", "--help"):
            continue
        assert words[1] in SUBCOMMANDS, words
        known = {option for parameter in SUBCOMMANDS[words[1]].params for option in parameter.opts} | {
            "--debug",
            "--help",
        }
        assert {word for word in words[2:] if word.startswith("--")} <= known, words


@EACH_PAGE
def test_every_worker_command_is_one_that_sweepctl_starts(page: Path) -> None:
    for words in commands_in(page, "celery"):
        if len(words) > 1:
            gpu = ["gpu" if word == "cpu" else word for word in words]
            assert gpu in WORKERS, words


@pytest.mark.parametrize("page", WORKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_config_that_is_shown_composes(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep/line.yaml").write_text(yaml_in(ROOT / "docs/guides/own-code.md"))
    for place, text in plan("function", None).items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    for shown in fences(page):
        if shown["file"]:
            place = tmp_path / Path(shown["file"]).relative_to("configs")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(shown["code"])
    config_dir = page.parent / "configs" if page in EXAMPLES else tmp_path
    for words in commands_in(page, "sweepctl"):
        if words[1:2] and words[1] in ("run", "rollout", "submit", "config", "check") and len(words) > 2:
            name, *overrides = [word.replace("NAME", "mine") for word in words[2:] if not word.startswith("--")]
            if name.isupper() or "[" in name or "..." in overrides:
                continue
            compose(name, overrides, config_dir=config_dir, pin="--pin" in words)


@EACH_PAGE
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    for words in commands_in(page, "make"):
        assert {word for word in words[1:] if "=" not in word} <= targets, words


def test_the_readme_names_all_worker_commands() -> None:
    named = list(commands_in(ROOT / "README.md", "celery"))

    assert [command for command in WORKERS if command not in named] == []


def test_the_command_line_page_names_all_commands() -> None:
    named = {words[1] for words in commands_in(ROOT / "docs/reference/command-line.md", "sweepctl") if len(words) > 1}

    assert set(SUBCOMMANDS) <= named


def test_the_worker_settings_page_names_all_settings_with_their_defaults() -> None:
    rows = {row[0].strip("` "): row for row in rows_in(ROOT / "docs/reference/worker-settings.md")}

    for name, field in WorkerSettings.model_fields.items():
        variable = f"SWEEP_{name.upper()}"
        assert variable in rows
        if isinstance(field.default, int | float):
            assert rows[variable][1].strip() == f"{field.default:g}"
        if variable in LOCAL_SETTINGS:
            assert rows[variable][2].strip() == LOCAL_SETTINGS[variable]


GROUPS = ("trainer", "sim", "sweep", "wandb")  # with headings of their own
JOB = {key: field for key, field in SweepJob.model_fields.items() if key not in (*GROUPS, "budget")}
BUDGET = {f"budget.{key}": field for key, field in Budget.model_fields.items()}
PROTEIN = {key: field for key, field in ProteinSettings.model_fields.items() if key not in NO_EFFECT}


@pytest.mark.parametrize(
    ("heading", "fields"),
    [
        ("## The whole: `sweep_job.yaml`", JOB | BUDGET),
        ("## The sweep: group `sweep/`", dict(SweepConfig.model_fields)),
        ("### Protein", PROTEIN),
    ],
)
def test_the_configuration_page_has_the_keys_and_defaults_of_the_schema(
    heading: str, fields: dict[str, FieldInfo]
) -> None:
    section = CONFIGURATION.read_text().partition(f"\n{heading}\n")[2].partition("\n#")[0]
    rows = {row[0].strip("` "): yaml.safe_load(row[1].strip("` ")) for row in rows_of(section)}

    assert sorted(rows) == sorted(fields)
    for key, said in rows.items():
        if fields[key].is_required() or fields[key].default is None:  # then it may say in words what stands for it
            assert said is None or isinstance(said, str), key
        else:
            assert said == fields[key].default, key


def test_the_configuration_page_names_all_settings_of_protein_that_have_no_effect() -> None:
    paragraph = CONFIGURATION.read_text().partition("\nAccepted from published configs")[2].partition("\n\n")[0]

    assert set(INLINE.findall(paragraph)) == set(NO_EFFECT)


def test_the_store_page_has_the_data_dictionary_of_the_source() -> None:
    named = {name for row in rows_in(ROOT / "docs/reference/store.md") for name in re.findall(r"`([^`]+)`", row[0])}

    in_source = {row.split("|")[1].strip() for row in (keys.__doc__ or "").splitlines() if row.startswith("|")}

    assert {key for key in in_source if key != "key" and not key.startswith("-")} <= named


@pytest.mark.parametrize("page", [page for page in PAGES if page not in USERS], ids=lambda page: page.name)
def test_pages_for_contributors_name_files_that_exist(page: Path) -> None:
    named = {word for word in SOURCES.findall(page.read_text()) if "NAME" not in word}

    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_decisions_are_numbered_without_a_gap_and_the_list_of_parts_has_them_all() -> None:
    folder = ROOT / "docs/decisions"
    numbers = {
        page.name: [int(number) for number in re.findall(r"^## D(\d+) ", page.read_text(), re.MULTILINE)]
        for page in sorted(folder.glob("[0-9]*.md"))
    }
    listed = {link: text for text, link in DECISIONS.findall((folder / "index.md").read_text())}
    used = sorted(number for page in numbers.values() for number in page)

    assert list(listed) == list(numbers)
    assert used == list(range(1, len(used) + 1))
    assert f"(D{len(used) + 1})" in (folder / "index.md").read_text()
    assert all(page == sorted(page) for page in numbers.values())


def test_the_readme_shows_the_quick_sweep_as_it_is() -> None:
    assert yaml_in(ROOT / "README.md") == (ROOT / "configs/sweep/quick.yaml").read_text()


def test_the_example_of_conditions_is_a_sweep(tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep/mine.yaml").write_text(yaml_in(ROOT / "docs/reference/configuration.md"))

    parameters = compose("mine", ["trainer=noop", "sim=none"], config_dir=tmp_path).job.sweep.parameters

    assert "when" in parameters["trainer"]["optimizer"]["momentum"]


def test_the_example_of_your_own_code_can_be_called(tmp_path: Path) -> None:
    code = next(match["code"] for match in fences(ROOT / "docs/guides/own-code.md") if match["language"] == "python")
    names: dict[str, object] = {}

    exec(compile(code, "curve_fit.py", "exec"), names)

    assert callable(names["train"])


@EACH_PAGE
def test_every_piece_of_python_can_be_read(page: Path) -> None:
    for shown in fences(page):
        if shown["language"] == "python":
            compile(shown["code"], str(page), "exec")


@pytest.mark.slow
def test_the_guide_of_sweeps_from_python_runs_as_one_script(tmp_path: Path) -> None:
    page = ROOT / "docs/guides/python.md"
    script = "\n".join(match["code"] for match in fences(page) if match["language"] == "python")
    (tmp_path / "script.py").write_text(script)
    environment = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATA_DIR")}

    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
    )

    assert ended.returncode == 0, ended.stderr


def test_every_public_name_is_on_one_api_page_and_in_the_list_of_pages() -> None:
    folder = ROOT / "docs/reference/api"
    shown = [
        name
        for page in sorted(folder.glob("*.md"))
        for name in re.findall(r"::: protein_sweeps\.(\w+)", page.read_text())
    ]

    assert sorted(shown) == sorted(protein_sweeps.__all__)
    assert set(protein_sweeps.__all__) <= set(INLINE.findall((folder / "index.md").read_text()))


@pytest.mark.parametrize("page", USERS, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_for_users_import_nothing_but_the_public_package(page: Path) -> None:
    imports = re.findall(r"^\s*(?:from|import) (services|shared|sweepctl|configs)\b", page.read_text(), re.MULTILINE)

    assert imports == []
    assert re.findall(r"\b(?:services|shared)\.[a-z_]+\.[a-z_.]+", page.read_text()) == []


@pytest.mark.slow
def test_the_example_of_the_optimizer_runs() -> None:
    (code,) = (match["code"] for match in fences(ROOT / "docs/reference/optimizer.md") if match["language"] == "python")
    names: dict[str, object] = {}

    exec(compile(code, "optimizer.py", "exec"), names)

    assert names["first"] != names["second"]


def commands_in(page: Path, program: str) -> list[list[str]]:
    """Return the words of every command of `program` in a page: in blocks, and in code inside the text."""
    text = page.read_text()
    lines = [line for match in FENCE.finditer(text) if match["language"] == "sh" for line in match["code"].splitlines()]
    lines += [match["code"] for match in INLINE.finditer(FENCE.sub("", text))]
    found = []
    for line in lines:
        words = shlex.split(line.replace("\\|", "|"), comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        if words[:1] == [program]:
            found.append(words)
    return found


def fences(page: Path) -> list[re.Match[str]]:
    return list(FENCE.finditer(page.read_text()))


def yaml_in(page: Path) -> str:
    text = next(match["code"] for match in fences(page) if match["language"] == "yaml")
    assert yaml.safe_load(text)
    return str(text)


def rows_in(page: Path) -> list[list[str]]:
    return rows_of(page.read_text())


def rows_of(text: str) -> list[list[str]]:
    return [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_security_page_names_tests_that_exist() -> None:
    page = (ROOT / "docs/reference/security.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))

    assert len(named) > 30
    assert named - set(re.findall(r"^def (test_\w+)\(", sources, re.MULTILINE)) == set()


def test_every_defence_of_the_security_page_names_a_test() -> None:
    rows = [line for line in (ROOT / "docs/reference/security.md").read_text().splitlines() if line.startswith("| ")]

    assert [row for row in rows[1:] if "`test_" not in row] == []
