"""The lock files agree with pyproject.toml and constraints.txt, and hold a hash for each file."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions, metadata

from tests.unit.deploy.compose import ROOT

LOCKS = (ROOT / "deploy" / "requirements.lock", ROOT / "deploy" / "torch.lock")
ENTRY = re.compile(
    r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ;[^\\]*)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE
)
PERMISSIVE = re.compile(
    r"apache|mit\b|bsd|isc|psf|python|public domain|unlicense|zlib|0bsd|cnri|hpnd", re.IGNORECASE
)
LICENCES = (ROOT / "docs" / "licences.md").read_text("utf-8")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    return {
        canonical(found[1]): found[2] for lock in LOCKS for found in ENTRY.finditer(lock.read_text("utf-8"))
    }


def constrained() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return {
        canonical(name): version for name, _, version in (line.partition("==") for line in lines) if version
    }


def required() -> Iterator[str]:
    """What the product needs, with the extras of the product."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for requirement in sum((extras[name] for name in extras if name != "dev"), project["dependencies"]):
        yield canonical(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])


def test_the_lock_and_the_constraints_agree() -> None:
    both = locked().keys() & constrained().keys()
    assert len(both) > 80
    assert {name: locked()[name] for name in both} == {name: constrained()[name] for name in both}, (
        "run make lock"
    )


def test_the_lock_holds_everything_that_the_product_requires() -> None:
    assert [name for name in required() if name not in locked()] == [], "run make lock"


def test_every_line_of_a_lock_is_a_version_with_hashes() -> None:
    for lock in LOCKS:
        text = lock.read_text("utf-8")
        assert re.sub(r"\s+", "", ENTRY.sub("", re.sub(r"^#.*$", "", text, flags=re.MULTILINE))) == ""


def test_torch_and_what_only_it_needs_are_in_their_own_lock() -> None:
    rest, torch = (lock.read_text("utf-8") for lock in LOCKS)
    assert "\ntorch==" in torch
    assert not re.search(r"^(torch|triton|nvidia-(?!ml-py))", rest, re.MULTILINE)


def licence_of(name: str) -> str:
    found = metadata(name).json
    stated = (found.get("license_expression"), str(found.get("license", ""))[:100])
    classifiers = [one for one in found.get("classifier", ()) if one.startswith("License")]
    return " ".join(map(str, (*filter(None, stated), *classifiers)))


def is_in_order(name: str) -> bool:
    stated = licence_of(name)
    if re.search(r"AGPL|(?<!L)GPL", stated):
        return False
    asks_for_more = re.search(r"GPL|MPL|Mozilla|EUPL|CDDL|Proprietary", stated)
    return f"`{name}`" in LICENCES or bool(PERMISSIVE.search(stated) and not asks_for_more)


def test_every_installed_dependency_is_permissively_licensed_or_named_on_the_page() -> None:
    installed = {canonical(one.name) for one in distributions()} & locked().keys()
    assert len(installed) > 60
    assert [f"{name}: {licence_of(name)}" for name in sorted(installed) if not is_in_order(name)] == []
